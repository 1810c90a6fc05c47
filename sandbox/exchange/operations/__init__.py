"""The operations of EWS that are played, by name: a call → the XML of the whole answer's messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sandbox.exchange.call import Call
from sandbox.exchange.operations import creating, finding, folders, items, names, syncing, updating

OPERATIONS: dict[str, Callable[[Call], Iterator[str]]] = {
    "GetFolder": folders.get_folder,
    "FindFolder": folders.find_folder,
    "CreateFolder": folders.create_folder,
    "UpdateFolder": folders.update_folder,
    "DeleteFolder": folders.delete_folder,
    "SyncFolderHierarchy": syncing.sync_folder_hierarchy,
    "SyncFolderItems": syncing.sync_folder_items,
    "FindItem": finding.find_item,
    "GetItem": items.get_item,
    "CreateItem": creating.create_item,
    "UpdateItem": updating.update_item,
    "DeleteItem": items.delete_item,
    "MoveItem": items.move_item,
    "ResolveNames": names.resolve_names,
    "ConvertId": names.convert_id,
    "GetServerTimeZones": names.get_server_time_zones,
}
