"""Rules and windows of the file that can't be: refused with file, line, key, value and reason."""

from __future__ import annotations

import pytest

from domain.mistakes import ConfigError
from launch.config import read_whole

CHECK = '[[check]]\nname = "shop-db"\nkind = "tcp"\nhost = "h"\nport = 1\n'
RULE = '[[rule]]\nid = "swap"\nmetric = "system.swap.percent"\n'
WINDOW = '[[maintenance]]\nname = "nightly"\nmatch = { tags = ["shop"] }\n'
TIMES = 'start = "02:00"\nduration = "30m"\n'


def refused(text: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        read_whole("c.toml", {}, lambda path: CHECK + text)
    return str(error.value).splitlines()


@pytest.mark.parametrize(
    ("keys", "line", "words"),
    [
        (
            "warning = 90\ncritical = 80\n",
            9,
            'rule "swap" warning = 90: warning = 90 lies above critical = 80',
        ),
        (
            'operator = "lt"\nwarning = 5\ncritical = 10\n',
            10,
            'rule "swap" warning = 5: warning = 5 lies below critical = 10',
        ),
        (
            "warning = 50\nclear_warning = 60\n",
            10,
            'rule "swap" clear_warning = 60: clear_warning = 60 lies beyond warning = 50',
        ),
        (
            'operator = "above"\nwarning = 5\n',
            9,
            'rule "swap" operator = "above": unknown operator',
        ),
        ("warning = nan\n", 9, 'rule "swap" warning = nan: must be a finite number'),
        ("warning = inf\n", 9, 'rule "swap" warning = inf: must be a finite number'),
        ("warning = -inf\n", 9, 'rule "swap" warning = -inf: must be a finite number'),
        ("warning = 1e308\n", 9, 'rule "swap" warning = 1e+308: must lie between'),
        ('warning = "1,5"\n', 9, 'rule "swap" warning = "1,5": must be a number, not text'),
        ("warning = true\n", 9, 'rule "swap" warning = true: must be a number, not true or false'),
        ('warning = 5\ninterval = "0s"\n', 10, 'rule "swap" interval = "0s": must be longer'),
        ('warning = 5\ninterval = "-5s"\n', 10, 'rule "swap" interval = "-5s":'),
        ('warning = 5\nfor = "-5s"\n', 10, 'rule "swap" for = "-5s":'),
        (
            'warning = 5\ncheck = "shop-dd"\n',
            10,
            'rule "swap" check = "shop-dd": there is no check "shop-dd", did you mean "shop-db"?',
        ),
        (
            'warning = 5\nlabels = { check = "nosuch" }\n',
            10,
            'rule "swap" labels.check = "nosuch": there is no check "nosuch"',
        ),
        (
            'warning = 5\nlabels = { mount = "x[" }\n',
            10,
            'rule "swap" labels = {mount = "x["}: must not have a "[" that is not closed',
        ),
        (
            'warning = 5\nchannels = ["nosuch"]\n',
            10,
            'rule "swap" channels = ["nosuch"]: there is no channel "nosuch"',
        ),
    ],
)
def test_a_rule_that_can_not_be_is_refused_with_line_key_and_value(
    keys: str, line: int, words: str
) -> None:
    (found,) = refused(RULE + keys)

    assert found.startswith(f"c.toml:{line}: {words}")


@pytest.mark.parametrize(
    ("keys", "line", "words"),
    [
        (TIMES + 'recurrence = "yearly"\n', 11, 'recurrence = "yearly": must be one of "once"'),
        (TIMES + 'recurrence = "* * * * *"\n', 11, 'recurrence = "* * * * *": must be one of'),
        (
            TIMES + 'recurrence = "monthly"\ndays = [32]\n',
            12,
            "days = [32]: 32 is no day of a month",
        ),
        (
            TIMES + 'timezone = "localtime"\n',
            11,
            'timezone = "localtime": there is no such time zone, write the name of this machine',
        ),
        (
            TIMES + 'timezone = "right/Europe/Berlin"\n',
            11,
            'timezone = "right/Europe/Berlin": there is no such time zone, '
            'did you mean "Europe/Berlin"?',
        ),
        (
            TIMES + 'timezone = "Berlin"\n',
            11,
            'timezone = "Berlin": there is no such time zone, did you mean "Europe/Berlin"?',
        ),
        (
            'start = "2026-11-30 22:00"\nend = "2026-11-30 21:00"\n',
            10,
            'end = "2026-11-30 21:00": must come after the start',
        ),
        (
            'start = "2026-03-29 02:30"\nduration = "1h"\ntimezone = "Europe/Berlin"\n',
            9,
            'start = "2026-03-29 02:30": there is no such time in Europe/Berlin',
        ),
        ('start = "02:00"\nduration = "0s"\n', 10, 'duration = "0s": must be longer than 0 s'),
        ('start = "02:00"\nduration = "-1h"\n', 10, 'duration = "-1h":'),
    ],
)
def test_a_window_that_can_not_be_is_refused_with_line_key_and_value(
    keys: str, line: int, words: str
) -> None:
    (found,) = refused(WINDOW + keys)

    assert found.startswith(f'c.toml:{line}: maintenance "nightly" {words}')


@pytest.mark.parametrize("match", ["{}", '{ name = "*" }', '{ name = ["a", "**"], kind = "?*" }'])
def test_a_window_of_everything_is_asked_for_twice(match: str) -> None:
    window = f'[[maintenance]]\nname = "all"\nmatch = {match}\n{TIMES}'

    (found,) = refused(window)

    assert found.startswith('c.toml:8: maintenance "all" match')
    assert "write everything = true if that is meant" in found
    assert read_whole("c.toml", {}, lambda path: window + "everything = true\n").maintenance


@pytest.mark.parametrize("pattern", ["x[", "[z-a]", ""])
def test_a_broken_pattern_is_refused_with_line_key_and_value(pattern: str) -> None:
    (found,) = refused(f'[[maintenance]]\nname = "a"\nmatch = {{ name = "{pattern}" }}\n{TIMES}')

    assert found.startswith(f'c.toml:8: maintenance "a" match = {{name = "{pattern}"}}: name must')


def test_a_rule_on_a_metric_that_nobody_measures_yet_is_allowed() -> None:
    text = CHECK + '[[rule]]\nid = "a"\nmetric = "never.seen"\ncheck = "shop-db"\nwarning = 5\n'

    assert len(read_whole("c.toml", {}, lambda path: text).rules) == 1


def test_a_rule_may_name_the_check_of_the_own_network_where_references_make_it() -> None:
    rule = '[[rule]]\nid = "a"\nmetric = "m"\ncheck = "own-network"\nwarning = 5\n'
    network = '[network]\nreferences = ["tcp://192.0.2.1:53"]\n'

    assert read_whole("c.toml", {}, lambda path: network + rule).rules
    assert refused(rule)[0].startswith('c.toml:9: rule "a" check = "own-network": there is no')
