"""Query strings of the API: what is given twice is refused by its name, wherever it counts once."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from flask.testing import FlaskClient

from dashboard.application import create_app
from tests.dashboard.api.serving import engine, now, served, url, viewer
from tests.dashboard.filled import Filled

__all__ = ["engine", "now", "served", "url", "viewer"]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/api/v1/explain?check=cpu&check=memory", "check"),
        ("/api/v1/explain?rule=a&rule=a", "rule"),
        ("/api/v1/explain?incident=a&incident=b", "incident"),
        ("/api/v1/uptime?days=1&days=7", "days"),
        ("/api/v1/series?metric=a&metric=b", "metric"),
        ("/api/v1/series/points?metric=a&hours=1&hours=2", "hours"),
        ("/incidents/history?hours=1&hours=2", "hours"),
        ("/incidents/statistics?hours=1&hours=2", "hours"),
        ("/health/components/cpu?hours=1&hours=2", "hours"),
        ("/api/v1/rules?anything=1&anything=2", "anything"),
        ("/api/v1/series/points?metric=a&label=host=x&label=host=y", "label"),
    ],
)
def test_a_parameter_that_is_given_twice_is_refused_by_its_name(
    viewer: FlaskClient, address: str, name: str
) -> None:
    answer = viewer.get(address)

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert answer.get_json()["detail"].startswith(f"{name}: ")
    assert "given twice" in answer.get_json()["detail"]


def test_labels_may_be_given_as_often_as_there_are_some(viewer: FlaskClient) -> None:
    answer = viewer.get("/api/v1/series?label=host=x&label=mount=/")

    assert answer.status_code == HTTPStatus.OK


def test_a_page_reads_its_own_query(viewer: FlaskClient) -> None:
    for address in ("/wall?pages=a&pages=b", "/incidents?q=a&q=b"):
        assert viewer.get(address, headers={"Accept": "text/html"}).status_code == HTTPStatus.OK


def test_who_may_not_ask_is_told_that_and_nothing_else(served: Filled) -> None:
    nobody = create_app(served.settings(anonymous="none"), served.engine).server.test_client()

    answer = nobody.get("/api/v1/explain?check=a&check=b")

    assert answer.status_code == HTTPStatus.UNAUTHORIZED
