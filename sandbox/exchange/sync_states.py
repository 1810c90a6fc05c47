"""SyncState: what a client carries from one synchronization to the next, opaque to it.

Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/syncstate-ex15websvcsotherref
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any

import orjson

from sandbox.exchange.errors import EwsError

# base64 of these begins with H4sI, as Exchange's do
GZIP = 31


def dump_state(values: dict[str, Any]) -> str:
    squeezer = zlib.compressobj(6, zlib.DEFLATED, GZIP)
    return base64.b64encode(squeezer.compress(orjson.dumps(values)) + squeezer.flush()).decode()


def parse_state(text: str, expected: dict[str, Any]) -> dict[str, Any]:
    """expected: what has to be in it, such as whose and which folder's it is. Raises EwsError."""
    try:
        values = orjson.loads(zlib.decompress(base64.b64decode(text.strip(), validate=True), GZIP))
        if all(values[name] == value for name, value in expected.items()):
            return dict(values)
    except (binascii.Error, ValueError, zlib.error, KeyError, TypeError):
        pass
    raise EwsError("ErrorInvalidSyncStateData")
