"""Addresses of requests: what is sent for what was written, and where redirects lead."""

from __future__ import annotations

import pytest

from monitor.wire.http.addresses import InvalidURL, UnsupportedProtocol, credentials, parse


@pytest.mark.parametrize(
    ("text", "authority", "target"),
    [
        ("http://Host", "host", "/"),
        ("http://host:80/a", "host", "/a"),
        ("https://host:80/a", "host:80", "/a"),
        ("http://[::1]:8080/?q=1#part", "[::1]:8080", "/?q=1"),
        ("https://[::1]", "[::1]", "/"),
        ("http://ada:pw@host/", "host", "/"),
        ("http://host/a/../b/./c/..", "host", "/b/"),
        ("http://host/../../b", "host", "/b"),
        ("http://host/ä b%2F100%", "host", "/%C3%A4%20b%2F100%25"),
        ("http://host/?a=ä&b=[x]", "host", "/?a=%C3%A4&b=[x]"),
        ("http://host?q", "host", "/?q"),
        ("http://straße.example/", "xn--strae-oqa.example", "/"),
    ],
)
def test_an_address_is_sent_in_its_normal_form(text: str, authority: str, target: str) -> None:
    url = parse(text)

    assert (url.authority, url.target) == (authority, target)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("ftp://host/", UnsupportedProtocol),
        ("http://", InvalidURL),
        ("http://host:99999/", InvalidURL),
        ("http://[::1/", InvalidURL),
        ("http://host/a\r\nX: y", InvalidURL),
        ("http://ho\u2488st.\u00ad/", InvalidURL),
    ],
)
def test_what_is_no_address_is_refused_without_quoting_it(
    text: str, error: type[InvalidURL]
) -> None:
    with pytest.raises(error) as refused:
        parse(text)

    assert "host" not in str(refused.value).replace("host name", "").replace("no host", "")


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/b?c", "http://host:81/b?c"),
        ("b", "http://host:81/a/b"),
        ("../b", "http://host:81/b"),
        ("", "http://host:81/a/?q"),
        ("?x", "http://host:81/a/?x"),
        ("//other/", "http://other/"),
        ("https://other:444/b", "https://other:444/b"),
        ("https:///b", "https://host/b"),
    ],
)
def test_a_location_is_read_relative_to_the_address(location: str, leads_to: str) -> None:
    assert str(parse("http://host:81/a/?q").redirected(location)) == leads_to


def test_credentials_stand_escaped_in_an_address() -> None:
    assert credentials("http://a%40b:p%3Aw@host/") == ("a@b", "p:w")
    assert credentials("http://host/") is None
