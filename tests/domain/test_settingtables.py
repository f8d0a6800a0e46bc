"""Plain tables and their environment overrides: what is understood, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.mistakes import MASK, Mistake, shown
from domain.settings import Settings, Web
from domain.settingtables import ARRAYS, PLAIN, TABLES, parse_settings


def mistakes(document: dict[str, Any], environ: dict[str, str] | None = None) -> list[str]:
    return [str(mistake) for mistake in parse_settings(document, environ or {})[1]]


def settings(document: dict[str, Any], environ: dict[str, str] | None = None) -> Settings:
    found, refused = parse_settings(document, environ or {})
    assert refused == ()
    return found


def test_an_empty_file_gives_the_defaults() -> None:
    found = settings({})

    assert found == Settings()
    assert found.web.url == "http://127.0.0.1:8050"
    assert (found.monitor.interval_s, found.monitor.timeout_s) == (30.0, 10.0)


def test_every_key_of_the_tables_is_read() -> None:
    found = settings(
        {
            "web": {"host": "::", "port": 80, "anonymous": "none", "hosts": ["noc.example.org"]},
            "storage": {"url": "postgresql://u@h:5/n", "raw_days": 7, "aggregate_days": 90},
            "monitor": {
                "interval": "1m",
                "timeout": "500ms",
                "failures": 1,
                "successes": 5,
                "metrics_interval": "5s",
                "disabled": True,
            },
            "network": {
                "references": ["tcp://192.0.2.1:443"],
                "deny": ["private", "203.0.113.0/24"],
                "allow": ["10.1.0.0/16"],
            },
            "log": {"level": "debug", "format": "text"},
        }
    )

    assert found.web.url == "http://[::1]:80"
    assert found.storage.raw_days == 7
    assert found.monitor.interval_s == 60.0
    assert found.monitor.timeout_s == 0.5
    assert found.monitor.disabled
    assert found.network.references == ("tcp://192.0.2.1:443",)
    assert found.network.deny == ("private", "203.0.113.0/24")
    assert found.network.allow == ("10.1.0.0/16",)
    assert found.log.format == "text"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"web": {"port": True}}, "web.port = true: must be a whole number, not true or false"),
        ({"web": {"port": "80"}}, 'web.port = "80": must be a whole number, not text'),
        ({"web": {"port": 0}}, "web.port = 0: must be a whole number of at least 1"),
        ({"web": {"host": ""}}, 'web.host = "": must not be empty'),
        ({"web": {"prot": 80}}, 'web.prot = 80: unknown key, did you mean "port"?'),
        ({"wbe": {}}, '[wbe]: unknown table, did you mean "web"?'),
        ({"web": 5}, "web = 5: must be a table: write [web]"),
        ({"web": {"hosts": ["a", 1]}}, 'web.hosts = ["a", 1]: must be text, not a whole number'),
        ({"monitor": {"interval": "0s"}}, 'monitor.interval = "0s": must be longer than 0 s'),
        ({"monitor": {"interval": 30}}, "monitor.interval = 30: must be text, not a whole number"),
        ({"monitor": {"interval": "9" * 400 + "s"}}, "must be at most 366 d"),
        ({"monitor": {"interval": "soon"}}, "'soon' is not a duration"),
        ({"monitor": {"timeout": "31s"}}, 'monitor.timeout = "31s": must be at most 30 s'),
        ({"monitor": {"failures": 0}}, "must be a whole number of at least 1"),
        ({"log": {"level": "inf"}}, 'must be one of "debug", "info", "warning", "error", did you'),
        ({"storage": {"url": "mysql://h/n"}}, 'must be "sqlite:///path/to/file.db" or'),
        ({"storage": {"url": "sqlite://"}}, "must name a file"),
        ({"storage": {"url": "sqlite:///:memory:"}}, "must name a file"),
        ({"storage": {"url": "postgresql://h:x/n"}}, "cannot be read as a URL"),
        ({"network": {"references": ["1.1.1.1"]}}, '"1.1.1.1" is not an address'),
        ({"network": {"deny": ["privat"]}}, 'did you mean "private"?'),
        ({"network": {"deny": ["10.0.0.1/8"]}}, 'has bits beyond its length: write "10.0.0.0/8"'),
        ({"network": {"allow": ["169.254.169.254"]}}, "those are never allowed"),
        ({"network": {"allow": ["100.100.100.200/32"]}}, "those are never allowed"),
    ],
)
def test_a_wrong_value_is_refused_with_its_reason(document: dict[str, Any], expected: str) -> None:
    found = mistakes(document)

    assert len(found) == 1
    assert expected in found[0]


def test_all_mistakes_are_told_at_once() -> None:
    found = mistakes({"web": {"port": "x", "host": 1}, "log": {"level": "x"}, "other": {}})

    assert len(found) == 4


def test_a_prefixed_variable_overrides_the_file_with_the_type_of_its_key() -> None:
    environ = {
        "NOCTURNE_WEB__PORT": "9000",
        "NOCTURNE_WEB__HOSTS": "a.example, b.example",
        "NOCTURNE_MONITOR__DISABLED": "yes",
        "NOCTURNE_MONITOR__INTERVAL": "5s",
        "NOCTURNE_CONFIG": "/etc/nocturne.toml",
        "NOCTURNE_SUPERVISOR_PID": "1",
    }

    found = settings({"web": {"port": 80}}, environ)

    assert found.web == Web(port=9000, hosts=("a.example", "b.example"))
    assert found.monitor.disabled
    assert found.monitor.interval_s == 5.0


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("NOCTURNE_WEB__PORT", "x", 'environment: NOCTURNE_WEB__PORT = "x": must be a whole'),
        ("NOCTURNE_WEB__PROT", "1", "no key has this name, did you mean NOCTURNE_WEB__PORT?"),
        ("NOCTURNE_WEB__PORT__X", "1", "no key has this name"),
        ("NOCTURNE_CHECK__0__URL", "x", "lists of tables have no overrides: write ${NAME}"),
        ("NOCTURNE_CHANNEL__0__URL", "x", "lists of tables have no overrides: write ${NAME}"),
        ("NOCTURNE_MONITOR__DISABLED", "maybe", "must be true or false"),
        ("NOCTURNE_WEB_PORT", "81", "no key has this name, did you mean NOCTURNE_WEB__PORT?"),
        ("NOCTURNE_PORT", "81", "no key has this name, did you mean NOCTURNE_WEB__PORT?"),
        ("NOCTURNE_LOGLEVEL", "info", "no key has this name, did you mean NOCTURNE_LOG__LEVEL?"),
        ("NOCTURNE_CONFG", "x", "no key has this name, did you mean NOCTURNE_CONFIG?"),
        ("NOCTURNE_ZZZ", "x", "no key has this name"),
        ("NOCTURNE_MONITOR__INTERVAL", "1ms", "must be at least 1 s"),
        ("HEALTH_CHECK_INTERVAL", "0.5", "must be at least 1 s"),
        ("HEALTH_CHECK_INTERVAL", "٣٠", "is not a duration"),
        ("DISABLE_HEALTH_CHECKS", "maybe", "must be true or false"),
        ("LOG_LEVEL", "loud", 'environment: LOG_LEVEL = "loud": must be one of'),
    ],
)
def test_a_wrong_variable_is_refused_by_its_own_name(
    variable: str, text: str, expected: str
) -> None:
    found = mistakes({}, {variable: text})

    assert len(found) == 1
    assert expected in found[0]


def test_plain_variables_are_understood() -> None:
    environ = {
        "MONITORING_DASHBOARD_PORT": "9001",
        "HEALTH_CHECK_INTERVAL": "60",
        "METRICS_COLLECTION_INTERVAL": "15s",
        "LOG_LEVEL": "DEBUG",
        "ENABLE_HEALTH_MONITORING": "true",
        "DISABLE_HEALTH_CHECKS": "1",
    }

    found = settings({}, environ)

    assert found.web.port == 9001
    assert (found.monitor.interval_s, found.monitor.metrics_interval_s) == (60.0, 15.0)
    assert found.log.level == "debug"
    assert found.monitor.disabled


def test_either_plain_switch_disables_the_checks() -> None:
    off = settings({}, {"ENABLE_HEALTH_MONITORING": "false", "DISABLE_HEALTH_CHECKS": "false"})
    on = settings({"monitor": {"disabled": True}}, {"ENABLE_HEALTH_MONITORING": "true"})

    assert off.monitor.disabled
    assert not on.monitor.disabled


def test_an_empty_plain_variable_counts_as_not_set() -> None:
    assert settings({}, dict.fromkeys(PLAIN, "")) == Settings()


def test_a_prefixed_variable_wins_over_a_plain_one() -> None:
    found = settings({}, {"LOG_LEVEL": "debug", "NOCTURNE_LOG__LEVEL": "error"})

    assert found.log.level == "error"


@pytest.mark.parametrize(
    ("key", "value", "hidden"),
    [
        ("password", "hunter2", "hunter2"),
        ("api_key", "hunter2", "hunter2"),
        ("headers", {"Authorization": "hunter2"}, "hunter2"),
        ("url", "postgresql://u:hunter2@h/n", "hunter2"),
        ("url", "postgresql://u:hun@ter2@h/n", "ter2"),
        ("urls", ["https://h/?token=hunter2&x=1"], "hunter2"),
        ("title", "hunter2", None),
    ],
)
def test_secrets_are_masked(key: str, value: object, hidden: str | None) -> None:
    text = shown(value, key)

    assert (MASK in text) == (hidden is not None)
    assert hidden is None or hidden not in text


def test_a_mistake_reads_as_one_line_with_file_line_key_value_and_reason() -> None:
    mistake = Mistake(key="web.port", given="0", reason="no", file="config.toml", line=3)

    assert str(mistake) == "config.toml:3: web.port = 0: no"
    assert "\n" not in shown("a\nb\u202e\x00")


def test_a_variable_that_a_check_takes_its_password_from_is_no_mistake() -> None:
    document = {"check": [{"headers": {"X": "Bearer ${NOCTURNE_TOKEN}"}}]}

    assert parse_settings(document, {"NOCTURNE_TOKEN": "t"})[1] == ()
    (refused,) = parse_settings({}, {"NOCTURNE_TOKEN": "hunter2"})[1]
    assert "hunter2" not in str(refused)


def test_what_kubernetes_sets_beside_a_service_of_our_name_is_no_mistake() -> None:
    environ = {
        "NOCTURNE_PORT": "tcp://10.0.0.7:8050",
        "NOCTURNE_SERVICE_HOST": "10.0.0.7",
        "NOCTURNE_SERVICE_PORT": "8050",
        "NOCTURNE_SERVICE_PORT_HTTP": "8050",
        "NOCTURNE_PORT_8050_TCP_ADDR": "10.0.0.7",
    }

    assert parse_settings({}, environ)[1] == ()


@pytest.mark.parametrize(
    ("written", "visible"),
    [
        ("http://ada:hunter2@h/", "http://***@h/"),
        ("htp:/ada:hunter2@h/", "htp:/***@h/"),
        ("http:ada:hunter2@h/", "***@h/"),
        ("//ada:hunter2@h/", "//***@h/"),
        ("ada:hun/ter2@h", "***@h"),
        ("at 12:30 write to ops@h", "at 12:30 write to ops@h"),
    ],
)
def test_the_user_of_an_address_is_masked_however_it_is_misspelt(
    written: str, visible: str
) -> None:
    assert shown(written) == f'"{visible}"'


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from([key for _, keys in TABLES.values() for key in keys]) | st.text()


@given(
    st.dictionaries(
        st.sampled_from([*TABLES, *ARRAYS]) | st.text(),
        VALUES | st.dictionaries(KEYS, VALUES, max_size=4),
        max_size=5,
    ),
    st.dictionaries(st.sampled_from([*PLAIN, "NOCTURNE_WEB__PORT"]), st.text(), max_size=4),
)
def test_garbage_gives_mistakes_and_never_raises(
    document: dict[str, Any], environ: dict[str, str]
) -> None:
    found, refused = parse_settings(document, environ)

    assert isinstance(found, Settings)
    assert all("\n" not in str(mistake.given) for mistake in refused)
