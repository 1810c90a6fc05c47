"""$filter and $orderby as the lists of events and contacts take them.

Reference: https://learn.microsoft.com/en-us/graph/filter-query-parameter
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sandbox.microsoft.graph_errors import GraphError, bad_request

Test = Callable[[Any], bool]
TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?(?![\w-]))|(?P<moment>\d{4}-\d\d-\d\d[0-9T:.Z+-]*)"
    r"|(?P<word>[A-Za-z_][\w/]*)|(?P<sign>[():,]))"
)
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
}  # fmt: skip
FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith, "endswith": str.endswith, "contains": lambda text, part: part in text,
}  # fmt: skip


def reach(item: Any, path: str) -> Any:
    """A property by its path, `start/dateTime`; names in any case. None where there is none."""
    for name in path.split("/"):
        if not isinstance(item, dict):
            return None
        item = item[name] if name in item else {key.lower(): one for key, one in item.items()}.get(name.lower())
    return item


def _plain(value: Any) -> Any:
    """For comparing: text without case, moments without their odd digits."""
    return value.casefold() if isinstance(value, str) else value


class Parser:
    """Recursive descent over one $filter; `variable` is what a lambda calls its item."""

    def __init__(self, text: str) -> None:
        self.text, self.position = text, 0
        self.tokens: list[tuple[str, str]] = []
        text = text.rstrip()
        while self.position < len(text):
            match = TOKEN.match(text, self.position)
            if not match:
                raise self.refusal()
            self.tokens.append((match.lastgroup or "", match[match.lastgroup or 0]))
            self.position = match.end()
        self.position = 0

    def refusal(self) -> GraphError:
        return bad_request(f"Invalid filter clause: Syntax error at position {self.position} in '{self.text}'.")

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("", "")

    def take(self, value: str = "") -> tuple[str, str]:
        token = self.peek()
        if not token[0] or (value and token[1].lower() != value):
            raise self.refusal()
        self.position += 1
        return token

    def parse(self) -> Test:
        test = self.either("")
        if self.position != len(self.tokens):
            raise self.refusal()
        return test

    def either(self, variable: str) -> Test:
        tests = [self.both(variable)]
        while self.peek()[1].lower() == "or":
            self.take()
            tests.append(self.both(variable))
        return tests[0] if len(tests) == 1 else lambda item: any(test(item) for test in tests)

    def both(self, variable: str) -> Test:
        tests = [self.one(variable)]
        while self.peek()[1].lower() == "and":
            self.take()
            tests.append(self.one(variable))
        return tests[0] if len(tests) == 1 else lambda item: all(test(item) for test in tests)

    def one(self, variable: str) -> Test:
        kind, value = self.take()
        if value == "(":
            inner = self.either(variable)
            self.take(")")
            return inner
        if kind != "word":
            raise self.refusal()
        if value.lower() == "not":
            negated = self.one(variable)
            return lambda item: not negated(item)
        if value.lower() in FUNCTIONS:
            return self.function(FUNCTIONS[value.lower()], variable)
        path, _, last = value.rpartition("/")
        if last.lower() == "any" and self.peek()[1] == "(":
            return self.lambda_over(path)
        return self.comparison(value, variable)

    def function(self, act: Callable[[str, str], bool], variable: str) -> Test:
        self.take("(")
        path = self.path(self.take()[1], variable)
        self.take(",")
        kind, text = self.take()
        self.take(")")
        if kind != "text":
            raise self.refusal()
        wanted = _plain(self.literal(kind, text))
        return lambda item: act(str(_plain(reach(item, path)) or ""), wanted)

    def lambda_over(self, path: str) -> Test:
        self.take("(")
        variable = self.take()[1]
        self.take(":")
        inner = self.either(variable)
        self.take(")")
        return lambda item: any(inner(one) for one in reach(item, path) or ())

    def comparison(self, name: str, variable: str) -> Test:
        path = self.path(name, variable)
        operator = self.take()[1].lower()
        if operator not in COMPARE:
            raise bad_request("The query filter contains one or more invalid nodes.", "ErrorInvalidUrlQueryFilter")
        wanted = _plain(self.literal(*self.take()))
        act = COMPARE[operator]

        def test(item: Any) -> bool:
            found = _plain(reach(item, path))
            if isinstance(found, (dict, list)):
                raise bad_request("The query filter contains one or more invalid nodes.", "ErrorInvalidUrlQueryFilter")
            if operator in ("eq", "ne"):
                return act(found, wanted)
            return type(found) is type(wanted) and act(found, wanted)

        return test

    @staticmethod
    def path(name: str, variable: str) -> str:
        return name[len(variable) + 1 :] if variable and name.startswith(f"{variable}/") else name

    def literal(self, kind: str, text: str) -> Any:
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "moment":
            return text
        known = {"true": True, "false": False, "null": None}
        if text.lower() not in known:
            raise self.refusal()
        return known[text.lower()]


def parse_filter(text: str) -> Test:
    """Raises GraphError."""
    return Parser(text).parse()


def sort_by(items: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """$orderby: properties, each with asc or desc. Raises GraphError."""
    for part in reversed(text.split(",")):
        path, _, direction = part.strip().partition(" ")
        if direction.strip().lower() not in ("", "asc", "desc"):
            raise bad_request(f"Syntax error at position {len(path) + 1} in '{part.strip()}'.")
        values = [reach(item, path) for item in items]
        if any(isinstance(value, (dict, list)) for value in values):
            raise bad_request("The $orderby expression must evaluate to a single value of primitive type.")
        items = sorted(
            items,
            key=lambda item: (_plain(reach(item, path)) is not None, _plain(reach(item, path))),
            reverse=direction.strip().lower() == "desc",
        )
    return items
