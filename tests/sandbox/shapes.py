"""Does an answer fit the discovery documents that google-api-python-client ships? Two judges; one is always there."""

from __future__ import annotations

import importlib.util
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import googleapiclient
import pytest

DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
SHARED = Path(__file__).parents[2].parent / "shared"
PYTHON_TYPES = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "object": dict, "array": list}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")


@lru_cache
def read_document(api: str) -> dict[str, Any]:
    return json.loads((DOCUMENTS / f"{api}.json").read_text())


def find_misfits(api: str, schema: str, value: Any) -> list[str]:
    """Where value does not fit the schema, in words."""
    document = read_document(api)

    def check(shape: dict[str, Any], part: Any, where: str) -> list[str]:
        shape = document["schemas"][shape["$ref"]] if "$ref" in shape else shape
        kind = shape.get("type", "any")
        if kind != "any" and (not isinstance(part, PYTHON_TYPES[kind]) or (kind == "integer" and part is True)):
            return [f"{where} is {type(part).__name__}, not {kind}"]
        if kind == "array":
            return [
                problem for n, entry in enumerate(part) for problem in check(shape["items"], entry, f"{where}[{n}]")
            ]
        if kind == "object":
            known, other = shape.get("properties", {}), shape.get("additionalProperties")
            return [
                problem
                for name, entry in part.items()
                for problem in (
                    check(known.get(name, other), entry, f"{where}.{name}")
                    if name in known or other
                    else [f"{where}.{name} is unknown"]
                )
            ]
        if shape.get("format") in ("date-time", "google-datetime") and not MOMENT.match(part):
            return [f"{where} is no RFC 3339 moment: {part}"]
        return [f"{where} is not one of the choices: {part}"] if part not in shape.get("enum", [part]) else []

    return check({"$ref": schema}, value, schema)


def load_shared_judge(api: str) -> Any:
    """The reference validator that lies beside the repository; skips the test where it does not."""
    path = SHARED / "checks" / "google_discovery.py"
    if not path.exists():
        pytest.skip(f"No reference validator at {path}")
    spec = importlib.util.spec_from_file_location("google_discovery", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Disc(api)


def recorded(name: str) -> tuple[int, Any]:
    """A recorded answer of the real Google: status and JSON (None without a body). Skips where there is none."""
    path = SHARED / "data" / "google" / name
    if not path.exists():
        pytest.skip(f"No recorded dialogue at {path}")
    head, _, body = path.read_text().replace("\r\n", "\n").partition("\n\n")
    return int(head.split()[1]), json.loads(body) if body.strip() else None
