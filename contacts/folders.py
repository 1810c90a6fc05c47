"""The folders of an address book as the tree they form at the provider."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count

from contacts.models import ContactFolder
from integrations.models import Connection

DEEPEST = 12
"""Levels that are shown; what lies deeper stands in the last of them."""


@dataclass(slots=True)
class Branch:
    """A folder, how many contacts are directly in it, and the folders in it, in the provider's order."""

    folder: ContactFolder
    size: int
    depth: int = 0
    children: list["Branch"] = field(default_factory=list)

    @property
    def indent(self) -> str:
        """What shows its depth in a list of options, where nothing else can."""
        return "\u2003" * self.depth


def find_folders(connection: Connection) -> list[ContactFolder]:
    """The folders the provider lists, in its order, each with its `size`."""
    listed = ContactFolder.objects.filter(connection=connection, is_listed=True)
    return list(listed.annotate(size=Count("filings")).order_by("position", "pk"))


def grow_tree(folders: Iterable[ContactFolder]) -> list[Branch]:
    """The top branches. A folder whose parent is missing, or that is in itself by way of others, stands at the top."""
    branches = {one.remote_id: Branch(one, getattr(one, "size", 0)) for one in folders}
    below: dict[str, list[Branch]] = {}
    for branch in branches.values():
        parent = branch.folder.parent_remote_id
        below.setdefault(parent if parent in branches else "", []).append(branch)
    placed: set[str] = set()
    top: list[Branch] = []
    for branch in [*below.get("", []), *branches.values()]:
        # From the second part on: only what no top branch led to, which is in a circle.
        if branch.folder.remote_id not in placed:
            top.append(branch)
            _place(branch, below, placed)
    return top


def _place(root: Branch, below: dict[str, list[Branch]], placed: set[str]) -> None:
    placed.add(root.folder.remote_id)
    # (branch, where its children go): a child below the deepest level goes beside its parent. No recursion: a
    # provider may nest deeper than Python does.
    waiting = [(root, root)]
    while waiting:
        branch, holder = waiting.pop()
        fresh = [one for one in below.get(branch.folder.remote_id, []) if one.folder.remote_id not in placed]
        placed.update(one.folder.remote_id for one in fresh)
        for child in fresh:
            child.depth = min(branch.depth + 1, DEEPEST)
            holder.children.append(child)
        waiting += [(child, child if child.depth < DEEPEST else holder) for child in reversed(fresh)]


def walk_tree(branches: Iterable[Branch]) -> list[Branch]:
    """Every branch, parents before their children, as a flat list shows them."""
    found: list[Branch] = []
    waiting = list(branches)[::-1]
    while waiting:
        branch = waiting.pop()
        found.append(branch)
        waiting += branch.children[::-1]
    return found
