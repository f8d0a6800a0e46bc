"""From tables to checks: kinds, their fields, placeholders, rules, and all mistakes at once."""

from __future__ import annotations

from typing import Any

import pytest

from domain.mistakes import ConfigError
from domain.rules import Operator
from domain.settings import Settings, Web
from monitor.checks import kinds
from monitor.definitions import WatchedCheck, build, examine

SYSTEM = {"name": "cpu", "kind": "system", "resource": "cpu"}


def no_file(path: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", path)


def one(table: dict[str, Any], environ: dict[str, str] | None = None, **seams: Any) -> WatchedCheck:
    (watched,) = build([table], seams.pop("settings", Settings()), environ or {}, **seams)
    return watched


def mistakes(*tables: Any, environ: dict[str, str] | None = None) -> list[str]:
    found = examine(tables, Settings(), environ or {}, no_file)[1]
    return [str(mistake) for mistake in found]


def test_a_table_becomes_a_check_with_its_stock_rules() -> None:
    watched = one(SYSTEM)

    (rule,) = watched.rules
    assert watched.check.target() == "cpu"
    assert (rule.id, rule.metric) == ("cpu:system.cpu.percent", "system.cpu.percent")
    assert rule.labels == {"check": "cpu"}
    assert (rule.warning, rule.critical) == (70, 85)


def test_levels_in_the_table_override_the_rule_of_the_headline_metric_only() -> None:
    table = {"name": "web", "kind": "http", "url": "http://h/", "warning": 50, "critical": 60}

    rules = {rule.metric: rule for rule in one(table).rules}

    assert (rules["http.total_ms"].warning, rules["http.total_ms"].critical) == (50, 60)
    assert rules["tls.days_left"].critical == 7


def test_levels_on_a_metric_without_a_stock_rule_make_one() -> None:
    table = {**SYSTEM, "resource": "processes", "critical": 5, "operator": "lt"}

    (rule,) = one(table).rules

    assert rule.metric == "system.processes.count"
    assert (rule.operator, rule.warning, rule.critical) == (Operator.LT, None, 5)


@pytest.mark.parametrize(
    ("levels", "reason"),
    [
        ({"warning": 90, "critical": 80}, "warning = 90 lies above critical = 80"),
        ({"warning": 90}, "warning = 90 lies above critical = 85"),
        ({"warning": 1, "critical": 2, "operator": "lt"}, "warning = 1 lies below critical = 2"),
    ],
)
def test_levels_the_wrong_way_round_are_refused(levels: dict[str, Any], reason: str) -> None:
    (found,) = mistakes({**SYSTEM, **levels})

    assert found.startswith('check "cpu" warning = ')
    assert reason in found


def test_levels_are_judged_even_when_the_fields_of_the_kind_are_wrong() -> None:
    found = mistakes({"name": "a", "kind": "http", "url": 5, "warning": 9, "critical": 1})

    assert len(found) == 2


def test_an_operator_without_levels_is_refused() -> None:
    (found,) = mistakes({**SYSTEM, "resource": "processes", "operator": "lt"})

    assert "has no meaning without warning or critical" in found


def test_an_unknown_kind_is_refused_with_the_one_that_was_meant() -> None:
    close, far = mistakes({"name": "a", "kind": "htp"}, {"name": "b", "kind": "zzz"})

    assert close == ('check "a" kind = "htp": there is no such kind of check, did you mean "http"?')
    assert "use one of" in far


def test_every_mistake_of_a_kinds_fields_is_told() -> None:
    found = mistakes({"name": "a", "kind": "tcp", "port": 99999, "hots": "h"})

    assert found == [
        'check "a": host is missing',
        'check "a" port = 99999: must be a whole number of at most 65535',
        'check "a" hots = "h": unknown key, did you mean "host"?',
    ]


def test_what_a_kind_refuses_as_a_whole_is_told_by_the_checks_name() -> None:
    (found,) = mistakes({"name": "a", "kind": "process", "pid": 1, "match": "x"})

    assert found == 'check "a": exactly one of match, pid_file and pid must be given'


@pytest.mark.parametrize(
    ("kind", "url", "expected"),
    [
        ("http", "htp:/x", 'url = "htp:/x": must begin with http:// or https://'),
        ("http", "htp:/ada:hunter2@x", 'url = "htp:/***@x": must begin with http'),
        ("http", "http://h:port/", 'url = "http://h:port/": is not a valid address'),
        ("http", "${URL}", 'url = "${URL}": must begin with http:// or https://'),
        ("sql", "oracle://ada:hunter2@h/d", 'url = "oracle://***@h/d": is of a database that'),
        ("sql", "${URL}", 'url = "${URL}": is of a database that is not supported here'),
    ],
)
def test_what_a_kind_refuses_in_one_field_is_told_by_its_key_value_and_reason(
    kind: str, url: str, expected: str
) -> None:
    (found,) = mistakes({"name": "a", "kind": kind, "url": url}, environ={"URL": "hunter2:x"})

    assert found.startswith(f'check "a" {expected}')
    assert "hunter2" not in found


def test_what_kinds_refuse_is_told_with_all_other_mistakes_and_its_line() -> None:
    text = '[[check]]\nname = "a"\nkind = "http"\ninterval = "0s"\n\nurl = "htp:/x"\n'
    table = {"name": "a", "kind": "http", "interval": "0s", "url": "htp:/x"}

    with pytest.raises(ConfigError) as refused:
        build([table], Settings(), {}, read_file={"c.toml": text}.__getitem__, source="c.toml")

    interval, url = str(refused.value).splitlines()
    assert interval.startswith('c.toml:4: check "a" interval = "0s": must be longer')
    assert url == 'c.toml:6: check "a" url = "htp:/x": must begin with http:// or https://'


def test_a_secret_behind_a_misspelt_key_is_not_shown() -> None:
    found = mistakes({"name": "a", "kind": "http", "url": "http://h/", "pasword": "hunter2"})

    assert found == ['check "a" pasword = ***: unknown key, did you mean "password"?']


def test_placeholders_take_environment_settings_and_files() -> None:
    table = {
        "name": "a",
        "kind": "http",
        "url": "${web.url}/x?u=${USER_NAME}",
        "headers": {"Authorization": "Bearer ${TOKEN}", "X-Plain": "$${TOKEN}"},
        "password": "file:/run/secrets/pw",
    }
    files = {"/run/secrets/pw": "hunter2\n"}

    watched = one(table, {"TOKEN": "t0ken", "USER_NAME": "me"}, read_file=files.__getitem__)

    check: Any = watched.check
    assert check.url == "http://127.0.0.1:8050/x?u=me"
    assert check.headers == {"Authorization": "Bearer t0ken", "X-Plain": "${TOKEN}"}
    assert check.password == "hunter2"


def test_the_definition_keeps_placeholders_as_they_were_written() -> None:
    table = {"name": "a", "kind": "http", "url": "${URL}"}

    assert one(table, {"URL": "http://h/"}).definition.fields == {"url": "${URL}"}


def test_a_value_that_is_one_placeholder_keeps_its_type() -> None:
    table = {"name": "a", "kind": "tcp", "host": "${web.host}", "port": "${web.port}"}

    check: Any = one(table, settings=Settings(web=Web(host="0.0.0.0", port=81))).check

    assert (check.host, check.port) == ("127.0.0.1", 81)


def test_a_number_may_come_from_the_environment() -> None:
    table = {"name": "a", "kind": "tcp", "host": "h", "port": "${PORT}"}

    check: Any = one(table, {"PORT": "81"}).check

    assert check.port == 81
    (refused,) = mistakes(table, environ={"PORT": "many"})
    assert refused == 'check "a" port = "${PORT}": must be a whole number, not text'


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("${NOPE}", "the environment variable NOPE is not set"),
        ("x${NOPE}", "the environment variable NOPE is not set"),
        ("${web.prot}", "is not a setting that can be used here, did you mean ${web.port}?"),
        ("${BROKEN}", "the environment variable BROKEN is not UTF-8 text"),
        ("file:/run/none", "the file /run/none can't be read: No such file or directory"),
        ("file:none", "file: takes an absolute path"),
    ],
)
def test_a_placeholder_without_a_value_is_the_one_mistake_of_its_key(
    value: str, reason: str
) -> None:
    table = {"name": "a", "kind": "tcp", "host": "h", "port": value}

    (found,) = mistakes(table, environ={"BROKEN": "\udcff"})

    assert found.startswith('check "a" port = ')
    assert reason in found


