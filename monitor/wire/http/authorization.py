"""Who we are to a server: basic authentication (RFC 7617) and bearer tokens (RFC 6750)."""

from __future__ import annotations

import re
from base64 import b64encode

TOKEN = re.compile(r"[!-~]+")


def basic(username: str, password: str) -> dict[str, str]:
    """The Authorization field for a user and password."""
    return {"Authorization": basic_value(username, password)}


def basic_value(username: str, password: str) -> str:
    """The value alone, which proxies take too."""
    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"


def bearer(token: str) -> dict[str, str]:
    """The Authorization field for a token."""
    return {"Authorization": f"Bearer {token}"}


def is_token(text: str) -> bool:
    """Whether this can stand in a field: visible ASCII without spaces. A newline would end the field."""
    return TOKEN.fullmatch(text) is not None
