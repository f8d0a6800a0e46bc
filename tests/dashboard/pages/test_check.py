"""The check page as components: pure functions of a view, over a real store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dash import Dash, dcc, html, no_update
from dash.development.base_component import Component

from dashboard import ids
from dashboard.callbacks import check as callbacks
from dashboard.components.results import Folded, fold
from dashboard.pages import check as page
from dashboard.theme import DARK, LIGHT
from dashboard.views import CheckView, check_view
from domain.facts import Mark, Status
from storage.readings import Readings
from tests.dashboard.filled import Filled, about, fill
from tests.monitor.stand_ins import START

HOSTILE = "<script>alert(1)</script>" + "x" * 175


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    filled = fill(tmp_path, START)
    filled.publish(
        {
            "db": about(),
            "api": about(depends_on=[["db"]]),
            HOSTILE: about(tags=["<b>"], description="<img src=x onerror=alert(1)>"),
        }
    )
    filled.results("db", [Status.HEALTHY] * 20, START, {"http.total_ms": 12.0})
    yield filled
    filled.engine.dispose()


def look(store: Filled, name: str, later_s: float = 0.0) -> CheckView:
    view = check_view(Readings(store.engine), name, START + timedelta(seconds=later_s), None)
    assert view is not None
    return view


def pieces(body: page.Body) -> html.Div:
    parts = (body.head, body.actions, body.timeline, body.results, body.side)
    return html.Div([each for part in parts for each in part])


def every(component: Any) -> Iterator[Component]:
    if isinstance(component, Component):
        yield component
        yield from every(getattr(component, "children", None))
    elif isinstance(component, Iterable) and not isinstance(component, str):
        for child in component:
            yield from every(child)


def text(component: Any) -> str:
    if isinstance(component, Component):
        return text(getattr(component, "children", None))
    if isinstance(component, str | int | float):
        return str(component)
    return "".join(text(child) for child in component or ())


def states(component: Any) -> set[str]:
    return {
        str(each.to_plotly_json()["props"]["data-state"])
        for each in every(component)
        if "data-state" in each.to_plotly_json()["props"]
    }


def draw(store: Filled, name: str, *, may_operate: bool = False, later_s: float = 0.0) -> html.Div:
    return pieces(page.body(look(store, name, later_s), may_operate=may_operate))


def test_the_frame_is_empty_and_names_the_check_for_the_browser() -> None:
    frame = page.layout(HOSTILE)

    assert frame.to_plotly_json()["props"]["data-check"] == HOSTILE
    found = {getattr(each, "id", None) for each in every(frame)}
    assert {name for name, _ in (*callbacks.PIECES, *callbacks.CHART)} <= found


def test_a_healthy_check_says_so_with_shape_and_word(store: Filled) -> None:
    drawn = draw(store, "db")

    assert "Healthy for" in text(drawn) and "healthy" in states(drawn)
    assert "every 30 s, next " in text(drawn)


def test_buttons_are_there_only_for_those_who_may_use_them(store: Filled) -> None:
    def verbs(drawn: html.Div) -> list[str]:
        buttons = [each for each in every(drawn) if isinstance(each, html.Button)]
        return [each.to_plotly_json()["props"]["data-operate"] for each in buttons]

    assert verbs(draw(store, "db")) == []
    assert verbs(draw(store, "db", may_operate=True)) == ["check-now", "pause"]


def test_a_blocked_check_links_to_what_blocks_it(store: Filled) -> None:
    store.results("db", [Status.CRITICAL] * 3, START)
    store.mark("api", Mark.BLOCKED, "db", START)

    drawn = draw(store, "api")

    links = [each.href for each in every(drawn) if isinstance(each, dcc.Link)]
    assert "/checks/db" in links
    assert {"blocked", "critical"} <= states(drawn)
    assert "unknown, blocked" in text(drawn)


def test_a_stale_check_shows_nothing_green_in_its_head(store: Filled) -> None:
    body = page.body(look(store, "db", later_s=600), may_operate=False)

    assert states(body.head) == {"stale"}


def test_a_check_that_never_ran_says_what_will_come(store: Filled) -> None:
    told = text(draw(store, "api"))

    assert "Not checked yet" in told and "No result yet: it runs every 30 s" in told
    assert "not measured" in told


def test_hostile_names_and_texts_stay_text(store: Filled) -> None:
    drawn = draw(store, HOSTILE)

    assert HOSTILE in text(drawn) and "<img src=x onerror=alert(1)>" in text(drawn)
    markup = (dcc.Markdown, html.Script, html.Iframe)
    assert not [each for each in every(drawn) if isinstance(each, markup)]
    assert "dangerously" not in json.dumps(drawn, default=Component.to_plotly_json)


def test_the_address_of_a_hostile_name_has_no_character_of_its_own(store: Filled) -> None:
    store.publish({HOSTILE: about(), "a/b?c#d": about(depends_on=[[HOSTILE]])})
    store.results(HOSTILE, [Status.HEALTHY], START)

    links = [each.href for each in every(draw(store, "a/b?c#d")) if isinstance(each, dcc.Link)]

    assert any(href.startswith("/checks/%3Cscript%3Ealert%281%29%3C%2Fscript%3E") for href in links)


def test_a_name_that_nobody_has_leads_back(store: Filled) -> None:
    drawn = pieces(page.unknown("<b>" + "y" * 500))

    assert "No check has this name" in text(drawn)
    assert [each.href for each in every(drawn) if isinstance(each, dcc.Link)] == ["/checks"]


def test_every_time_is_machine_readable_and_says_its_zone(store: Filled) -> None:
    times = [each for each in every(draw(store, "db")) if isinstance(each, html.Time)]

    assert times
    for each in times:
        assert each.dateTime.endswith("+00:00") and "UTC" in each.title


def test_long_runs_of_equal_results_are_told_as_one_line(store: Filled) -> None:
    lines = fold(look(store, "db").results)

    assert [isinstance(line, Folded) for line in lines] == [False, False, False, True]
    assert "17 more, all healthy, back to" in text(draw(store, "db"))


def test_a_single_failure_between_equal_results_stands_alone(store: Filled) -> None:
    store.results("api", [Status.HEALTHY] * 8 + [Status.CRITICAL] + [Status.HEALTHY] * 2, START)

    lines = fold(look(store, "api").results)

    assert [isinstance(line, Folded) for line in lines] == [False] * 6 + [True]


def test_the_roles_name_the_callbacks_as_dash_does(store: Filled) -> None:
    app = Dash("test", use_pages=False)
    callbacks.register(app, Readings(store.engine), lambda: START)

    assert set(app.callback_map) == set(callbacks.ROLES)


def test_what_stands_there_already_is_not_sent_again(store: Filled) -> None:
    readings = Readings(store.engine)
    made = callbacks.pieces(readings, "db", START, callbacks.Kin(readings), True)

    first = callbacks.changed(made, None)
    again = callbacks.changed(made, first[-1])

    assert first[:-1] == made
    assert again == (*(no_update,) * len(made), first[-1])


@pytest.mark.parametrize("sent", [None, 3, [], {}, {"name": 4}, {"name": ""}, {"name": "x" * 999}])
def test_what_no_page_of_ours_sends_is_not_answered(sent: object) -> None:
    assert callbacks.name_of(sent) is None
    assert callbacks.asked_for(sent) is None


def test_what_may_not_be_asked_for_becomes_the_usual() -> None:
    odd = {"name": "db", "range": ["1h"], "theme": {}}
    good = {"name": "db", "range": "7d", "theme": "light"}

    usual, asked = callbacks.asked_for(odd), callbacks.asked_for(good)

    assert usual is not None and asked is not None
    assert (usual.hours, usual.theme) == (3.0, DARK)
    assert (asked.hours, asked.theme) == (168.0, LIGHT)


def test_the_chart_of_a_check_without_numbers_says_so(store: Filled) -> None:
    asked = callbacks.asked_for({"name": "api"})
    assert asked is not None

    head, figure = callbacks.chart(Readings(store.engine), asked, START)

    assert "No response time was measured" in text(head)
    assert figure["data"][0]["name"] == "not measured"


def test_the_chart_of_an_unknown_name_is_empty(store: Filled) -> None:
    asked = callbacks.asked_for({"name": "nobody"})
    assert asked is not None

    assert callbacks.chart(Readings(store.engine), asked, START) == ([], {})


def test_a_refresh_names_nothing_but_the_containers() -> None:
    assert {name for name, _ in callbacks.PIECES} == {
        ids.CHECK_HEAD,
        ids.CHECK_ACTIONS,
        ids.CHECK_TIMELINE,
        ids.CHECK_RESULTS,
        ids.CHECK_SIDE,
        ids.CHECK_HELD,
    }


def test_the_incidents_of_a_check_are_linked_with_what_they_were_and_how_long(
    store: Filled,
) -> None:
    incident = store.incident("db", START - timedelta(minutes=20))

    side = html.Div(page.body(look(store, "db"), may_operate=False).side)

    (link,) = [
        each
        for each in every(side)
        if isinstance(each, dcc.Link) and each.href == f"/incidents/{incident.id}"
    ]
    told = text(link)
    assert incident.title in told and incident.id in told and "now, 20 min" in told
    assert "1 in 30 d" in text(side)
    assert "None in the last 30 days." in text(
        html.Div(page.body(look(store, "api"), may_operate=False).side)
    )
