"""Whoever waits for SQLite's write lock is not overtaken, and waits for nobody who does not write."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Engine, insert, select

from storage import presence, turnstile
from storage.engine import open_engine
from storage.migrate import migrate
from storage.schema import gaps
from tests.storage.stores import NOW
from tests.waiting import wait_for


def store(folder: Path) -> tuple[str, Path]:
    path = folder / "nocturne.db"
    migrate(f"sqlite:///{path}", NOW)
    return f"sqlite:///{path}", presence.mark_of(path)


def test_one_at_a_time_stands_at_the_head(tmp_path: Path) -> None:
    _, mark = store(tmp_path)

    with turnstile.queue(mark) as first, turnstile.queue(mark, patience_s=0.01) as second:
        assert (first, second) == (True, False)
    with turnstile.queue(mark) as third:
        assert third


def test_where_there_is_no_mark_nobody_stands_in_line(tmp_path: Path) -> None:
    with turnstile.queue(tmp_path / "none") as first, turnstile.queue(None) as second:
        assert (first, second) == (False, False)
    assert not (tmp_path / "none").exists()


def write(engine: Engine, who: str) -> None:
    with engine.begin() as connection:
        connection.execute(insert(gaps).values(started=NOW, ended=NOW, reason=who))


def test_a_writer_that_begins_again_at_once_lets_the_other_go_first(tmp_path: Path) -> None:
    url, mark = store(tmp_path)
    greedy, patient = open_engine(url), open_engine(url)
    waiting = threading.Thread(target=write, args=(patient, "patient"))

    def is_waiting() -> bool:
        with turnstile.queue(mark, patience_s=0) as free:
            return not free

    with greedy.begin():
        waiting.start()
        wait_for(is_waiting, 30)
    # By SQLite's own way it would find the lock taken each time that it looks, and give up.
    for _ in range(3):
        write(greedy, "greedy")
    waiting.join(30)

    with greedy.connect() as connection:
        order = connection.scalars(select(gaps.c.reason).order_by(gaps.c.id)).all()
    assert order == ["patient", "greedy", "greedy", "greedy"]
    greedy.dispose()
    patient.dispose()
