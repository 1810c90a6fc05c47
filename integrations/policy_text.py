"""What an organization's admins have decided, as YAML that people read, review and keep under version control.

The same policy is always the same text. A setting stands as `name: value`, or, where the level locks it, as
`name: {value: ..., locked: true}`. Reading says everything that is wrong with a file at once, each with its line.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from integrations import levels, wording
from integrations.levels import Layer, Value
from integrations.policy import Level

VERSION = 1
LARGEST = 2_000_000
"""Characters. Ten thousand members with settings of their own are about half of it."""
MOST_PROBLEMS = 20
DEEPEST = 10
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it was built
_NOTHING_SAID = object()
HEAD = """\
# What the admins of {name} have decided. It is the whole policy: a setting that stands nowhere is not decided, and
# a group or member that is left out says nothing. To lock a setting: name: {{value: ..., locked: true}}
# `manage.py policy apply FILE --organization NAME --dry-run` says whom this file would affect.
"""
GROUPS_HEAD = (
    "# In the order in which they decide: for a member of several groups the first that says something counts.\n"
)


class Unreadable(Exception):
    """`sentences` say what is wrong, and in which line."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = list(sentences)


@dataclass(frozen=True, slots=True)
class Section:
    """One level in a file. `name`: of the group, or the member's e-mail address."""

    level: Level
    name: str
    line: int
    choices: dict[str, Value] = field(default_factory=dict)
    locks: frozenset[str] = frozenset()
    lines: dict[str, int] = field(default_factory=dict)
    """In which line each setting stands."""

    @property
    def layer(self) -> Layer:
        return Layer(self.level, self.name if self.level is Level.GROUP else "", self.choices, self.locks)

    @property
    def label(self) -> str:
        return self.level.capitalize() + (f" {self.name}" if self.name else "")


@dataclass(frozen=True, slots=True)
class Document:
    whole: Section
    groups: tuple[Section, ...] = ()
    members: tuple[Section, ...] = ()


def dump(name: str, whole: Layer, groups: Iterable[Layer], members: Iterable[tuple[str, Layer]]) -> str:
    """`name`: of the organization. `groups`: all of them, in their order. `members`: (e-mail address, layer)."""
    parts = [HEAD.format(name=" ".join(name.split())), f"version: {VERSION}\n\norganization:\n{_dump_settings(whole)}"]
    named = [f"  - group: {_dump_value(one.name)}\n{_dump_settings(one, indent='    ')}" for one in groups]
    parts.append(f"\n{GROUPS_HEAD}groups:{_list(named)}")
    addressed = [f"  - member: {_dump_value(email)}\n{_dump_settings(one, indent='    ')}" for email, one in members]
    parts.append(f"\nmembers:{_list(addressed)}")
    return "".join(parts)


def _list(items: list[str]) -> str:
    return "\n" + "".join(items) if items else " []\n"


def _dump_settings(layer: Layer, indent: str = "  ") -> str:
    if not layer.choices:
        return f"{indent}settings: {{}}\n"
    lines = [f"{indent}settings:\n"]
    for name in _in_order(layer.choices):
        setting, value = levels.find_setting(name), levels.dump_value(layer.choices[name])
        said = {"value": value, "locked": True} if layer.is_locked(name) else value
        lines.append(f"{indent}  # {wording.full_label_of(setting) if setting else name}\n")
        lines.append(f"{indent}  {name}: {_dump_value(said)}\n")
    return "".join(lines)


def _dump_value(value: Any) -> str:
    """On one line."""
    text = yaml.safe_dump([value], default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**9)
    return text.strip()[1:-1]


def _in_order(names: Iterable[str]) -> list[str]:
    """As pages show settings; those of services that this server does not offer come last."""
    order = {setting.name: place for place, setting in enumerate(wording.list_settings())}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))


def parse(text: str) -> Document:
    """Raises Unreadable."""
    if len(text) > LARGEST:
        raise Unreadable([f"The file has more than {LARGEST:,} characters. That is no policy."])
    try:
        return _Reader(text).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable([_at(mark.line + 1 if mark else 1, f"This is no YAML: {error.problem}.")]) from None
    except yaml.YAMLError as error:
        raise Unreadable([f"This is no YAML: {' '.join(str(error).split())}."]) from None


def _at(line: int, sentence: str) -> str:
    return f"Line {line}: {sentence}"


