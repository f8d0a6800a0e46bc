"""Silences: what can't be one, and which one mutes an incident."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.incidents import Incident, Severity, Stage
from domain.matching import Match, Present, Subject
from domain.silences import (
    LONGEST,
    SEVERITIES,
    MutesEverything,
    NotASilence,
    Silence,
    check,
    silenced_by,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
API = Match(name=("api",))


def silence(match: Match = API, start: float = -1, end: float = 1, number: int = 1) -> Silence:
    """From and until so many hours from now."""
    return Silence(
        id=number,
        match=match,
        author="ana",
        reason="known",
        starts_at=NOW + start * HOUR,
        ends_at=NOW + end * HOUR,
        created_at=NOW,
    )


INCIDENT = Incident(
    id="INC-20260301-0001",
    fingerprint="check:api",
    component="api",
    kind="http",
    title="api is critical",
    stage=Stage.NEW,
    severity=Severity.CRITICAL,
    state_severity=Severity.CRITICAL,
    opened_at=NOW,
    version=1,
    tags=("shop",),
    group="Shop",
)


def test_a_silence_holds_from_its_start_until_before_its_end() -> None:
    made = silence(start=0, end=1)

    assert made.is_active(NOW)
    assert made.is_active(NOW + HOUR - timedelta(milliseconds=1))
    assert not made.is_active(NOW + HOUR)
    assert not made.is_active(NOW - timedelta(milliseconds=1))


@pytest.mark.parametrize(
    "match",
    [
        API,
        Match(kind=("http",)),
        Match(tags=("sh*",)),
        Match(group=("Shop",)),
        Match(severity=("critical",)),
        Match(name=("a*",), severity=("minor", "critical")),
    ],
)
def test_an_incident_is_muted_by_whatever_matches_it(match: Match) -> None:
    assert silenced_by([silence(match)], INCIDENT, NOW) is not None


@pytest.mark.parametrize(
    "match",
    [Match(name=("API",)), Match(tags=("office",)), Match(name=("api",), severity=("minor",))],
)
def test_an_incident_is_not_muted_by_what_is_about_others(match: Match) -> None:
    assert silenced_by([silence(match)], INCIDENT, NOW) is None


def test_of_several_silences_the_one_that_lasts_longest_is_told() -> None:
    over, short, long, later = (
        silence(number=1, end=-0.5),
        silence(number=2, end=1),
        silence(number=3, end=2),
        silence(number=4, start=1, end=9),
    )

    found = silenced_by([over, short, long, later], INCIDENT, NOW)

    assert found == long


def test_a_severity_that_rises_may_leave_a_silence() -> None:
    minor = silence(Match(severity=("minor",)))
    lesser = replace(INCIDENT, severity=Severity.MINOR)

    assert silenced_by([minor], lesser, NOW) == minor
    assert silenced_by([minor], INCIDENT, NOW) is None


CROWD = Present(
    checks=(
        Subject(name="api", kind="http", tags=frozenset({"shop"})),
        Subject(name="db", kind="tcp", tags=frozenset({"shop"})),
    )
)


def test_a_silence_that_leaves_nothing_out_of_what_there_is_must_be_asked_for_twice() -> None:
    tagged = Match(tags=("shop",))

    with pytest.raises(MutesEverything, match="all 2 checks that there are: send") as told:
        check(tagged, "the move", NOW, NOW + HOUR, NOW, present=CROWD)

    assert told.value.field == "match"
    check(tagged, "the move", NOW, NOW + HOUR, NOW, present=CROWD, everything=True)
    check(API, "the move", NOW, NOW + HOUR, NOW, present=CROWD)


def test_a_silence_of_some_severities_of_everything_leaves_the_others() -> None:
    lesser = Match(tags=("shop",), severity=("info", "minor"))
    all_words = Match(tags=("shop",), severity=SEVERITIES)

    check(lesser, "the move", NOW, NOW + HOUR, NOW, present=CROWD)
    with pytest.raises(MutesEverything):
        check(all_words, "the move", NOW, NOW + HOUR, NOW, present=CROWD)


def test_a_silence_that_can_be_is_taken() -> None:
    check(API, "the move\nof the racks", NOW, NOW + LONGEST, NOW)
    check(Match(), "all of it", NOW, NOW + HOUR, NOW, everything=True)
    check(Match(severity=("c*",)), "x", NOW - HOUR, NOW + HOUR, NOW)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"start": 2, "end": 1}, "ends_at", "it ends before it starts"),
        ({"start": 1, "end": 1}, "ends_at", "it ends before it starts"),
        ({"start": -2, "end": 0}, "ends_at", "it is over already"),
        ({"start": 0, "end": 366 * 24 + 1}, "ends_at", "longer than 366 days"),
        ({"reason": " \n"}, "reason", "say why"),
        ({"reason": "x" * 1001}, "reason", "at most 1000"),
        ({"reason": "a\u202eb"}, "reason", "direction"),
        ({"reason": "a\x00b"}, "reason", "control"),
        ({"reason": "a\ud800b"}, "reason", "surrogates"),
        ({"match": Match()}, "match", "it mutes everything"),
        ({"match": Match(name=("*",))}, "match", "it mutes everything"),
        ({"match": Match(name=("x", "**"), kind=("?*",))}, "match", "it mutes everything"),
        ({"match": Match(name=("**?",), tags=("*",))}, "match", "it mutes everything"),
        ({"match": Match(severity=SEVERITIES)}, "match", "it mutes everything"),
        ({"match": Match(severity=("[!c]*", "c*"))}, "match", "it mutes everything"),
        ({"match": Match(severity=("warning",))}, "match", "severity 'warning' is none of"),
    ],
)
def test_a_silence_that_can_not_be_is_refused_by_its_field(
    change: dict[str, object], field: str, words: str
) -> None:
    given = {"match": API, "reason": "the move", "start": 0, "end": 1, **change}
    start, end = NOW + given["start"] * HOUR, NOW + given["end"] * HOUR  # type: ignore[operator]

    with pytest.raises(NotASilence, match=words) as told:
        check(given["match"], given["reason"], start, end, NOW)  # type: ignore[arg-type]

    assert told.value.field == field
