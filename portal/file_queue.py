"""Kombu's queue of files, for a Portico without a broker: with messages that are there whole, or not yet.

Kombu's own writes into a file that its reader may already have found, and a worker ends at the first half message.
"""

import uuid
from pathlib import Path
from time import monotonic_ns
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]  # kombu's own says so, too
        """Under the name that the reader looks for only once it is written; what came first is read first."""
        folder = Path(self.data_folder_out)
        name = uuid.uuid4()
        unfinished = folder / f"unfinished-{name}"
        unfinished.write_bytes(str_to_bytes(dumps(payload)))
        unfinished.replace(folder / f"{monotonic_ns():020}_{name}.{queue}.msg")


class Transport(filesystem.Transport):
    Channel = Channel


def install() -> None:
    """What filesystem:// stands for from now on in this process."""
    TRANSPORT_ALIASES["filesystem"] = "portal.file_queue:Transport"
