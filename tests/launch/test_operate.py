"""What an operator does from the command line, on a real store."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from launch import operate
from launch.commands import OK, REFUSED, Call
from storage import commands, definitions
from storage.changes import CHECK, MONITORING
from storage.commands import CommandState, Reply
from storage.engine import StoreError, open_engine
from tests.storage.fresh import make_store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    (tmp_path / "data").mkdir()
    url = f"sqlite:///{tmp_path}/data/nocturne.db"
    make_store(url)
    engine = open_engine(url)
    definitions.publish(engine, CHECK, [{"name": "cpu", "kind": "system"}], "config.toml", NOW)
    engine.dispose()
    return tmp_path


def call(folder: Path, name: str = "") -> Call:
    return Call(
        config=str(folder / "config.toml"), name=name, program=("python",), environ=os.environ
    )


def in_force(folder: Path, kind: str, name: str) -> dict[str, object]:
    engine = open_engine(f"sqlite:///{folder}/data/nocturne.db")
    found = {each.name: each for each in definitions.load(engine, kind)}
    engine.dispose()
    return dict(found[name].in_force)


def test_pause_and_resume_change_the_check(store: Path) -> None:
    assert operate.pause(call(store, "cpu")) == OK
    assert in_force(store, CHECK, "cpu")["enabled"] is False

    assert operate.resume(call(store, "cpu")) == OK
    assert in_force(store, CHECK, "cpu").get("enabled", True) is True


def test_stop_and_start_change_all_monitoring(store: Path) -> None:
    assert operate.stop(call(store)) == OK
    assert in_force(store, *MONITORING)["enabled"] is False

    assert operate.start(call(store)) == OK
    assert in_force(store, *MONITORING).get("enabled", True) is True


def test_an_unknown_check_is_refused_by_name(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert operate.pause(call(store, "cpuu")) == REFUSED

    assert capsys.readouterr().err == "nocturne: there is no check named 'cpuu'\n"


def test_a_store_without_schema_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("", encoding="utf-8")

    with pytest.raises(StoreError, match=r"python app\.py migrate"):
        operate.stop(call(tmp_path))


@pytest.mark.parametrize(
    ("state", "document", "code", "said"),
    [
        (CommandState.DONE, {"status": "healthy", "message": "CPU 3 %"}, OK, "cpu: healthy: CPU"),
        (CommandState.FAILED, {"error": "cpu is paused"}, REFUSED, "nocturne: cpu is paused"),
        (CommandState.EXPIRED, None, REFUSED, "no answer from the monitor: does it run?"),
        (CommandState.PENDING, None, REFUSED, "no answer from the monitor: does it run?"),
    ],
)
def test_the_reply_to_check_now_is_told(
    state: CommandState,
    document: dict[str, str] | None,
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert operate.tell("cpu", Reply(state=state, document=document)) == code

    printed = capsys.readouterr()
    assert said in printed.out + printed.err


def test_check_now_asks_the_monitor_and_waits_for_its_reply(store: Path) -> None:
    url = f"sqlite:///{store}/data/nocturne.db"
    engine = open_engine(url)
    number = commands.request(engine, operate.CHECK_NOW, "cpu", actor="test", now=NOW)

    reply = operate.await_reply(lambda: commands.reply(engine, number), *ticking())

    engine.dispose()
    assert reply == Reply(state=CommandState.PENDING, document=None)


def test_waiting_ends_with_the_reply() -> None:
    pending = Reply(state=CommandState.PENDING, document=None)
    done = Reply(state=CommandState.DONE, document={})
    replies = iter([pending, pending, done])

    assert operate.await_reply(lambda: next(replies), *ticking()) == done
    assert operate.await_reply(lambda: None, *ticking()) is None


def test_the_audit_names_the_user_of_the_system() -> None:
    assert operate.actor().startswith("cli")


def ticking() -> tuple[Callable[[], float], Callable[[float], None]]:
    """A clock that moves on by what is slept."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    return lambda: now[0], sleep
