"""Tables as text: CSV that no spreadsheet takes for formulas, JSON, and JSON by lines. All pure.

CSV follows RFC 4180: a header row, CRLF, quotes doubled. Texts stand in quotes and numbers do not.
A text that a spreadsheet would carry out gets an apostrophe in front (OWASP, CSV injection).
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import msgspec

Cell: TypeAlias = "str | int | float | bool | datetime | None"
Row: TypeAlias = "Sequence[Cell]"

# What begins a formula, also in the wide forms that are typed in East Asia.
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
# A cell that begins with one of these may be cut before what follows.
CUTTING = ("\t", "\r", "\n")


class Form(StrEnum):
    """How a table is written."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"

    @property
    def content_type(self) -> str:
        """Its media type (RFC 7111, RFC 8259)."""
        return CONTENT_TYPES[self]


CONTENT_TYPES = {
    Form.CSV: "text/csv; charset=utf-8; header=present",
    Form.JSON: "application/json",
    Form.JSONL: "application/x-ndjson",
}


def written(
    form: Form,
    name: str,
    head: Mapping[str, Cell],
    columns: Sequence[str],
    slices: Iterable[Sequence[Row]],
) -> Iterator[bytes]:
    """The table piece by piece, as its slices of rows come.

    JSON is one document: what stands in `head`, then the rows under `name`.
    """
    if form is Form.CSV:
        yield csv_lines([columns])
        yield from map(csv_lines, slices)
    elif form is Form.JSONL:
        yield from (_json_lines(columns, rows) for rows in slices)
    else:
        yield from _document(name, head, columns, slices)


def neutral(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet would take it for a formula."""
    if text.startswith(CUTTING) or text.lstrip().startswith(FORMULA):
        return f"'{text}"
    return text


def csv_lines(rows: Iterable[Row]) -> bytes:
    """Rows as CSV."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)
    # What the store holds may have half characters in it from before that was refused.
    return lines.getvalue().encode("utf-8", "replace")


def _csv_cell(cell: Cell) -> str | int | float:
    if isinstance(cell, str):
        return neutral(cell)
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell.isoformat() if isinstance(cell, datetime) else cell


def _json_lines(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    return b"".join(_object(columns, row) + b"\n" for row in rows)


def _document(
    name: str, head: Mapping[str, Cell], columns: Sequence[str], slices: Iterable[Sequence[Row]]
) -> Iterator[bytes]:
    begun = _object(tuple(head), tuple(head.values()))[:-1]
    yield begun + b"," + msgspec.json.encode(name) + b":["
    comma = b"\n"
    for rows in slices:
        if rows:
            yield comma + b",\n".join(_object(columns, row) for row in rows)
            comma = b",\n"
    yield b"\n]}\n"


def _object(columns: Sequence[str], row: Row) -> bytes:
    # Infinities and NaN become null; times as in all of the API.
    cells = (each.isoformat() if isinstance(each, datetime) else each for each in row)
    return msgspec.json.encode(dict(zip(columns, cells, strict=True)))
