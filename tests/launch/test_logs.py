"""What must never stand in a log."""

from __future__ import annotations

import logging

import pytest

from launch.logs import HIDDEN, quieten, redact


@pytest.mark.parametrize("key", ["password", "smtp_password", "API_KEY", "apikey", "Authorization"])
def test_a_value_whose_key_names_a_secret_is_hidden(key: str) -> None:
    assert redact(None, "info", {"event": "x", key: "hunter2"})[key] == HIDDEN


def test_a_password_inside_a_url_is_hidden_and_the_rest_stays() -> None:
    event = {"event": "cannot connect to postgresql://app:hunter2@db:5432/shop"}

    shown = redact(None, "error", event)["event"]

    assert shown == f"cannot connect to postgresql://app:{HIDDEN}@db:5432/shop"


def test_a_request_that_waits_for_a_thread_is_no_warning_to_operators() -> None:
    quieten()

    assert not logging.getLogger("waitress.queue").isEnabledFor(logging.WARNING)
    assert logging.getLogger("waitress").isEnabledFor(logging.WARNING)


def test_ordinary_values_are_left_alone() -> None:
    event = {"event": "state changed", "check": "tokenless", "count": 3}

    assert redact(None, "info", dict(event)) == event
