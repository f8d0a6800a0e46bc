"""A store that is damaged or gone comes back from its last good backup, and knows what it lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text

from domain.facts import Status
from domain.outbox import DeliveryState
from domain.paging import Recipient, severities
from storage import aftermath, outbox, presence, schema
from storage.backups import by_hand, daily
from storage.engine import StoreError, open_engine, open_existing, reader
from storage.migrate import Rescue, migrate, restore
from storage.moments import Sweep
from tests.dashboard.filled import Filled, about, fill
from tests.storage.stores import NOW

ROOT = Path(__file__).parents[2]
LATER = NOW + timedelta(hours=20)
PAGE = 4096
# Ends itself by SIGKILL before its nth change of a file's name or place, or beginning of a copy.
KILLED = """
import os, signal, sys
from datetime import UTC, datetime
url, nth, seen = sys.argv[1], int(sys.argv[2]), 0
from storage.migrate import migrate
def watch(event, arguments):
    global seen
    if event in ("os.rename", "os.mkdir", "os.remove", "shutil.copyfile"):
        seen += 1
        if seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
migrate(url, datetime(2026, 3, 2, 8, tzinfo=UTC))
"""


@pytest.fixture
def filled(tmp_path: Path) -> Filled:
    """A store in which a check ran, an incident is open and its page is on the way."""
    made = fill(tmp_path, NOW)
    made.publish({"api": about()})
    made.results("api", [Status.HEALTHY, Status.CRITICAL], NOW)
    made.incident("api", NOW)
    return made


@pytest.fixture
def path(filled: Filled) -> Path:
    return Path(filled.url.removeprefix("sqlite:///"))


def zeroed(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(100))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // PAGE // 2 * PAGE)


def flipped(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(PAGE)
        file.write(bytes(each ^ 0x10 for each in path.read_bytes()[PAGE : 3 * PAGE]))


def emptied(path: Path) -> None:
    os.truncate(path, 0)


LOSSES = [zeroed, cut, flipped, emptied, Path.unlink]
Loss = Callable[[Path], None]


def close(filled: Filled, path: Path, loss: Loss = flipped) -> bytes:
    """End all use of the store, and lose it; returns the bytes that are left."""
    filled.engine.dispose()
    loss(path)
    os.utime(path, (NOW.timestamp() + 3600,) * 2) if path.exists() else None
    return path.read_bytes() if path.exists() else b""


def backed_up(filled: Filled, path: Path) -> Path:
    made = daily(filled.engine, path, NOW)
    assert made is not None
    return made


def rescued(url: str, folder: Path | None = None, restores: bool = True) -> str:
    """What a migration says as it restores; nothing when it did not."""
    said: list[str] = []
    migrate(url, LATER, rescue=Rescue(restores=restores, folder=folder, say=said.append))
    return " ".join(said)


def look(url: str, query: Callable[[Connection], object]) -> object:
    engine = open_engine(url)
    with reader(engine).connect() as connection:
        found = query(connection)
    engine.dispose()
    return found


def rows(url: str, table: object) -> Sequence[dict[str, object]]:
    def read(connection: Connection) -> object:
        return [dict(row._mapping) for row in connection.execute(select(table))]  # type: ignore[call-overload]

    found = look(url, read)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_a_lost_store_is_restored_from_its_backup_and_says_so(
    filled: Filled, path: Path, loss: Loss
) -> None:
    backup = backed_up(filled, path)
    left = close(filled, path, loss)

    said = rescued(filled.url)

    assert f"restored from the backup {backup}" in said
    assert "what was stored after 2026-03-01 12:00:00 UTC is lost" in said
    assert len(rows(filled.url, schema.results)) == 2
    (notice,) = rows(filled.url, schema.notices)
    assert (notice["key"], notice["level"], notice["text"]) == ("restored", "error", said)
    (gap,) = rows(filled.url, schema.gaps)
    assert (gap["started"], gap["ended"]) == (NOW, LATER)
    assert gap["reason"] == "restored from a backup"
    kept = [each.read_bytes() for each in path.parent.glob("quarantine/*/nocturne.db")]
    assert kept == ([] if loss is Path.unlink else [left])
    assert rescued(filled.url) == ""


def test_the_newest_backup_that_is_whole_is_taken_and_the_others_are_named(
    filled: Filled, path: Path
) -> None:
    good = backed_up(filled, path)
    bad = good.with_name("nocturne-20260301T130000Z-daily.db")
    bad.write_bytes(good.read_bytes()[: 5 * PAGE])
    newest = good.with_name("nocturne-20260301T140000Z-by-hand.db")
    newest.write_bytes(b"")
    close(filled, path)

    said = rescued(filled.url)

    assert f"restored from the backup {good}" in said
    assert f"{newest.name}: it is empty" in said
    assert f"{bad.name}: " in said


def test_a_backup_of_an_older_version_is_brought_up_to_date(filled: Filled, path: Path) -> None:
    older = path.parent / "backups" / "nocturne-20260301T110000Z-daily.db"
    older.parent.mkdir()
    one = open_engine(f"sqlite:///{older}")
    with one.begin() as connection:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(ROOT / "storage" / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    one.dispose()
    close(filled, path)

    said = rescued(filled.url)

    assert f"restored from the backup {older}" in said
    assert look(
        filled.url, lambda each: each.scalar(text("SELECT version_num FROM alembic_version"))
    )
    assert len(rows(filled.url, schema.gaps)) == 1


def test_without_a_whole_backup_the_store_is_refused_and_left_as_it_is(
    filled: Filled, path: Path
) -> None:
    bad = backed_up(filled, path)
    bad.write_bytes(bad.read_bytes()[: 5 * PAGE])
    left = close(filled, path)

    with pytest.raises(
        StoreError, match=r"It was left as it is: .*no backup can be used: nocturne-2"
    ):
        rescued(filled.url)

    assert path.read_bytes() == left
    assert {each.name for each in path.parent.iterdir()} <= {
        "backups",
        "nocturne.db",
        "nocturne.db-made",
    }


def test_an_operator_may_want_to_restore_by_hand(filled: Filled, path: Path) -> None:
    backup = backed_up(filled, path)
    left = close(filled, path)

    with pytest.raises(StoreError, match=rf"by `python app.py restore {backup}`"):
        rescued(filled.url, restores=False)

    assert path.read_bytes() == left
    assert "was replaced by an operator" in restore(filled.url, backup, LATER)
    assert len(rows(filled.url, schema.results)) == 2


def test_a_restore_by_hand_keeps_what_was_there(filled: Filled, path: Path) -> None:
    backup = by_hand(filled.engine, path, NOW)
    filled.results("api", [Status.HEALTHY] * 3, NOW + timedelta(hours=1))
    filled.engine.dispose()

    restore(filled.url, backup, LATER)

    assert len(rows(filled.url, schema.results)) == 2
    (kept,) = path.parent.glob("quarantine/*/nocturne.db")
    assert len(rows(f"sqlite:///{kept}", schema.results)) == 5


def test_a_file_that_is_no_backup_is_not_restored(
    filled: Filled, path: Path, tmp_path: Path
) -> None:
    filled.engine.dispose()
    other = tmp_path / "letter.db"
    other.write_text("Dear diary, " * 1000)
    before = path.read_bytes()

    with pytest.raises(StoreError, match=r"no backup can be used \(letter.db: .*is damaged"):
        restore(filled.url, other, LATER)
    with pytest.raises(StoreError, match="there is no backup at"):
        restore(filled.url, tmp_path / "none.db", LATER)

    assert path.read_bytes() == before


def test_a_backup_can_be_the_beginning_of_a_store_on_another_machine(
    filled: Filled, path: Path, tmp_path: Path
) -> None:
    backup = by_hand(filled.engine, path, NOW)
    url = f"sqlite:///{tmp_path / 'new' / 'nocturne.db'}"
    letter = tmp_path / "letter.db"
    letter.write_text("Dear diary")

    with pytest.raises(StoreError, match="no backup can be used"):
        restore(url, letter, LATER)
    assert list((tmp_path / "new").iterdir()) == []
    restore(url, backup, LATER)

    assert len(rows(url, schema.results)) == 2
    assert not (tmp_path / "new" / "quarantine").exists()


def test_a_store_behind_a_link_is_restored_where_the_link_leads(
    filled: Filled, path: Path, tmp_path: Path
) -> None:
    backed_up(filled, path)
    close(filled, path)
    real = tmp_path / "disk" / "real.db"
    real.parent.mkdir()
    path.rename(real)
    path.symlink_to(real)

    assert "restored from the backup" in rescued(filled.url)

    assert path.is_symlink()
    assert len(rows(filled.url, schema.results)) == 2
    assert len(list(real.parent.glob("quarantine/*/real.db"))) == 1


def test_a_postgres_store_is_restored_by_its_own_tools() -> None:
    with pytest.raises(StoreError, match="by its own tools"):
        restore("postgresql://nobody@127.0.0.1:1/x", Path("x.db"), LATER)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_nothing_is_touched_while_another_process_has_the_store_open(
    filled: Filled, path: Path, loss: Loss
) -> None:
    backup = backed_up(filled, path)
    filled.engine.dispose()
    user = open_existing(filled.url)
    left = close(filled, path, loss)

    with pytest.raises(StoreError, match=r"another process has it open: stop Nocturne"):
        rescued(filled.url)
    with pytest.raises(StoreError, match=r"another process has it open: stop Nocturne"):
        restore(filled.url, backup, LATER)

    assert (path.read_bytes() if path.exists() else b"") == left
    assert not (path.parent / "quarantine").exists()
    user.dispose()
    assert "restored from" in rescued(filled.url)


def test_a_program_that_is_not_ours_keeps_the_store_from_being_replaced_too(
    filled: Filled, path: Path
) -> None:
    backup = backed_up(filled, path)
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        "c.execute('SELECT * FROM counters').fetchone(); print('open', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    other.stdout.readline()
    filled.engine.dispose()

    with pytest.raises(StoreError, match="can't be replaced, because another process has it open"):
        restore(filled.url, backup, LATER)

    other.communicate()
    assert "was replaced" in restore(filled.url, backup, LATER)


@pytest.mark.slow
def test_a_kill_at_any_moment_of_a_restore_leaves_what_the_next_start_goes_on_from(
    filled: Filled, path: Path, tmp_path: Path
) -> None:
    backed_up(filled, path)
    filled.results("api", [Status.HEALTHY] * 2, NOW + timedelta(minutes=1))
    # The log of a process that was killed stands beside it.
    log = path.with_name("nocturne.db-wal").read_bytes()
    left = close(filled, path)
    path.with_name("nocturne.db-wal").write_bytes(log)
    lost, nth, ended = tmp_path / "lost", 0, -9
    shutil.copytree(path.parent, lost, ignore=shutil.ignore_patterns("lost"))

    while ended == -9:
        nth += 1
        folder = tmp_path / f"kill-{nth}"
        shutil.copytree(lost, folder)
        store = folder / "nocturne.db"
        url = f"sqlite:///{store}"
        command = [sys.executable, "-c", KILLED, url, str(nth)]
        ended = subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode

        old = store.exists() and store.read_bytes() == left
        rescued(url)

        quarantined = list(folder.glob("quarantine/*/nocturne.db"))
        assert [each.read_bytes() for each in quarantined] == [left], nth
        assert quarantined[0].with_name("nocturne.db-wal").read_bytes() == log, nth
        if old:
            assert not store.with_name("nocturne.db.restoring").exists()
        assert len(rows(url, schema.results)) == 2, nth
        assert len(rows(url, schema.gaps)) == 1, nth
        assert not list(folder.glob("*.restoring*")), nth

    print(f"killed at {nth - 1} moments")
    assert ended == 0
    assert nth > 5


# ── What is paged again, and what is not ────────────────────────────────────────────────────────


def test_a_page_that_was_due_before_the_loss_is_not_sent_again(filled: Filled, path: Path) -> None:
    backed_up(filled, path)
    close(filled, path)

    rescued(filled.url)

    (page,) = rows(filled.url, schema.outbox)
    assert page["state"] == DeliveryState.DELIVERED.value
    assert page["reason"] == aftermath.PRESUMED
    engine = open_engine(filled.url)
    assert not outbox.is_waiting(engine)
    engine.dispose()


def test_a_page_that_was_not_due_yet_is_still_sent(filled: Filled, path: Path) -> None:
    change(filled, "UPDATE outbox SET due = due + 7200000")
    backed_up(filled, path)
    close(filled, path)

    rescued(filled.url)

    assert [row["state"] for row in rows(filled.url, schema.outbox)] == ["pending"]


@pytest.mark.parametrize(
    ("event", "state"),
    [("resolve", "pending"), ("acknowledge", "cancelled"), ("notice", "cancelled")],
)
def test_an_all_clear_is_sent_again_and_what_is_out_of_date_is_not(
    filled: Filled, path: Path, event: str, state: str
) -> None:
    change(filled, f"UPDATE outbox SET event = '{event}'")
    backed_up(filled, path)
    close(filled, path)

    rescued(filled.url)

    (row,) = rows(filled.url, schema.outbox)
    assert row["state"] == state
    assert (row["reason"] == aftermath.NOT_SENT) == (state == "cancelled")


def test_an_open_incident_stays_open_and_pages_by_time_alone_begin_anew(
    filled: Filled, path: Path
) -> None:
    change(filled, "UPDATE outbox SET state = 'delivered'")
    change(filled, "UPDATE incidents SET acknowledged_until = opened_at + 60000")
    backed_up(filled, path)
    close(filled, path)

    rescued(filled.url)

    (page,) = rows(filled.url, schema.outbox)
    mine = next(row for row in rows(filled.url, schema.incidents) if row["component"] == "api")
    assert page["due"] == LATER
    assert mine["is_open"]
    assert mine["acknowledged_until"] == LATER + aftermath.SETTLES


def test_a_page_that_was_held_back_waits_for_fresh_results(filled: Filled, path: Path) -> None:
    change(filled, "DELETE FROM outbox")
    change(filled, "UPDATE incidents SET page_gate = 'silenced'")
    backed_up(filled, path)
    close(filled, path)
    rescued(filled.url)
    engine = open_engine(filled.url)
    ops = (Recipient(name="ops", severities=severities(())),)

    def swept(now: datetime) -> list[object]:
        with engine.begin() as connection:
            Sweep(connection, ops, now).run({"check:api"})
        return [row["state"] for row in rows(filled.url, schema.outbox)]

    assert swept(LATER + timedelta(minutes=4)) == []
    assert swept(LATER + timedelta(minutes=6)) == ["pending"]
    engine.dispose()


def test_no_number_that_may_be_known_elsewhere_is_given_again(filled: Filled, path: Path) -> None:
    backed_up(filled, path)
    lost = filled.incident("db", LATER)
    keys = {str(row["key"]) for row in rows(filled.url, schema.outbox)}
    close(filled, path)
    rescued(filled.url)

    again = Filled(filled.url, open_engine(filled.url), filled.journal, filled.lease)
    new = again.incident("cache", LATER + timedelta(minutes=1))
    again.engine.dispose()

    fresh = {str(row["key"]) for row in rows(filled.url, schema.outbox)}
    assert new.id > lost.id
    assert len(fresh - keys) == 1
    (told,) = [row for row in rows(filled.url, schema.incidents) if row["kind"] == "store"]
    assert not told["is_open"]


def test_the_notice_goes_after_a_week(filled: Filled, path: Path) -> None:
    backed_up(filled, path)
    close(filled, path)
    rescued(filled.url)
    engine = open_engine(filled.url)

    assert not aftermath.forget(engine, LATER + timedelta(days=6))
    assert aftermath.forget(engine, LATER + timedelta(days=7))

    assert rows(filled.url, schema.notices) == []
    engine.dispose()


def test_who_led_before_the_loss_is_not_waited_for(filled: Filled, path: Path) -> None:
    backed_up(filled, path)
    close(filled, path)
    rescued(filled.url)

    (held,) = rows(filled.url, schema.leadership)

    assert held["valid_until"] == LATER
    assert held["beat"] == LATER - aftermath.SILENT


def test_backups_that_lie_elsewhere_are_found(filled: Filled, path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    made = daily(filled.engine, path, NOW, folder=folder)
    close(filled, path)

    assert f"from the backup {made}" in rescued(filled.url, folder=folder)


def test_the_mark_alone_tells_that_there_was_a_store(filled: Filled, path: Path) -> None:
    filled.engine.dispose()
    path.unlink()

    assert presence.was_there(path)
    with pytest.raises(StoreError, match=r"is missing or empty, though there was one: put a copy"):
        rescued(filled.url)


def change(filled: Filled, statement: str) -> None:
    with filled.engine.begin() as connection:
        connection.execute(text(statement))
