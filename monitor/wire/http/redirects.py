"""What is asked next after a redirect (RFC 9110, 15.4), and what must not go along to another host."""

from __future__ import annotations

from monitor.wire.http.addresses import InvalidURL, Url
from monitor.wire.http.cookies import Cookies
from monitor.wire.http.http1 import Head, RemoteProtocolError, Request, fields

REDIRECTS = frozenset({301, 302, 303, 307, 308})


def following(request: Request, head: Head, cookies: Cookies) -> Request | None:
    """The request that a redirect asks for; None when the answer is none.

    Raises RemoteProtocolError when it leads nowhere, UnsupportedProtocol when it leaves HTTP.
    """
    location = head.value("location")
    if head.status not in REDIRECTS or location is None:
        return None
    url = _target(request.url, location)
    method = _method(request.method, head.status)
    changed = method != request.method
    left = {"cookie"}  # a cookie belongs to the address that it was given for
    if changed:
        left |= {"content-length", "transfer-encoding"}
    if url.origin != request.url.origin and not _upgrades(request.url, url):
        left.add("authorization")
    kept = {name: value for key, (name, value) in request.fields.items() if key not in left}
    new = {} if url.origin == request.url.origin else {"Host": url.authority}
    cookies.keep(request.url, head)
    if cookie := cookies.header(url):
        new["Cookie"] = cookie
    return Request(
        method=method, url=url, fields=fields(kept, new), body=b"" if changed else request.body
    )


def _target(url: Url, location: str) -> Url:
    try:
        return url.redirected(location)
    except InvalidURL as error:
        if type(error) is not InvalidURL:
            raise
        raise RemoteProtocolError(f"Invalid URL in location header: {error}.") from None


def _method(method: str, status: int) -> str:
    """303 makes a GET; 302 and, for POST, 301 do so in practice (RFC 9110, 15.4.2 to 15.4.4)."""
    if method != "HEAD" and (status in (302, 303) or (status == 301 and method == "POST")):
        return "GET"
    return method


def _upgrades(url: Url, to: Url) -> bool:
    """Whether the same host only asks for https: credentials may go along."""
    return (url.scheme, url.port, to.scheme, to.port, to.host) == (
        "http",
        80,
        "https",
        443,
        url.host,
    )
