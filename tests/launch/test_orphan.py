"""How a process learns that its supervisor is gone."""

from __future__ import annotations

import pytest

from launch.orphan import VARIABLE, is_supervised, orphaned


@pytest.mark.parametrize(
    ("environ", "parent", "expected"),
    [
        ({}, 1, False),
        ({VARIABLE: "42"}, 42, False),
        ({VARIABLE: "42"}, 1, True),
        ({VARIABLE: "x"}, 1, False),
        ({VARIABLE: ""}, 1, False),
    ],
)
def test_an_orphan_has_another_parent_than_its_supervisor(
    environ: dict[str, str], parent: int, expected: bool
) -> None:
    assert orphaned(environ, lambda: parent) is expected


def test_a_process_started_by_hand_is_not_supervised() -> None:
    assert not is_supervised({})
    assert is_supervised({VARIABLE: "7"})
