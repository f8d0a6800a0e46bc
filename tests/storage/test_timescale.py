"""TimescaleDB is detected and used where it is there.

It can't be had on the machines that build this: its functions are stand-ins with the documented
signatures, in a real Postgres, which note how they were called. So these tests show that what is sent
is valid SQL which says what is meant, and not that TimescaleDB does it.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine

from storage import timescale
from storage.engine import open_engine, version
from storage.migrate import migrate

STAND_INS = """
CREATE TABLE calls (number SERIAL, call TEXT);
CREATE FUNCTION note(text) RETURNS VOID LANGUAGE SQL AS 'INSERT INTO calls (call) VALUES ($1)';
CREATE TYPE dimension_info AS (of TEXT);
CREATE FUNCTION by_range(column_name NAME, partition_interval ANYELEMENT) RETURNS dimension_info
    LANGUAGE SQL AS $$SELECT ROW(format('%s by %s %s', $1, $2, pg_typeof($2)))::dimension_info$$;
CREATE FUNCTION create_hypertable(relation REGCLASS, dimension dimension_info,
    create_default_indexes BOOLEAN = TRUE, if_not_exists BOOLEAN = FALSE,
    migrate_data BOOLEAN = FALSE) RETURNS VOID LANGUAGE SQL AS
    $$SELECT note(format('%s: %s %s %s %s', $1, ($2).of, $3, $4, $5))$$;
CREATE FUNCTION set_integer_now_func(hypertable REGCLASS, integer_now_func REGPROC,
    replace_if_exists BOOLEAN = FALSE) RETURNS VOID LANGUAGE SQL AS
    $$SELECT note(format('%s: now is %s, %s', $1, $2, $3))$$;
CREATE FUNCTION remove_retention_policy(relation REGCLASS, if_exists BOOL = FALSE) RETURNS VOID
    LANGUAGE SQL AS $$SELECT note(format('%s: kept, %s', $1, $2))$$;
CREATE FUNCTION add_retention_policy(relation REGCLASS, drop_after ANYELEMENT,
    if_not_exists BOOL = FALSE) RETURNS INTEGER LANGUAGE SQL AS
    $$SELECT note(format('%s: dropped after %s %s', $1, $2, pg_typeof($2))); SELECT 1$$;
"""


@pytest.fixture
def bare(postgres_url: str) -> Iterator[Engine]:
    """A migrated store on a Postgres without the extension."""
    migrate(postgres_url)
    engine = open_engine(postgres_url)
    yield engine
    engine.dispose()


def stand_in(engine: Engine, release: str) -> None:
    """Let the extension seem to be there in this release."""
    with psycopg.connect(engine.url.set(drivername="postgresql").render_as_string(False)) as server:
        server.execute(STAND_INS)
        # No such files are there to CREATE EXTENSION from.
        server.execute("SET allow_system_table_mods = on")
        server.execute(
            "INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, "
            "extversion) VALUES (99999, 'timescaledb', 10, 2200, FALSE, %s)",
            [release],
        )


def url_of(engine: Engine) -> str:
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def calls(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT call FROM calls ORDER BY number").scalars())


def refuse(text: str) -> None:
    pytest.fail(text)


def test_a_postgres_without_it_says_that_it_is_not_there(bare: Engine) -> None:
    with bare.connect() as connection:
        assert timescale.installed(connection) is None

    timescale.arrange(url_of(bare), 30, refuse)

    assert timescale.described(bare) == version(bare)
    assert version(bare).startswith("Postgres ")


def test_sqlite_is_not_asked_for_it(engine: Engine) -> None:
    timescale.arrange(
        url_of(engine) if engine.dialect.name != "sqlite" else str(engine.url), 30, refuse
    )

    assert "Timescale" not in timescale.described(engine)


def test_where_it_is_there_diagnostics_name_it(bare: Engine) -> None:
    stand_in(bare, "2.17.2")

    assert timescale.described(bare) == f"{version(bare)}, TimescaleDB 2.17.2"


def test_samples_and_results_become_hypertables_with_their_days(bare: Engine) -> None:
    stand_in(bare, "2.17.2")

    timescale.arrange(url_of(bare), 30, refuse)

    assert calls(bare) == [
        "samples: bucket by 144 integer f t t",
        "samples: now is nocturne_now_samples, t",
        "samples: kept, t",
        "samples: dropped after 4320 integer",
        "results: at by 604800000 bigint f t t",
        "results: now is nocturne_now_results, t",
        "results: kept, t",
        "results: dropped after 2592000000 bigint",
    ]


def test_their_clocks_count_as_the_tables_do(bare: Engine) -> None:
    stand_in(bare, "2.17.2")
    timescale.arrange(url_of(bare), 30, refuse)
    query = (
        "SELECT nocturne_now_samples() - (extract(epoch FROM now()) / 600), "
        "nocturne_now_results() - (extract(epoch FROM now()) * 1000)"
    )

    with bare.connect() as connection:
        off = connection.exec_driver_sql(query).one()

    assert all(-1 < float(each) <= 0 for each in off)


def test_an_older_one_is_left_alone(bare: Engine) -> None:
    stand_in(bare, "2.9.1")
    told: list[str] = []

    timescale.arrange(url_of(bare), 30, told.append)

    assert (calls(bare), told) == (
        [],
        ["TimescaleDB 2.9.1 is not used: it would take 2.13 or later"],
    )


def test_what_it_refuses_is_told_and_leaves_the_tables_as_they_are(bare: Engine) -> None:
    stand_in(bare, "2.17.2")
    with bare.begin() as connection:
        connection.exec_driver_sql("DROP FUNCTION add_retention_policy")
    told: list[str] = []

    timescale.arrange(url_of(bare), 30, told.append)

    assert calls(bare) == []
    assert len(told) == 1
    assert told[0].startswith("TimescaleDB is there and can't be used (function add_retention_pol")
