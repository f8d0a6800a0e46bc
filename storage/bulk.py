"""Samples by the thousand: the driver's own way on SQLite, COPY on Postgres.

SQLAlchemy's executemany takes twice as long for rows of four numbers.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection

# Bucket of ten minutes, series, milliseconds, value.
Row: TypeAlias = "tuple[int, int, int, float]"

# COPY needs a savepoint of its own; fewer rows gain nothing by it.
LEAST_COPIED = 100
COLUMNS = "bucket, series_id, at, value"
SQLITE = f"INSERT OR REPLACE INTO samples ({COLUMNS}) VALUES (?, ?, ?, ?)"
COPY = f"COPY samples ({COLUMNS}) FROM STDIN (FORMAT BINARY)"
REMOVE = "DELETE FROM samples WHERE bucket = ? AND series_id = ? AND at = ? AND value = ?"
REMOVE_EACH = """
    DELETE FROM samples USING unnest(%s::int[], %s::int[], %s::bigint[], %s::float8[])
        AS gone (bucket, series_id, at, value)
    WHERE samples.bucket BETWEEN %s AND %s AND samples.series_id = ANY(%s::int[])
        AND samples.bucket = gone.bucket AND samples.series_id = gone.series_id
        AND samples.at = gone.at AND samples.value = gone.value
"""
# Postgres' binary form: a signature, flags, no extension; rows of a count of columns, and each with
# its length before it; a count of -1 at the end. It saves both sides the way over text.
HEAD, END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
ROW = struct.Struct("!hiiiiiqid")
# The columns are our own; the values are bound.
POSTGRES = f"""
    INSERT INTO samples ({COLUMNS}) VALUES (%s, %s, %s, %s)
    ON CONFLICT (bucket, series_id, at) DO UPDATE SET value = excluded.value
"""  # nosec B608


def write(connection: Connection, rows: Sequence[Row]) -> None:
    """Write samples; a later one of the same series and time replaces the one before."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(SQLITE, list(rows))
    elif len(rows) < LEAST_COPIED or not _copy(connection, rows):
        connection.exec_driver_sql(POSTGRES, list(rows))


def load(
    connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Write rows of any table where none of their keys stands yet, as its columns are stored."""
    if not rows:
        return
    # Quoted: `window` and the like are words of SQL.
    names = ", ".join(f'"{each}"' for each in columns)
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(columns))
        # Names of our own tables; the values are bound.
        statement = f"INSERT INTO {table} ({names}) VALUES ({places})"  # nosec B608
        connection.exec_driver_sql(statement, list(rows))
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def remove(connection: Connection, rows: Sequence[Row]) -> int:
    """Delete samples that stand as they are given; returns how many did. One replaced since stays."""
    if not rows:
        return 0
    if connection.dialect.name == "sqlite":
        return connection.exec_driver_sql(REMOVE, list(rows)).rowcount
    buckets, ids, at, values = (list(column) for column in zip(*rows, strict=True))
    # The ranges keep it to the key: a join with the arrays alone might read the whole table.
    given = (buckets, ids, at, values, min(buckets), max(buckets), sorted(set(ids)))
    return connection.exec_driver_sql(REMOVE_EACH, given).rowcount


def shut_out_writers(connection: Connection) -> None:
    """Until the end of this transaction nobody else writes samples: none waits for single rows.

    On SQLite each transaction that writes is alone anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE samples IN SHARE ROW EXCLUSIVE MODE")


def binary(rows: Sequence[Row]) -> bytes:
    """Samples as `COPY` takes them."""
    pack = ROW.pack
    return b"".join(
        [HEAD, *(pack(4, 4, row[0], 4, row[1], 8, row[2], 8, row[3]) for row in rows), END]
    )


def _copy(connection: Connection, rows: Sequence[Row]) -> bool:
    """Whether COPY took them: it can't replace, so that a sample sent again takes the other way."""
    import psycopg

    data = binary(rows)
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        # Never released: the commit does that without a round trip of its own.
        cursor.execute("SAVEPOINT copied")
        try:
            with cursor.copy(COPY) as copy:
                copy.write(data)
        except psycopg.errors.UniqueViolation:
            cursor.execute("ROLLBACK TO SAVEPOINT copied")
            return False
    return True
