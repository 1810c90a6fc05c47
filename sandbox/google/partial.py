"""Partial responses: the `fields` parameter, such as `items(id,start/dateTime),nextPageToken`."""

from __future__ import annotations

import re
from typing import Any

from sandbox.google.errors import GoogleError, calendar_error

# name → the mask below it; an empty mask means everything below
Mask = dict[str, "Mask"]
NAME = re.compile(r"[A-Za-z0-9_@.-]+|\*")


def parse_fields(text: str) -> Mask | None:
    """The mask, or None for "everything".

    Reference: https://developers.google.com/workspace/calendar/api/guides/performance#partial
    Raises GoogleError (400 invalidParameter).
    """
    if not text.strip() or text.strip() == "*":
        return None
    mask, position = _parse_list(text, 0)
    if position != len(text):
        raise _refusal(text)
    return mask


def _refusal(text: str) -> GoogleError:
    return calendar_error(400, "invalidParameter", f"Invalid field selection {text}", location="fields")


def _parse_list(text: str, position: int) -> tuple[Mask, int]:
    mask: Mask = {}
    while True:
        position = _parse_path(text, position, mask)
        if position < len(text) and text[position] == ",":
            position += 1
            continue
        return mask, position


def _parse_path(text: str, position: int, mask: Mask) -> int:
    names: list[str] = []
    while True:
        while position < len(text) and text[position] == " ":
            position += 1
        match = NAME.match(text, position)
        if not match:
            raise _refusal(text)
        names.append(match[0])
        position = match.end()
        if position < len(text) and text[position] == "/":
            position += 1
            continue
        break
    below: Mask = {}
    if position < len(text) and text[position] == "(":
        below, position = _parse_list(text, position + 1)
        if position >= len(text) or text[position] != ")":
            raise _refusal(text)
        position += 1
    target = mask
    for name in names[:-1]:
        target = target.setdefault(name, {})
    last = names[-1]
    if below and (last not in target or target[last]):
        _merge(target.setdefault(last, {}), below)
    else:
        target[last] = {}
    return position


def _merge(target: Mask, extra: Mask) -> None:
    for name, below in extra.items():
        if name in target and target[name] and below:
            _merge(target[name], below)
        else:
            target[name] = {} if name in target else below


def apply_mask(value: Any, mask: Mask | None) -> Any:
    """Only what the mask names; lists are looked through."""
    if not mask:
        return value
    if isinstance(value, list):
        return [apply_mask(item, mask) for item in value]
    if not isinstance(value, dict):
        return value
    if "*" in mask:
        return {name: apply_mask(item, mask["*"]) for name, item in value.items()}
    return {name: apply_mask(item, mask[name]) for name, item in value.items() if name in mask}


def reaches(mask: Mask | None, name: str) -> Mask | None:
    """The mask for what lies under `name`: None for everything. Raises KeyError where the mask leaves it out."""
    if mask is None:
        return None
    found = mask.get(name, mask.get("*"))
    if found is None:
        raise KeyError(name)
    return found or None
