"""CSV for spreadsheet programs: streamed, and with nothing in it that such a program would run."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a cell begins that a spreadsheet program takes for a formula.

Reference: https://owasp.org/www-community/attacks/CSV_Injection
"""
BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel reads UTF-8 as its own old encoding."""


class _Echo:
    """What csv.writer writes to: a line is handed back instead of kept."""

    def write(self, line: str) -> str:
        return line


def defuse(value: Any) -> str:
    """A cell as text. What looks like a formula is led by an apostrophe, as OWASP recommends; numbers stay numbers."""
    text = "" if value is None else str(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"'{text}" if text.lstrip(" ").startswith(DANGEROUS) and not is_number else text


def write_lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    write = csv.writer(_Echo()).writerow
    yield BYTE_ORDER_MARK + str(write(list(header)))
    for row in rows:
        yield str(write([defuse(cell) for cell in row]))


def csv_response(filename: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """A download, written while it is sent."""
    return StreamingHttpResponse(
        write_lines(header, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )
