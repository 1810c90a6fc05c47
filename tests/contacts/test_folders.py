"""Folders as a tree, however odd what the provider says of it."""

from contacts.folders import DEEPEST, Branch, find_folders, grow_tree, walk_tree
from contacts.models import ContactFolder
from integrations.models import Connection
from integrations.remote import RemoteFolder
from tests.contacts.conftest import Apply, person


def folder(remote_id: str, parent: str = "") -> ContactFolder:
    return ContactFolder(remote_id=remote_id, name=remote_id.upper(), parent_remote_id=parent)


def shape(branches: list[Branch]) -> list[object]:
    return [(one.folder.remote_id, shape(one.children)) if one.children else one.folder.remote_id for one in branches]


def test_folders_stand_in_their_parents() -> None:
    tree = grow_tree([folder("a"), folder("b", "a"), folder("c", "b"), folder("d", "a"), folder("e")])
    assert shape(tree) == [("a", [("b", ["c"]), "d"]), "e"]
    assert [(one.folder.remote_id, one.depth) for one in walk_tree(tree)] == [
        ("a", 0),
        ("b", 1),
        ("c", 2),
        ("d", 1),
        ("e", 0),
    ]


def test_a_child_may_come_before_its_parent() -> None:
    assert shape(grow_tree([folder("b", "a"), folder("a")])) == [("a", ["b"])]


def test_a_folder_whose_parent_is_missing_stands_at_the_top() -> None:
    assert shape(grow_tree([folder("a"), folder("b", "nowhere")])) == ["a", "b"]


def test_folders_in_a_circle_are_all_shown_once() -> None:
    tree = grow_tree([folder("a", "c"), folder("b", "a"), folder("c", "b"), folder("self", "self"), folder("top")])
    assert sorted(one.folder.remote_id for one in walk_tree(tree)) == ["a", "b", "c", "self", "top"]
    assert shape(tree) == ["top", ("a", [("b", ["c"])]), "self"]


def test_very_deep_folders_are_all_shown_and_not_too_deep() -> None:
    tree = grow_tree([folder("0"), *(folder(str(one), str(one - 1)) for one in range(1, 3000))])
    branches = walk_tree(tree)
    assert len(branches) == 3000
    assert max(one.depth for one in branches) == DEEPEST


def test_each_folder_says_how_many_are_in_it_in_the_providers_order(apply: Apply, connection: Connection) -> None:
    listed = (RemoteFolder("z", "Zebra"), RemoteFolder("a", "Ant", parent="z"), RemoteFolder("m", "Mole"))
    apply(person("1", folders=("z", "a")), person("2", folders=("a", "hidden")), folders=listed)
    assert [(one.name, one.size) for one in find_folders(connection)] == [("Zebra", 1), ("Ant", 2), ("Mole", 0)]
