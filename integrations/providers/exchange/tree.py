"""Asking for the folders of a mailbox."""

from collections.abc import Callable, Iterator

from integrations.errors import Gone
from integrations.providers.exchange.folders import Folder, parse_folder
from integrations.providers.exchange.operations import get_folders
from integrations.providers.exchange.responses import MESSAGES, Element, check
from integrations.providers.exchange.syncing import sync
from integrations.providers.exchange.wire import Wire


def find_own(wire: Wire, *names: str) -> list[str]:
    """Ids of the account's own folders, by their distinguished names; "" for what there is not.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/getfolder-operation
    """
    found = []
    for message in wire.ask(get_folders(*names)):
        try:
            folder = read_folder(check(message, wire.words))
        except Gone:
            folder = None
        found.append(folder.id if folder else "")
    return [*found, *("" for _ in names)][: len(names)]


def read_folder(message: Element) -> Folder | None:
    """The folder of a GetFolder's answer."""
    element = message.find(f"{MESSAGES}Folders/*")
    return parse_folder(element) if element is not None else None


def read_tree(wire: Wire, operation: Callable[[str], str]) -> dict[str, Folder]:
    """All folders by their ids. `operation`: SyncFolderHierarchy."""
    found: dict[str, Folder] = {}
    for changes, _ in sync(wire, operation, ""):
        for folder in read_folders(changes):
            found[folder.id] = folder
    return found


def read_folders(changes: list[Element]) -> Iterator[Folder]:
    """Of changes of the tree those that hold a folder."""
    for change in changes:
        element = next(iter(change), None)
        folder = parse_folder(element) if element is not None else None
        if folder is not None:
            yield folder
