"""What the body of a notification holds, whoever wrote it."""

import json
from typing import Any


def load_json(body: bytes) -> Any:
    """None where it is no JSON, as where it is null: neither says anything."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
