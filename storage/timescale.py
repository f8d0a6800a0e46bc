"""TimescaleDB, where a Postgres has it: the two tables that grow fastest become hypertables.

Written after its documentation (hypertables by a range of integers, as of 2.13; retention policies,
which its community licence has) and tried against stand-ins of its functions only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from storage.engine import file_of, open_existing, reader, version
from storage.series import BUCKET_MS

NAME = "TimescaleDB"
# The first with create_hypertable(…, by_range(…)).
OLDEST = (2, 13)
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypertable:
    """A table cut into chunks by an integer column of time that counts `unit_ms` from 1970."""

    table: str
    column: str
    type: str
    unit_ms: int
    chunk_days: int

    def statements(self, days: int) -> tuple[str, ...]:
        """What makes the hypertable, once, and drops its chunks when all in them is past its days."""
        now = f"nocturne_now_{self.table}"
        chunk, kept = (each * DAY_MS // self.unit_ms for each in (self.chunk_days, days))
        return (
            f"SELECT create_hypertable('{self.table}', by_range('{self.column}', "
            f"{chunk}::{self.type}), create_default_indexes => FALSE, if_not_exists => TRUE, "
            "migrate_data => TRUE)",
            f"CREATE OR REPLACE FUNCTION {now}() RETURNS {self.type} LANGUAGE SQL STABLE AS "
            # All of it stands in this file.
            f"'SELECT floor(extract(epoch FROM now()) * 1000 / {self.unit_ms})::{self.type}'",  # nosec B608
            f"SELECT set_integer_now_func('{self.table}', '{now}', replace_if_exists => TRUE)",
            f"SELECT remove_retention_policy('{self.table}', if_exists => TRUE)",
            f"SELECT add_retention_policy('{self.table}', drop_after => {kept}::{self.type})",
        )


HYPERTABLES = (
    Hypertable(table="samples", column="bucket", type="integer", unit_ms=BUCKET_MS, chunk_days=1),
    Hypertable(table="results", column="at", type="bigint", unit_ms=1, chunk_days=7),
)


def installed(connection: Connection) -> str | None:
    """The version of the extension in this database; None where it is not there."""
    if connection.dialect.name != "postgresql":
        return None
    query = "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"
    found: str | None = connection.exec_driver_sql(query).scalar()
    return found


def described(engine: Engine) -> str:
    """Name and version of the database, for diagnostics: `Postgres 17.2, TimescaleDB 2.17.2`."""
    with reader(engine).connect() as connection:
        found = installed(connection)
    return version(engine) if found is None else f"{version(engine)}, {NAME} {found}"


def arrange(url: str, days: int, say: Callable[[str], None]) -> None:
    """Make hypertables where the store has the extension; samples and results are kept for `days`.

    What can't be done is said in a sentence, and the tables stay what they are: Nocturne needs none
    of it.
    """
    if file_of(url) is not None:
        return
    engine = open_existing(url)
    try:
        with engine.begin() as connection:
            found = installed(connection)
            if found is None:
                return
            if _number(found) < OLDEST:
                say(f"{NAME} {found} is not used: it would take {OLDEST[0]}.{OLDEST[1]} or later")
                return
            for each in HYPERTABLES:
                for statement in each.statements(days):
                    connection.exec_driver_sql(statement)
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        say(f"{NAME} is there and can't be used ({reason}): the tables stay as they are")
    finally:
        engine.dispose()


def _number(text: str) -> tuple[int, ...]:
    """Major and minor version; an unreadable one is none."""
    parts = text.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()
