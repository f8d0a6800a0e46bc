"""What a browser is shown in place of a page, and that programs get JSON as before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from dashboard import refusals
from dashboard.application import create_app
from tests.dashboard.filled import Filled, fill

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    filled = fill(tmp_path, datetime.now(UTC))
    yield filled
    filled.engine.dispose()


@pytest.fixture
def server(store: Filled) -> Flask:
    server: Flask = create_app(store.settings(), store.engine).server
    return server


@pytest.mark.parametrize("path", ["/health/nothing", "/live/nothing", "/_reload-hash"])
def test_a_browser_is_told_in_words_and_a_program_in_json(server: Flask, path: str) -> None:
    client = server.test_client()

    page, document = client.get(path, headers=BROWSER), client.get(path)

    assert page.status_code == document.status_code in (403, 404)
    assert page.mimetype == "text/html"
    assert "To the overview" in page.get_data(as_text=True)
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert document.mimetype == "application/problem+json"


def test_the_api_answers_json_to_browsers_too(server: Flask) -> None:
    answer = server.test_client().get("/api/v1/nothing", headers=BROWSER)

    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


def test_an_inner_error_is_told_without_a_word_of_what_went_wrong(server: Flask) -> None:
    def fail() -> None:
        raise RuntimeError("the password is hunter2")

    names = [rule.endpoint for rule in server.url_map.iter_rules() if rule.rule == "/health/simple"]
    server.view_functions[names[0]] = fail

    answer = server.test_client().get("/health/simple", headers=BROWSER)

    assert (answer.status_code, answer.mimetype) == (500, "text/html")
    assert "goes on watching" in answer.get_data(as_text=True)
    assert "hunter2" not in answer.get_data(as_text=True)


def test_what_a_page_repeats_is_text() -> None:
    assert "<script>" not in refusals.page(404, "<script>alert(1)</script>")


def test_an_address_without_a_page_is_a_404_with_the_frame_also_by_its_inner_name(
    server: Flask,
) -> None:
    client = server.test_client()

    for path in ("/nothing", "/not-found-404"):
        assert client.get(path, headers=BROWSER).status_code == 404, path
    for path in ("/settings", "/audit"):
        assert client.get(path, headers=BROWSER).status_code == 200, path
