"""Thousands of made-up requests against the whole API: no error of ours, no answer but those declared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dashboard.api.fuzzing import fuzz

pytestmark = pytest.mark.faults
EXAMPLES = 40


def test_thousands_of_requests_find_nothing_that_the_document_does_not_say(tmp_path: Path) -> None:
    found = fuzz(tmp_path, EXAMPLES, thorough=True)

    print(f"{found.cases:,} requests, by status: {dict(sorted(found.answered.items()))}")
    assert found.failures == []
    assert found.answered[500] == 0
    assert found.cases > 5_000
