"""Exporters' pages: chosen series are read as the reference parser reads them, in pieces of any size."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from domain import exposition
from domain.exposition import (
    NotExposition,
    Page,
    Selector,
    Series,
    TooManySeries,
    added,
    by_bound,
    histogram_quantile,
)

PAGE = """# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9
# Minimalistic line:
metric_without_timestamp_and_labels 12.47
# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320
"""


def read(text: str, *selectors: Selector, piece: int = 1 << 20) -> Page:
    page, data = Page(selectors), text.encode()
    for at in range(0, len(data), piece):
        page.feed(data[at : at + piece])
    page.close()
    return page


def values(text: str, metric: str, **labels: str | Sequence[str]) -> Mapping[Series, float]:
    patterns = {k: (v,) if isinstance(v, str) else tuple(v) for k, v in labels.items()}
    return read(text, Selector(metric=metric, labels=patterns)).found[0]


def by_the_reference(text: str) -> dict[Series, float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("piece", [1, 7, 64, 4096])
def test_the_example_of_the_format_is_read_as_the_reference_reads_it(piece: int) -> None:
    page = read(PAGE, Selector(metric="*"), piece=piece)

    assert page.found[0] == by_the_reference(PAGE)
    assert page.samples == len(page.found[0]) == 9


def test_types_tell_what_counts() -> None:
    page = read(PAGE, Selector(metric="http_*"))

    assert page.counts("http_requests_total")
    assert page.counts("http_request_duration_seconds_bucket")
    assert page.counts("http_request_duration_seconds_sum")
    assert not page.counts("metric_without_timestamp_and_labels")


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ({}, [1027, 3]),
        ({"code": "200"}, [1027]),
        ({"code": "4*"}, [3]),
        ({"code": "!200"}, [3]),
        ({"code": ["200", "400"]}, [1027, 3]),
        ({"code": ["*", "!4*"]}, [1027]),
        ({"code": "200", "method": "get"}, []),
        ({"absent": ""}, [1027, 3]),
        ({"absent": "?*"}, []),
        ({"absent": "!x"}, [1027, 3]),
    ],
)
def test_labels_choose_series(labels: dict[str, str | list[str]], found: list[float]) -> None:
    assert list(values(PAGE, "http_requests_total", **labels).values()) == found


def test_a_label_with_escapes_is_compared_as_it_is_meant() -> None:
    assert values(PAGE, "msdos*", path="C:\\DIR\\FILE.TXT")
    assert values('a{b="x y\\"z"} 1\n', "a", b='x y"z')


def test_a_longer_name_is_another_metric() -> None:
    assert values("node_load1 1\nnode_load15 15\n", "node_load1") == {("node_load1", ()): 1}


def test_openmetrics_with_exemplars_timestamps_and_its_end() -> None:
    text = (
        "# TYPE foo counter\n# UNIT foo seconds\n"
        'foo_total{a="b"} 17.0 1520879607.789 # {trace_id="x # y"} 0.67 1520879606.1\n'
        "foo_created 1520872607.123\n# EOF\n"
    )

    page = read(text, Selector(metric="foo_total"))

    assert page.found[0] == {("foo_total", (("a", "b"),)): 17.0}
    assert page.is_whole and page.counts("foo_total")
    assert not read(text.removesuffix("# EOF\n"), Selector(metric="x")).is_whole


@pytest.mark.parametrize(
    "line",
    [
        "a",
        "a b",
        "a 1_000",
        "a{b} 1",
        'a{b="c} 1',
        'a{b="c"',
        'a{b="c" d="e"} 1',
        "a{} ",
        "a 1 x",
        "<html>",
        '{"json": 1}',
        "\x00\x01 1",
        "a\xff 1",
    ],
)
def test_a_line_that_is_none_is_told_with_its_number(line: str) -> None:
    with pytest.raises(NotExposition, match="line 2 "):
        read(f"# fine\n{line}\n", Selector(metric="a"))


def test_a_line_without_end_and_too_many_series_are_refused() -> None:
    with pytest.raises(NotExposition, match="line 1 is longer than 64 KiB"):
        read("a" * 100_000, Selector(metric="a"), piece=4096)
    with pytest.raises(TooManySeries):
        read("".join(f'a{{n="{n}"}} 1\n' for n in range(6000)), Selector(metric="a"))
    wide = ",".join(f'l{n}="x"' for n in range(1000))
    with pytest.raises(TooManySeries):
        read("".join(f'a{{{wide},n="{n}"}} 1\n' for n in range(100)), Selector(metric="a"))


names = st.from_regex(r"\A[a-z_:][a-z0-9_:]{0,8}\Z")
label_names = st.from_regex(r"\A[a-z_][a-z0-9_]{0,5}\Z")
printable = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])
texts = st.text(printable | st.just("\n"), max_size=8)
finite = st.floats(allow_nan=False)
lines = st.tuples(names, st.dictionaries(label_names, texts, max_size=3), finite)


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def sample(name: str, labels: Mapping[str, str], value: float) -> str:
    pairs = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{pairs}}} {value!r}\n" if pairs else f"{name} {value!r}\n"


@given(st.lists(lines, max_size=8), st.integers(1, 50))
def test_what_was_written_is_read(
    written: list[tuple[str, dict[str, str], float]], piece: int
) -> None:
    page = "".join(sample(*each) for each in written)

    found = read(page, Selector(metric="*"), piece=piece).found[0]

    assert found == {(n, tuple(sorted(labels.items()))): v for n, labels, v in written}
    for (name, labels), value in found.items():
        exact = {k: (v,) for k, v in labels if v and not set(v) & set("*?[!")}
        assert read(page, Selector(metric=name, labels=exact)).found[0][name, labels] == value


@given(st.binary(max_size=300))
def test_garbage_is_refused_or_read_and_nothing_else(data: bytes) -> None:
    page = Page([Selector(metric="*")])

    with contextlib.suppress(NotExposition):
        page.feed(data)
        page.close()

    assert page.samples <= data.count(b"\n") + 1


BUCKETS = {0.1: 10.0, 0.5: 60.0, 1.0: 90.0, math.inf: 100.0}


@pytest.mark.parametrize(
    ("quantile", "expected"),
    [(0.05, 0.05), (0.1, 0.1), (0.35, 0.3), (0.6, 0.5), (0.75, 0.75), (0.95, 1.0), (0.9, 1.0)],
)
def test_a_quantile_lies_in_its_bucket_as_prometheus_says(quantile: float, expected: float) -> None:
    assert histogram_quantile(quantile, BUCKETS) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("buckets", "expected"),
    [
        ({}, math.nan),
        ({math.inf: 5}, math.nan),
        ({0.1: 5, 0.5: 6}, math.nan),
        ({0.1: 0, math.inf: 0}, math.nan),
        ({-1.0: 5, 1.0: 5, math.inf: 5}, -1.0),
        ({1.0: 5, 2.0: 4, math.inf: 5}, 0.5),
    ],
)
def test_odd_histograms_are_taken_as_prometheus_takes_them(
    buckets: dict[float, float], expected: float
) -> None:
    assert histogram_quantile(0.5, buckets) == pytest.approx(expected, nan_ok=True)


def test_histograms_of_several_series_are_added_by_bound() -> None:
    text = "".join(
        f'h_bucket{{le="{bound}",pod="{pod}"}} {count}\n'
        for pod in "ab"
        for bound, count in (("0.5", 1), ("+Inf", 3))
    )

    histograms = by_bound(values(text, "h_bucket"))

    assert histograms.keys() == {(("pod", "a"),), (("pod", "b"),)}
    assert added(histograms.values()) == {0.5: 2, math.inf: 6}


def test_a_number_is_what_go_reads() -> None:
    read_value = exposition.sample_of

    assert read_value(" 1e3", 0)[1] == 1000
    assert math.isnan(read_value(" NaN", 0)[1])
    assert read_value(" -Inf", 0)[1] == -math.inf