class _Reader:
    """One file. What is wrong is collected, so that somebody need not find it one by one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[str] = []

    def read(self) -> Document:
        self._check_shape()
        self.loader = _Loader(self.text)
        document = self._read_document(self.loader.get_single_node())
        if self.problems:
            more = len(self.problems) - MOST_PROBLEMS
            raise Unreadable([*self.problems[:MOST_PROBLEMS], *([f"And {more} more like these."] if more > 0 else [])])
        return document

    def _check_shape(self) -> None:
        """Before anything is built of it. An alias stands for a whole part of the file, over and over: nine lines of
        them are a billion rows.
        """
        depth = 0
        for event in yaml.parse(self.text, Loader=_Loader):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent):
                raise Unreadable([_at(line, "Write the part out instead of referring to it.")])
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise Unreadable([_at(line, "This is nested deeper than any policy.")])

    def _read_document(self, root: Node | None) -> Document:
        parts = self._entries(root, {"version", "organization", "groups", "members"}) if root else {}
        if root and not parts:
            return Document(Section(Level.ORGANIZATION, "", 1))
        version = self._value(parts["version"]) if "version" in parts else None
        if version != VERSION:
            self._object(parts.get("version", root), f"A policy file of this Portico says version: {VERSION}.")
        whole = parts.get("organization")
        return Document(
            self._read_section(whole, Level.ORGANIZATION) if whole else Section(Level.ORGANIZATION, "", 1),
            tuple(self._read_list(parts.get("groups"), Level.GROUP)),
            tuple(self._read_list(parts.get("members"), Level.MEMBER)),
        )

    def _read_list(self, node: Node | None, level: Level) -> Iterator[Section]:
        if node is None or self._is_empty(node):
            return
        if not isinstance(node, SequenceNode):
            self._object(node, f"{level.capitalize()}s are a list.")
            return
        seen: set[str] = set()
        for one in node.value:
            section = self._read_section(one, level)
            if section.name.lower() in seen:
                self._object(one, f"{section.label} stands in this file twice.")
            seen.add(section.name.lower())
            yield section

    def _read_section(self, node: Node, level: Level) -> Section:
        key = "" if level is Level.ORGANIZATION else str(level)
        entries = self._entries(node, {"settings", key} - {""})
        said = entries.get(key)
        # As it is written: a group may be called No, or 2026.
        name = said.value.strip() if isinstance(said, ScalarNode) else ""
        if key and not name:
            self._object(node, f"Say whose settings these are: {key}: ...")
        section = Section(level, name, node.start_mark.line + 1)
        locks = set()
        settings = entries.get("settings")
        for setting, value in self._entries(settings).items() if settings and not self._is_empty(settings) else ():
            chosen, is_locked = self._read_said(value)
            parsed = None if chosen is _NOTHING_SAID else self._parse(setting, chosen, value)
            if parsed is not None:
                section.choices[setting] = parsed
                section.lines[setting] = value.start_mark.line + 1
                locks |= {setting} if is_locked else set()
        return Section(level, section.name, section.line, section.choices, frozenset(locks), section.lines)

    def _read_said(self, node: Node) -> tuple[Any, bool]:
        if not isinstance(node, MappingNode):
            return self._value(node), False
        parts = self._entries(node, {"value", "locked"})
        locked = self._value(parts["locked"]) if "locked" in parts else False
        if not isinstance(locked, bool):
            self._object(node, "locked is true or false.")
        if "value" not in parts:
            self._object(node, "Say the value: {value: ..., locked: true}.")
            return _NOTHING_SAID, False
        return self._value(parts["value"]), locked is True

    def _parse(self, name: str, said: Any, node: Node) -> Value | None:
        setting = levels.find_setting(name)
        if setting is None:
            self._object(node, f"There is no setting called {name!r}.{suggest(name)}")
            return None
        try:
            return setting.parse(said)
        except ValueError as error:
            self._object(node, f"{name} {error}.")
            return None

    def _entries(self, node: Node | None, allowed: set[str] | None = None) -> dict[str, Node]:
        """What a mapping holds, by key."""
        if node is None or not isinstance(node, MappingNode):
            self._object(node, f"Here stand names with values{_list_names(allowed)}.")
            return {}
        found: dict[str, Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else ""
            if allowed is not None and name not in allowed:
                self._object(key, f"{name!r} is nothing that stands here{_list_names(allowed)}.")
            elif name in found:
                self._object(key, f"{name} stands here twice.")
            else:
                found[name] = value
        return found

    def _value(self, node: Node) -> Any:
        try:
            return self.loader.construct_object(node, deep=True)
        except ValueError:  # a date that there is not
            return node.value

    def _is_empty(self, node: Node) -> bool:
        return isinstance(node, ScalarNode) and self._value(node) is None

    def _object(self, node: Node | None, sentence: str) -> None:
        self.problems.append(_at(node.start_mark.line + 1 if node else 1, sentence))


def _list_names(names: Iterable[str] | None) -> str:
    return f": {', '.join(sorted(names))}" if names else ""


def suggest(name: str) -> str:
    """ " Did you mean ...?" where something is close."""
    close = get_close_matches(name, [setting.name for setting in wording.list_settings()], n=1, cutoff=0.75)
    return f" Did you mean {close[0]}?" if close else ""
