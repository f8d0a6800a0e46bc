"""Roles and scopes, names, passwords, how long logins last, and how guessing is slowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access import (
    BY_ACCOUNT,
    BY_ADDRESS,
    FORGOTTEN,
    IDLE,
    LONGEST_SESSION,
    Identity,
    Need,
    Role,
    Scope,
    Verdict,
    checked_password,
    failures_now,
    folded_name,
    may_try_at,
    role_named,
    role_of_scopes,
    safe_next,
    session_ends,
    verdict,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_role_includes_those_before_it() -> None:
    for role in Role:
        for needed in Role:
            found = verdict(Identity(role=role, via="session"), Need(role=needed))
            assert (found is Verdict.ALLOWED) == (role >= needed)


def test_who_may_not_is_told_what_would_help() -> None:
    need = Need(role=Role.OPERATOR)

    assert verdict(Identity(), need) is Verdict.LOGIN_NEEDED
    assert verdict(Identity(role=Role.VIEWER, via="session"), need) is Verdict.ROLE_TOO_LOW
    assert verdict(Identity(role=Role.VIEWER, via="key"), need) is Verdict.SCOPE_MISSING


def test_a_scope_of_its_own_opens_what_names_it_and_nothing_else() -> None:
    key = Identity(scopes=frozenset({Scope.TEST}), via="key")

    open_to_it = Need(role=Role.OPERATOR, scopes=frozenset({Scope.TEST}))
    assert verdict(key, open_to_it) is Verdict.ALLOWED
    assert verdict(key, Need(role=Role.VIEWER)) is Verdict.SCOPE_MISSING


def test_scopes_amount_to_the_highest_role_among_them() -> None:
    assert role_of_scopes(frozenset()) is Role.NOBODY
    assert role_of_scopes(frozenset({Scope.TEST, Scope.METRICS})) is Role.NOBODY
    assert role_of_scopes(frozenset({Scope.READ, Scope.OPERATE})) is Role.OPERATOR
    assert role_of_scopes(frozenset({Scope.ADMIN})) is Role.ADMIN


@pytest.mark.parametrize("word", ["nobody", "root", "", "Admin"])
def test_there_are_no_other_roles(word: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        role_named(word)


def test_a_name_has_one_form() -> None:
    assert folded_name(" Ann ") == folded_name("ANN") == folded_name("\uff21nn") == "ann"


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "../x", "a\x00", "a\u202eb", "x" * 61, "anonymous", "-x", "key ops"]
)
def test_an_impossible_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"must|stands"):
        folded_name(name)


@pytest.mark.parametrize("password", ["", "short", "x" * 201, "aaaaaaaaaaaa", "annannann1"])
def test_a_weak_password_is_refused_without_being_repeated(password: str) -> None:
    with pytest.raises(ValueError, match=r"must have|too easy") as refused:
        checked_password(password, "annannann1")

    assert not password or password not in str(refused.value)


def test_a_session_lasts_a_day_after_its_last_use_and_thirty_days_at_most() -> None:
    assert session_ends(NOW, NOW) == NOW + IDLE
    late = NOW + LONGEST_SESSION - timedelta(hours=1)
    assert session_ends(NOW, late) == NOW + LONGEST_SESSION


def test_the_first_failures_cost_nothing_then_each_doubles_the_wait_up_to_a_limit() -> None:
    waits = [(may_try_at(n, NOW, BY_ACCOUNT) - NOW).total_seconds() for n in range(14)]

    assert waits[:5] == [0, 0, 0, 0, 0]
    assert waits[5:11] == [2, 4, 8, 16, 32, 60]
    assert set(waits[11:]) == {60}
    assert may_try_at(10_000, NOW, BY_ADDRESS) == NOW + BY_ADDRESS.longest


def test_failures_are_forgotten_after_an_hour() -> None:
    assert failures_now(9, NOW, NOW + FORGOTTEN) == 9
    assert failures_now(9, NOW, NOW + FORGOTTEN + timedelta(seconds=1)) == 0


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "",
        "x",
        "/\t/evil",
        "/a\nb",
        "\\",
        "///evil.example",
        "/\t//evil.example",
        "/\r\n/evil.example",
        "\t//evil.example",
        "https:evil.example",
        "https:/evil.example",
        "HTTPS://evil.example",
        "javascript:alert(1)",
        "/\x00/evil.example",
        "data:text/html,x",
        "%2f%2fevil.example",
        "/\u2028/evil.example",
        " //evil.example",
        "@evil.example",
        ".evil.example",
    ],
)
def test_a_login_leads_to_no_other_site(address: str) -> None:
    assert safe_next(address) == "/"


def test_a_login_leads_back_to_where_it_was_asked_for() -> None:
    assert safe_next("/incidents?stage=new&q=//x") == "/incidents?stage=new&q=//x"


@given(st.text())
def test_where_a_login_leads_is_always_a_path_of_our_own(address: str) -> None:
    found = safe_next(address)

    assert found.startswith("/")
    assert found[1:2] not in ("/", "\\")
