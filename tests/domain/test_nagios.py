"""What Nagios plugins write, taken apart: also what is broken, hostile or of another locale."""

from __future__ import annotations

import math
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.nagios import LABELS, Perf, Range, metrics, parse, parse_range
from domain.units import unit_of

LOAD = "LOAD OK - load average: 1.50|load1=1.500;;;0; scaled_load1=0.750;5.000;10.000;0; "


def names_and_values(output: str) -> dict[str, float]:
    found, _ = metrics(parse(output).perfdata)
    return {each.name: each.value for each in found}


def test_the_first_line_is_the_message_and_the_rest_is_text_and_performance_data() -> None:
    output = parse(
        "DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n"
        "/ 15272 MB (77%);\n"
        "/boot 68 MB (69%); | /boot=68MB;88;93;0;98\n"
        "/home=69357MB;253404;253409;0;253414\n"
    )

    assert output.text == "DISK OK - free space: / 3326 MB (56%);"
    assert output.more == "/ 15272 MB (77%);\n/boot 68 MB (69%);"
    assert [each.label for each in output.perfdata] == ["/", "/boot", "/home"]
    assert output.unread == 0


def test_a_real_plugins_line_gives_value_levels_and_limits() -> None:
    first, second = parse(LOAD).perfdata

    assert first == Perf(label="load1", value=1.5, minimum=0.0)
    assert second.words == "0.75, warning outside 0 to 5, critical outside 0 to 10, from 0"


@pytest.mark.parametrize(
    ("text", "label", "value", "unit"),
    [
        ("users=4", "users", 4, ""),
        ("'two words'=1.5s", "two words", 1.5, "s"),
        ("'it''s'=2", "it's", 2, ""),
        ("'a=b'=3%", "a=b", 3, "%"),
        ("t=-0.5ms;", "t", -0.5, "ms"),
        ("t=1,5s;2;3", "t", 1.5, "s"),
        ("rta=0.80,", "rta", 0.8, ""),
        ("t=1e3", "t", 1000, ""),
        ("t=.5", "t", 0.5, ""),
        ("t=+5EB", "t", 5, "EB"),
        ("x=U;;;0", "x", None, ""),
        ("C:\\=12MB", "C:\\", 12, "MB"),
    ],
)
def test_an_entry_is_read(text: str, label: str, value: float | None, unit: str) -> None:
    [entry] = parse(f"OK | {text}").perfdata

    assert (entry.label, entry.value, entry.unit) == (label, value, unit)


@pytest.mark.parametrize(
    "text", ["=5", "a=", "a=;1", "''=1", "lonely", "'open=1", "a=b", "a=1.2.3", "a=nan", "a=1e999"]
)
def test_what_is_no_entry_is_counted_and_harms_no_other(text: str) -> None:
    output = parse(f"OK | ok=1 {text}")

    assert [each.label for each in output.perfdata] == ["ok"]
    assert output.unread == 1


@pytest.mark.parametrize(
    ("text", "words", "quiet", "alerting"),
    [
        ("10", "outside 0 to 10", (0, 10), (-0.1, 10.1)),
        ("10:", "below 10", (10, 1e9), (9.9, -5)),
        ("~:10", "above 10", (-1e9, 10), (10.1,)),
        ("10:20", "outside 10 to 20", (10, 20), (9.9, 20.1)),
        ("@10:20", "inside 10 to 20", (9.9, 20.1), (10, 15, 20)),
        ("@5", "inside 0 to 5", (-1, 6), (0, 5)),
        (":5", "outside 0 to 5", (0, 5), (-1, 6)),
    ],
)
def test_ranges_alert_as_the_guidelines_say(
    text: str, words: str, quiet: tuple[float, ...], alerting: tuple[float, ...]
) -> None:
    found = parse_range(text)

    assert found.words == words
    assert not any(found.alerts(value) for value in quiet)
    assert all(found.alerts(value) for value in alerting)


@pytest.mark.parametrize("text", ["", "x", "20:10", "1:2:3", "@", "~", "nan"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_range(text)


def test_units_become_the_monitors_own() -> None:
    found = names_and_values("OK | time=1.5s rta=2ms idle=7us /=2KB swap=1KiB pl=5% rx=9c temp=21C")

    assert found == {
        "time_ms": 1500,
        "rta_ms": 2,
        "idle_ms": pytest.approx(0.007),
        "root_bytes": 2000,
        "swap_bytes": 1024,
        "pl_percent": 5,
        "rx_per_s": 9,
        "temp": 21,
    }
    assert unit_of("command.rta_ms") == "ms" and unit_of("command.root_bytes") == "bytes"


def test_labels_become_names_that_are_used_once() -> None:
    found = names_and_values(
        "OK | 'Größe A'=1 groe_a=1 'x y'=1B x-y=2B x_y_bytes=3B '%%'=4 arms=1ms"
    )

    assert list(found) == [
        "groe_a",
        "groe_a_2",
        "x_y_bytes",
        "x_y_2_bytes",
        "x_y_3_bytes",
        "value",
        "arms_ms",
    ]


def test_a_name_that_is_taken_already_is_not_used() -> None:
    [found], _ = metrics(parse("OK | duration=3ms").perfdata, taken={"duration_ms"})

    assert found.name == "duration_2_ms"


def test_more_labels_than_a_check_should_have_are_left_out_and_told() -> None:
    many = " ".join(f"'{number}'={number}" for number in range(LABELS + 5))

    found, left_out = metrics(parse(f"OK | {many}").perfdata)

    assert (len(found), left_out) == (LABELS, 5)


numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
labels = st.text(st.characters(codec="utf-8", exclude_characters="|\n\r"), min_size=1, max_size=20)


@given(labels, numbers, st.sampled_from(["", "s", "%", "B", "MB", "c", "W"]))
def test_a_quoted_label_of_any_characters_comes_back(label: str, value: float, unit: str) -> None:
    quoted = label.replace("'", "''")

    [entry] = parse(f"OK | '{quoted}'={value:.6f}{unit};@1:2;~:3;0;9").perfdata

    assert (entry.label, entry.unit) == (label, unit)
    assert entry.value == float(f"{value:.6f}")
    assert entry.warn == Range(start=1, end=2, inside=True)
    assert entry.crit == Range(start=-math.inf, end=3)


@given(st.text(st.sampled_from("ab'=;:@~|%.,-+1e \n\tU"), max_size=200))
def test_whatever_is_written_gives_finite_numbers_with_clean_names(text: str) -> None:
    output = parse(text)
    found, _ = metrics(output.perfdata)

    assert all(re.fullmatch(r"[a-z0-9_]+", each.name) for each in found)
    assert all(math.isfinite(each.value) for each in found)
    assert len({each.name for each in found}) == len(found)
    assert all(each.words for each in output.perfdata)


@pytest.mark.parametrize("text", ["'", "' ", "'a'", "=", "a=1' ", "'' ", "''"])
def test_hostile_output_is_read_in_little_time(text: str) -> None:
    start = time.thread_time()

    parse("|" + text * (64 * 1024 // len(text)))

    assert time.thread_time() - start < 10
