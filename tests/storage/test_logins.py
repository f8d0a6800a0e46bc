"""People, sessions, keys and failed tries, on every store."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from domain.access import (
    BY_ACCOUNT,
    IDLE,
    LONGEST_SESSION,
    KeyKind,
    Role,
    Scope,
)
from storage import inbox, keys, secrets
from storage.engine import reader
from storage.inbox import InboxFull
from storage.keys import UnknownKey
from storage.logins import Browser, Logins, TooManyTries
from storage.people import AlreadySetUp, LastAdmin, NameTaken, People, UnknownPerson
from storage.schema import audit
from storage.schema import keys as key_rows

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HERE = Browser(address="127.0.0.1", agent="a browser")


@pytest.fixture
def people(engine: Engine) -> People:
    found = People(engine)
    found.add("ann", Role.ADMIN, "hash", actor="setup", now=NOW)
    found.add("bob", Role.OPERATOR, "hash", actor="ann", now=NOW)
    return found


def logged_in(engine: Engine, people: People, name: str) -> str:
    person = people.password_of(name)
    assert person is not None
    return Logins(engine).open(person[0].id, name, HERE, NOW).text


def test_a_session_tells_who_it_is_until_it_ends(engine: Engine, people: People) -> None:
    logins = Logins(engine)
    secret = logged_in(engine, people, "bob")

    found = logins.who(secret, NOW + MINUTE)

    assert found is not None
    assert (found.name, found.role, found.via) == ("bob", Role.OPERATOR, "session")
    assert logins.who(secret[:-1] + "x", NOW) is None
    assert logins.who("", NOW) is None
    assert logins.who("x\x00", NOW) is None
    logins.close(secret, "bob", NOW)
    assert logins.who(secret, NOW) is None


def test_a_session_that_is_used_lasts_thirty_days_and_an_idle_one_a_day(
    engine: Engine, people: People
) -> None:
    logins = Logins(engine)
    secret = logged_in(engine, people, "bob")

    for hour in range(12, 24 * 30, 12):
        assert logins.who(secret, NOW + timedelta(hours=hour)) is not None
    assert logins.who(secret, NOW + LONGEST_SESSION) is None
    idle = logged_in(engine, people, "bob")
    assert logins.who(idle, NOW + IDLE) is None


@pytest.mark.parametrize("change", ["password", "role", "disabled", "removed"])
def test_every_change_of_a_person_ends_all_logins_at_once(
    engine: Engine, people: People, change: str
) -> None:
    logins = Logins(engine)
    secrets_of_bob = [logged_in(engine, people, "bob") for _ in range(2)]
    ann = logged_in(engine, people, "ann")

    if change == "removed":
        people.remove("bob", actor="ann", now=NOW)
    elif change == "password":
        people.change("bob", actor="ann", now=NOW, password_hash="other")
    elif change == "role":
        people.change("bob", actor="ann", now=NOW, role=Role.VIEWER)
    else:
        people.change("bob", actor="ann", now=NOW, enabled=False)

    assert [logins.who(each, NOW) for each in secrets_of_bob] == [None, None]
    assert logins.who(ann, NOW) is not None


def test_the_last_admin_can_be_neither_removed_nor_lowered_nor_switched_off(
    engine: Engine, people: People
) -> None:
    with pytest.raises(LastAdmin):
        people.remove("ann", actor="ann", now=NOW)
    with pytest.raises(LastAdmin):
        people.change("ann", actor="ann", now=NOW, role=Role.VIEWER)
    with pytest.raises(LastAdmin):
        people.change("ann", actor="ann", now=NOW, enabled=False)

    assert [(each.name, each.role) for each in people.listed()] == [
        ("ann", Role.ADMIN),
        ("bob", Role.OPERATOR),
    ]


def test_of_two_with_one_name_the_second_is_refused(people: People) -> None:
    with pytest.raises(NameTaken):
        people.add("bob", Role.VIEWER, "hash", actor="ann", now=NOW)


@pytest.mark.parametrize("name", ["nobody", "", "\x00", "x" * 500])
def test_nobody_unknown_can_be_changed(people: People, name: str) -> None:
    with pytest.raises(UnknownPerson):
        people.change(name, actor="ann", now=NOW, enabled=False)
    assert people.password_of(name) is None


def test_a_link_makes_one_first_admin_however_many_use_it_at_once(engine: Engine) -> None:
    people = People(engine)
    key, _ = keys.make(engine, KeyKind.SETUP, name="first admin", actor="nocturne", now=NOW)
    outcomes: list[str] = []

    def use(name: str) -> None:
        try:
            people.add(name, Role.ADMIN, "hash", actor=name, now=NOW, first_by_key=key.id)
            outcomes.append("made")
        except AlreadySetUp:
            outcomes.append("refused")

    threads = [threading.Thread(target=use, args=(name,)) for name in ("ann", "bob", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["made", "refused", "refused"]
    assert len(people.listed()) == 1


def test_what_is_done_to_people_stands_in_the_audit_without_passwords(
    engine: Engine, people: People
) -> None:
    people.change("bob", actor="ann", now=NOW, password_hash="a new hash")
    people.remove("bob", actor="ann", now=NOW)

    with reader(engine).connect() as connection:
        rows = connection.execute(select(audit).where(audit.c.name == "bob")).all()
    assert [(row.action, row.actor) for row in rows] == [
        ("add person", "ann"),
        ("change password", "ann"),
        ("remove person", "ann"),
    ]
    assert "hash" not in repr(rows)


def test_a_key_is_found_by_its_secret_alone_until_it_is_revoked(engine: Engine) -> None:
    made, secret = keys.make(
        engine, KeyKind.API, name="ci", actor="ann", now=NOW, scopes=[Scope.READ]
    )

    assert keys.find(engine, secret.text, NOW) == made
    twisted = secret.text[:-1] + ("x" if secret.text[-1] != "x" else "y")
    assert keys.find(engine, twisted, NOW) is None
    for text in ("", "noc_", secret.prefix, "noc_" + "0" * 12 + "_" + "a" * 43, "\x00"):
        assert keys.find(engine, text, NOW) is None
    keys.revoke(engine, made.id, actor="ann", now=NOW)
    assert keys.find(engine, secret.text, NOW) is None
    with pytest.raises(UnknownKey):
        keys.revoke(engine, made.id, actor="ann", now=NOW)


def test_the_secret_of_a_key_is_not_in_the_store(engine: Engine) -> None:
    _, secret = keys.make(engine, KeyKind.API, name="ci", actor="ann", now=NOW)

    with reader(engine).connect() as connection:
        row = connection.execute(select(key_rows)).one()
    assert secret.text not in repr(row)
    assert secret.text not in repr(secret)
    assert row.hash == secrets.digest(secret.text)


def test_a_key_that_has_expired_opens_nothing(engine: Engine) -> None:
    _, secret = keys.make(
        engine, KeyKind.API, name="ci", actor="ann", now=NOW, expires_at=NOW + MINUTE
    )

    assert keys.find(engine, secret.text, NOW) is not None
    assert keys.find(engine, secret.text, NOW + MINUTE) is None


def test_a_new_token_for_the_same_thing_can_end_the_one_before(engine: Engine) -> None:
    def make(subject: str, *, replaces: bool) -> str:
        return keys.make(
            engine,
            KeyKind.HEARTBEAT,
            name="token",
            actor="ann",
            now=NOW,
            subject=subject,
            replaces=replaces,
        )[1].text

    first, other = make("backup", replaces=False), make("sync", replaces=False)
    second = make("backup", replaces=True)

    found = [keys.find(engine, each, NOW) is not None for each in (first, other, second)]
    assert found == [False, True, True]


def test_when_a_key_was_last_used_is_told(engine: Engine) -> None:
    made, secret = keys.make(engine, KeyKind.API, name="ci", actor="ann", now=NOW)

    keys.used(engine, made, NOW + MINUTE)

    found = keys.find(engine, secret.text, NOW)
    assert found is not None
    assert found.last_used_at == NOW + MINUTE


def test_tries_are_slowed_after_a_few_failures_and_forgiven_after_a_success(
    engine: Engine,
) -> None:
    logins = Logins(engine)
    limits = {"account ann": BY_ACCOUNT}
    for _ in range(5):
        logins.begin_try(limits, NOW)

    with pytest.raises(TooManyTries) as refused:
        logins.begin_try(limits, NOW + timedelta(seconds=1))

    assert refused.value.wait_s == 1
    logins.begin_try({"account bob": BY_ACCOUNT}, NOW)
    logins.begin_try(limits, NOW + timedelta(seconds=2))
    logins.forgive(["account ann"])
    logins.begin_try(limits, NOW + timedelta(seconds=2))


def test_a_refused_try_is_not_counted_again(engine: Engine) -> None:
    logins = Logins(engine)
    for _ in range(5):
        logins.begin_try({"account ann": BY_ACCOUNT}, NOW)
    for _ in range(50):
        with pytest.raises(TooManyTries):
            logins.begin_try({"account ann": BY_ACCOUNT}, NOW + timedelta(seconds=1))

    logins.begin_try({"account ann": BY_ACCOUNT}, NOW + timedelta(seconds=2))


def test_many_tries_at_once_get_no_further_than_one_after_the_other(engine: Engine) -> None:
    outcomes: list[bool] = []

    def guess() -> None:
        try:
            Logins(engine).begin_try({"account ann": BY_ACCOUNT}, NOW)
            outcomes.append(True)
        except TooManyTries:
            outcomes.append(False)

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(outcomes) <= 5


def test_a_clock_that_was_ahead_locks_nobody_out_for_long(engine: Engine) -> None:
    logins = Logins(engine)
    for _ in range(5):
        logins.begin_try({"account ann": BY_ACCOUNT}, NOW + timedelta(days=365))

    with pytest.raises(TooManyTries) as refused:
        logins.begin_try({"account ann": BY_ACCOUNT}, NOW)

    assert refused.value.wait_s <= BY_ACCOUNT.longest.total_seconds()


def test_what_arrives_waits_in_its_order_until_it_is_taken_in(engine: Engine) -> None:
    for number in range(3):
        inbox.append(engine, "beat", "backup", str(number).encode(), NOW)
    inbox.append(engine, "samples", "ci", b"x", NOW)

    beats = inbox.waiting(engine, "beat")
    with engine.begin() as connection:
        inbox.taken_in(connection, [each.id for each in beats[:2]])

    assert [each.body for each in beats] == [b"0", b"1", b"2"]
    assert [each.body for each in inbox.waiting(engine, "beat", "samples")] == [b"2", b"x"]


def test_a_full_inbox_refuses_and_keeps_what_it_has(engine: Engine) -> None:
    for _ in range(2):
        inbox.append(engine, "beat", "backup", b"", NOW)

    with pytest.raises(InboxFull):
        inbox.append(engine, "beat", "backup", b"", NOW, full=2)

    assert len(inbox.waiting(engine, "beat")) == 2
