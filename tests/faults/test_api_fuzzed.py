"""Thousands of made-up requests against the whole API: no error of ours, no answer but those declared."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from storage.journal import Journal
from tests.dashboard.api.fuzzing import fuzz
from tests.dashboard.filled import Filled
from tests.storage.conftest import engine, url
from tests.storage.stores import lead

__all__ = ["engine", "url"]

pytestmark = pytest.mark.faults
EXAMPLES = 40


def test_thousands_of_requests_find_nothing_that_the_document_does_not_say(
    url: str, engine: Engine
) -> None:
    lease = lead(engine, now=datetime.now(UTC))
    store = Filled(url=url, engine=engine, journal=Journal(engine), lease=lease)

    found = fuzz(store, EXAMPLES, thorough=True)

    print(f"{found.cases:,} requests, by status: {dict(sorted(found.answered.items()))}")
    assert found.failures == []
    assert found.answered[500] == 0
    assert found.cases > 5_000
