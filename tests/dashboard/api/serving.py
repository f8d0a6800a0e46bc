"""The application over a real store of either database, and the bodies that it must withstand."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from werkzeug.test import TestResponse

from dashboard.application import create_app
from domain.facts import Detail
from storage import definitions
from storage.changes import CHANNEL
from storage.engine import reader
from storage.journal import Journal
from storage.schema import metadata
from tests.dashboard.filled import Filled, about
from tests.monitor.stand_ins import START
from tests.storage.conftest import engine, url
from tests.storage.stores import lead

__all__ = ["engine", "now", "operator", "served", "url", "viewer"]

SLOWEST_S = 5.0
RTL = "a\u202eb"
LONG = "x" * 10_000
# Values that fit no field of any body, as JSON.
HOSTILE = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e308",
    "1e999",
    '"1,5"',
    "true",
    str(2**63),
    str(2**65),
    "9" * 5000,
    '"9999-12-31T23:59:59Z"',
    '"0001-01-01T00:00:00+14:00"',
    '"0001-01-01T00:00:00"',
    '"\\u0000"',
    '"\\ud800"',
    '"a\\u202eb"',
    '"' + LONG + '"',
    '""',
    '" "',
    "null",
    "[]",
    "{}",
    "[[[[]]]]",
    "[" * 10_000 + "]" * 10_000,
    "[" * 300 + "]" * 300,
    "[" + ",".join(["1"] * 20_000) + "]",
    '{"a":1,"a":2}',
    '{"\\u0000":"x"}',
    '"../../etc/passwd"',
]
# Bodies that are no JSON object at all.
MALFORMED = [
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"1",
    b"\xff\xfe{}",
    b"[" * 10_000,
    b"{}{}",
    b'{"match":' * 10_000 + b"1" + b"}" * 10_000,
]
# Names in addresses that no definition has; a slash at the front is a redirect to the other.
STRANGE = [
    "nobody",
    "..",
    "../../etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc",
    "%2e%2e",
    "a%2fb",
    "a/b/c",
    "%00",
    "x%00y",
    "%ed%a0%80",
    "%e2%80%ae",
    LONG,
    "1e308",
    "NaN",
]


@dataclass
class Answered:
    """An answer, and how long the processor was busy with it: on a loaded machine all else waits."""

    response: TestResponse
    took_s: float

    @property
    def detail(self) -> str:
        return str((self.response.get_json() or {}).get("detail", ""))


# So many requests come from one address; one that asks too often would be told to wait.
SENT = itertools.count()
FROM_ONE = 500


def send(client: FlaskClient, method: str, path: str, data: bytes | str) -> Answered:
    """A request with a body as it is, from an address that has not asked much yet."""
    number = next(SENT) // FROM_ONE
    sender = {"REMOTE_ADDR": f"127.1.{number // 256 % 256}.{number % 256}"}
    before = time.thread_time()
    response = client.open(
        path, method=method, data=data, content_type="application/json", environ_overrides=sender
    )
    return Answered(response=response, took_s=time.thread_time() - before)


def assert_refused(answered: Answered, *statuses: int) -> None:
    """It is refused as problem+json, quickly, and says why."""
    response = answered.response
    assert response.status_code in (statuses or (400, 422)), (response.status_code, answered.detail)
    assert response.content_type == "application/problem+json"
    assert answered.detail
    assert answered.took_s < SLOWEST_S


def everything(engine: Engine) -> dict[str, list[Any]]:
    """All rows of all tables: what a refused request must leave as it was."""
    with reader(engine).connect() as connection:
        return {
            name: sorted(map(repr, connection.execute(select(table)).all()))
            for name, table in metadata.tables.items()
        }


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def served(url: str, engine: Engine, now: datetime) -> Filled:
    """A store with a leader, three checks and a channel."""
    filled = Filled(url=url, engine=engine, journal=Journal(engine), lease=lead(engine, now=now))
    filled.publish({"shop-db": about(), "shop-api": about(tags=["shop"]), "cpu": about()})
    table: dict[str, Detail] = {"name": "ops", "kind": "log"}
    definitions.publish(engine, CHANNEL, [table], "config.toml", START)
    return filled


@pytest.fixture
def operator(served: Filled) -> FlaskClient:
    client: FlaskClient = create_app(
        served.settings(anonymous="operator"), served.engine
    ).server.test_client()
    return client


@pytest.fixture
def viewer(served: Filled) -> FlaskClient:
    client: FlaskClient = create_app(served.settings(), served.engine).server.test_client()
    return client
