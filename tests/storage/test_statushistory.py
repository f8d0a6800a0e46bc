"""The past that the public status page tells: days as they were measured, and public notes alone."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.incidents import Stage
from domain.operating import Verb
from storage import statushistory, uptimes
from tests.storage.stores import C, H, Store, after
from tests.storage.test_incident_changes import Desk, desk
from tests.storage.test_uptimes import at, turn, watched

__all__ = ["desk", "watched"]

HOUR = 3_600_000
FIRST = (at(0) - datetime(1970, 1, 1, tzinfo=UTC)).days


def test_days_that_are_over_are_rolled_up_and_the_last_one_ends_with_the_last_beat(
    watched: Store,
) -> None:
    turn(watched, 5, H, C)
    turn(watched, 6, C, H)
    uptimes.roll(watched.slices, at(26.5))
    check = watched.check_id()

    found = statushistory.days(watched.engine, [check], at(0), at(26))

    first, second = found[check][FIRST], found[check][FIRST + 1]
    assert (first.critical, first.unmeasured, first.healthy) == (HOUR, HOUR // 2, 22.5 * HOUR)
    assert (second.healthy, second.critical) == (2 * HOUR, 0)
    assert found[check].keys() == {FIRST, FIRST + 1}


def test_of_an_incident_only_the_comments_that_are_public_are_told(desk: Desk) -> None:
    desk.does(Verb.COMMENT, 5, text="The password is on the note.")
    desk.does(Verb.INVESTIGATE, 10)
    desk.does(Verb.COMMENT, 20, text="Orders fail.", public=True)
    engine = desk.store.engine

    (told,) = statushistory.published(engine, ["api"], after(0))
    (elsewhere,) = statushistory.published(engine, ["other"], after(0))

    (note,) = told.notes
    assert (note.at, note.stage, note.text) == (after(20), Stage.INVESTIGATING, "Orders fail.")
    assert told.touches == {"api"}
    assert elsewhere.notes == told.notes


def test_an_incident_that_ended_long_ago_is_not_told(desk: Desk) -> None:
    desk.reads(H, 100)

    assert statushistory.published(desk.store.engine, ["api"], after(200)) == ()
    assert len(statushistory.published(desk.store.engine, ["api"], after(50))) == 1