def test_a_placeholder_deep_in_a_value_is_found() -> None:
    table = {"name": "a", "kind": "http", "url": "http://h/", "headers": {"X": "${NOPE}"}}

    (found,) = mistakes(table)

    assert found.startswith('check "a" headers = "${NOPE}": the environment variable NOPE')


def test_no_mistake_repeats_a_secret_from_the_environment() -> None:
    tables = [
        {"name": "db", "kind": "sql", "url": "${URL}"},
        {"name": "x", "kind": "tcp", "host": "h", "port": "${URL}", "interval": "${URL}"},
    ]

    found = mistakes(*tables, environ={"URL": "nonsense hunter2"})

    assert len(found) == 3
    assert "hunter2" not in "".join(found)


def test_garbage_in_the_list_of_checks_gives_mistakes() -> None:
    found = mistakes("${X}", 5, None, ["${Y}"], {"name": "a"})

    assert len(found) == 5


def test_mistakes_carry_file_and_line() -> None:
    text = '[[check]]\nname = "a"\nkind = "tcp"\nhost = "h"\nport = 0\n'
    table = {"name": "a", "kind": "tcp", "host": "h", "port": 0}

    with pytest.raises(ConfigError) as refused:
        build([table], Settings(), {}, read_file={"c.toml": text}.__getitem__, source="c.toml")

    assert str(refused.value).startswith('c.toml:5: check "a" port = 0: must be')


def test_tables_from_the_store_have_no_file() -> None:
    with pytest.raises(ConfigError) as refused:
        build([{"name": "a"}], Settings(), {})

    assert str(refused.value) == 'check "a": kind is missing'


def test_every_kind_can_be_refused_without_raising() -> None:
    tables = [{"name": name, "kind": name, "surely": "unknown"} for name in kinds()]

    assert len(mistakes(*tables)) >= len(tables)


def test_what_a_kind_refuses_is_told_beside_the_other_mistakes_of_its_table() -> None:
    table = {
        "name": "a",
        "kind": "http",
        "url": "htp:/x",
        "interval": "0s",
        "warnin": 1,
        "expect_regex": "(",
        "follow_redirects": "yes",
    }

    _, mistakes = examine([table], Settings(), {})

    keys = [mistake.path[-1] for mistake in mistakes]
    assert sorted(map(str, keys)) == [
        "expect_regex",
        "follow_redirects",
        "interval",
        "url",
        "warnin",
    ]
