"""Say which join link the portal finds in an event, and with --explain why not another one."""

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from meetings.joining import SERVICES, JoinLink, choose_join, explain_links, find_links, without_personal_parts

SOURCE_OF_FIELD = {
    "conferenceData": "conference",
    "onlineMeeting.joinUrl": "conference",
    "conference": "conference",
    "url": "url",
    "location": "location",
    "description_text": "body",
    "description_html": "body",
    "description": "body",
    "body": "body",
}
NOT_SEARCHED = frozenset({"title", "conferencePhone"})


class BadLine(ValueError):
    """A line that cannot be answered; the message is the sentence for the person who sent it."""


class Command(BaseCommand):
    help = (
        "Finds the join link in events: reads JSON lines {id, input_text, location, fields?} and writes "
        "{id, service, url}, with null where there is none. `location` names the field input_text stands in "
        f"({', '.join(SOURCE_OF_FIELD)}); `fields`, where given, holds several fields by name and counts instead. "
        "What belongs to the recipient alone (tk) is left out of every answer."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", help="JSON lines in UTF-8 (default: standard input)")
        parser.add_argument("--explain", action="store_true", help="add every candidate and why the others are none")
        parser.add_argument(
            "--service", action="append", choices=sorted(SERVICES), metavar="KEY",
            help="a service that is switched on, may be repeated (default: all of them)",
        )  # fmt: skip
        parser.add_argument(
            "--vanity-host", action="append", default=[], metavar="HOST",
            help="an organization's own host name for Zoom, may be repeated",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        services = frozenset(options["service"] or SERVICES)
        hosts = {
            "own_hosts": frozenset({urlsplit(settings.PUBLIC_URL).netloc}),
            "vanity_hosts": frozenset(options["vanity_host"]),
        }
        answered = bad = 0
        with ExitStack() as stack:
            lines = self._open(options["file"], stack)
            try:
                for number, line in enumerate(lines, start=1):
                    if not line.strip():
                        continue
                    try:
                        answer = _answer(_parse(line), services, hosts, is_explained=options["explain"])
                    except BadLine as problem:
                        bad += 1
                        self.stderr.write(f"Line {number}: {problem}")
                    else:
                        answered += 1
                        self.stdout.write(json.dumps(answer))
            except BrokenPipeError:
                # The reader (`head`, say) has seen enough. Python writes what is left at its end: to nowhere.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return
        if bad:
            raise CommandError(f"{bad} line(s) could not be read, see above. The other {answered} were answered.")

    def _open(self, name: str | None, stack: ExitStack) -> BinaryIO:
        if name is None or name == "-":
            return sys.stdin.buffer
        try:
            return stack.enter_context(Path(name).open("rb"))
        except OSError as error:
            raise CommandError(f"{name} cannot be read ({error.strerror}). Name a file of JSON lines.") from None


def _parse(line: bytes) -> dict[str, Any]:
    """One event. Raises BadLine."""
    try:
        event = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadLine("it is not UTF-8 text.") from None
    except (ValueError, RecursionError):
        raise BadLine("it is not JSON. One event per line, in double quotes, is expected.") from None
    if not isinstance(event, dict):
        raise BadLine('it is not an object like {"id": 1, "input_text": "…", "location": "body"}.')
    if "id" not in event:
        raise BadLine('it has no "id" to answer under.')
    return event


def _read_fields(event: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each field's name and text. Raises BadLine."""
    fields = event.get("fields")
    if fields is None:
        name = event.get("location", "body")
        if "input_text" not in event:
            raise BadLine('it has neither "input_text" nor "fields".')
        if not isinstance(name, str) or (name not in SOURCE_OF_FIELD and name not in NOT_SEARCHED):
            expected = ", ".join(SOURCE_OF_FIELD)
            raise BadLine(f'its "location" has to name the field of input_text ({expected}), not {name!r}.')
        fields = {name: event["input_text"]}
    elif not isinstance(fields, dict):
        raise BadLine('its "fields" is not an object of field names and texts.')
    for name, value in fields.items():
        texts = value if isinstance(value, list) else [] if value is None else [value]
        for text in texts:
            if not isinstance(text, str):
                raise BadLine(f"the field {name!r} is neither a text nor a list of texts.")
            yield name, text


def _answer(
    event: dict[str, Any], services: frozenset[str], hosts: dict[str, frozenset[str]], *, is_explained: bool
) -> dict[str, Any]:
    sources: dict[str, list[str]] = {"conference": [], "url": [], "location": [], "body": []}
    not_searched = set()
    for name, text in _read_fields(event):
        if name in SOURCE_OF_FIELD:
            sources[SOURCE_OF_FIELD[name]].append(text)
        else:
            not_searched.add(name)
    given: dict[str, Any] = {source: "\n".join(texts) for source, texts in sources.items()}
    given |= hosts
    explanation = explain_links(**given) if is_explained else None
    links = explanation.links if explanation else find_links(**given)
    chosen = choose_join(links, services)
    answer = {
        "id": event["id"],
        "service": chosen.service if chosen else None,
        "url": without_personal_parts(chosen).url if chosen else None,
    }
    if explanation:
        answer["candidates"] = [_dump_candidate(link, chosen, services) for link in links]
        answer["refused"] = [
            {"url": one.url, "source": one.source, "reason": one.reason} for one in explanation.refused
        ]
        answer["not_searched"] = sorted(not_searched)
    return answer


def _dump_candidate(link: JoinLink, chosen: JoinLink | None, services: frozenset[str]) -> dict[str, Any]:
    """`why_not` is None for the link behind the button."""
    name = SERVICES[link.service].name
    if link is chosen:
        why_not = None
    elif link.kind == "register":
        why_not = "It leads to a registration page, not into the meeting."
    elif link.service not in services:
        why_not = f"{name} is not switched on."
    else:
        why_not = (
            "Another one comes first: it stands in an earlier field, carries its passcode, or is first in the text."
        )
    return {
        "service": link.service,
        "url": without_personal_parts(link).url,
        "source": link.source,
        "has_passcode": link.has_passcode,
        "why_not": why_not,
    }
