"""From tables to channels: kinds, fields, placeholders, fallbacks, and all mistakes at once."""

from __future__ import annotations

from typing import Any

import pytest

from domain.mistakes import ConfigError
from domain.settings import Settings
from monitor.channels import kinds
from monitor.channeltables import NamedChannel, build, examine, fallbacks

HOOK = {"name": "hook", "kind": "webhook", "url": "https://h/x"}
LOG = {"name": "log", "kind": "log"}


def made(*tables: dict[str, Any], environ: dict[str, str] | None = None) -> list[NamedChannel]:
    return list(build(tables, Settings(), environ or {}))


def mistakes(*tables: Any, environ: dict[str, str] | None = None) -> list[str]:
    return [str(each) for each in examine(tables, Settings(), environ or {})[1]]


def test_tables_become_channels_in_their_order() -> None:
    table = {**HOOK, "severities": ["critical"], "fallback": "log", "enabled": False}

    hook, log = made(table, LOG)

    assert (hook.name, hook.kind, hook.enabled, log.enabled) == ("hook", "webhook", False, True)
    assert (hook.channel.severities, hook.channel.fallback) == (("critical",), "log")


def test_placeholders_take_their_values_from_the_environment() -> None:
    hook = made({**HOOK, "url": "${HOOK}"}, environ={"HOOK": "https://h/T0KEN"})[0]

    channel: Any = hook.channel
    assert channel.url == "https://h/T0KEN"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({**HOOK, "kind": "webhok"}, 'no such kind of channel, did you mean "webhook"?'),
        ({**HOOK, "kind": "zzz"}, "use one of log"),
        ({**HOOK, "severities": ["critcal"]}, "must be one of"),
        ({**HOOK, "fallback": "nope"}, 'no channel is named "nope"'),
        ({**HOOK, "fallback": "hook"}, "can't be its own fallback"),
        ({**HOOK, "fallback": 5}, "must be text"),
        ({**HOOK, "urll": "https://h/T0KEN"}, 'urll = ***: unknown key, did you mean "url"?'),
        ({**HOOK, "url": "ftp://h/T0KEN"}, "url = ***: must begin with http:// or https://"),
        ({**HOOK, "timeout": "16s"}, 'timeout = "16s": must be at most 15 s'),
        ({**HOOK, "url": ["https://h/T0KEN"]}, "url = ***: must be text, not a list"),
        ({**HOOK, "url": "${NOPE}"}, 'url = "${NOPE}": the environment variable NOPE is not set'),
        ({**HOOK, "enabled": "yes"}, "must be true or false"),
        ({"name": "hook", "kind": "webhook"}, 'channel "hook": url is missing'),
        ({"kind": "log"}, "channel 1: name is missing"),
        ({"name": "a/../b", "kind": "log"}, "must not have"),
        ("x", 'channel 1 = "x": must be a table: write [[channel]]'),
    ],
)
def test_a_wrong_table_is_refused_with_its_reason(table: Any, expected: str) -> None:
    (found,) = mistakes(table)

    assert expected in found
    assert "T0KEN" not in found


def test_all_that_a_kind_refuses_is_told_at_once() -> None:
    found = mistakes({**HOOK, "url": "ftp://h/", "headers": {"Host": "T0KEN"}, "timeout": "1m"})

    assert [each.split(" = ")[0] for each in found] == [
        f'channel "hook" {key}' for key in ("url", "headers", "timeout")
    ]
    assert "T0KEN" not in "".join(found)


def test_a_name_can_be_used_once_only() -> None:
    (found,) = mistakes(LOG, LOG)

    assert "another channel has this name" in found


def test_fallbacks_can_not_run_in_a_circle_not_even_by_the_environment() -> None:
    tables = [{**LOG, "name": "a", "fallback": "b"}, {**LOG, "name": "b", "fallback": "${TO}"}]

    (found,) = mistakes(*tables, environ={"TO": "a"})

    assert "fallbacks run in a circle" in found


def test_all_mistakes_are_told_at_once_with_file_and_line() -> None:
    text = '[[channel]]\nname = "a"\nkind = "lgo"\n[[channel]]\nkind = "log"\n'
    tables = [{"name": "a", "kind": "lgo"}, {"kind": "log"}]

    with pytest.raises(ConfigError) as refused:
        build(tables, Settings(), {}, read_file={"c.toml": text}.__getitem__, source="c.toml")

    assert [line.split(" ")[0] for line in str(refused.value).splitlines()] == [
        "c.toml:3:",
        "c.toml:4:",
    ]


def test_every_kind_can_be_refused_without_raising() -> None:
    tables = [{"name": name, "kind": name, "surely": "unknown"} for name in kinds()]

    assert len(mistakes(*tables)) >= len(tables)


def test_a_fallback_that_is_switched_off_is_passed_over() -> None:
    channels = made(
        {**HOOK, "fallback": "b"},
        {**LOG, "name": "b", "enabled": False, "fallback": "c"},
        {**LOG, "name": "c"},
    )

    assert fallbacks(channels) == {"hook": "c", "b": "c"}
