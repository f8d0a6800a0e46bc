"""Digest access authentication (RFC 7616): the answer to a server's challenge, MD5 and SHA-256."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping

PARAMETER = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
CHALLENGE = re.compile(r"(?:^|,)\s*Digest\s+", re.IGNORECASE)
OTHER_SCHEME = re.compile(r",\s*[A-Za-z][A-Za-z0-9-]*\s+[A-Za-z0-9_-]+\s*=")
# The best first.
ALGORITHMS: Mapping[str, str] = {"sha-256": "sha256", "md5": "md5"}
LONGEST = 4096


def challenge_of(values: Iterable[str]) -> dict[str, str] | None:
    """The best challenge among WWW-Authenticate fields that we can answer; None without one."""
    found = [each for value in values for each in _challenges(value[:LONGEST]) if _answerable(each)]
    best = list(ALGORITHMS)
    return min(found, key=lambda each: best.index(_algorithm(each)), default=None)


def authorization(
    challenge: Mapping[str, str],
    *,
    username: str,
    password: str,
    method: str,
    target: str,
    cnonce: str | None = None,
) -> str:
    """The Authorization field that answers a challenge of `challenge_of`, for one request."""
    name = ALGORITHMS[_algorithm(challenge)]
    cnonce = secrets.token_hex(16) if cnonce is None else cnonce
    realm, nonce = challenge.get("realm", ""), challenge["nonce"]

    def digest(*parts: str) -> str:
        return hashlib.new(name, ":".join(parts).encode(), usedforsecurity=False).hexdigest()

    first = digest(username, realm, password)
    if _is_session(challenge):
        first = digest(first, nonce, cnonce)
    second = digest(method, target)
    qop = "auth" if "qop" in challenge else None
    # Without qop it is the answer of RFC 2069, which old devices still ask for.
    middle = (nonce, "00000001", cnonce, qop) if qop else (nonce,)
    fields = {"username": username, "realm": realm, "nonce": nonce, "uri": target}
    fields["response"] = digest(first, *middle, second)
    if "opaque" in challenge:
        fields["opaque"] = challenge["opaque"]
    text = ", ".join(f'{key}="{_quoted(value)}"' for key, value in fields.items())
    if "algorithm" in challenge:
        text += f", algorithm={challenge['algorithm']}"
    return f"Digest {text}" + (f', qop={qop}, nc=00000001, cnonce="{cnonce}"' if qop else "")


def _challenges(value: str) -> Iterable[dict[str, str]]:
    for begin in CHALLENGE.finditer(value):
        rest = value[begin.end() :]
        # The next scheme of the same field begins where a word is followed by a parameter.
        end = OTHER_SCHEME.search(rest)
        own = rest[: end.start()] if end else rest
        yield {
            name.lower(): re.sub(r"\\(.)", r"\1", quoted) or bare
            for name, quoted, bare in PARAMETER.findall(own)
        }


def _answerable(challenge: Mapping[str, str]) -> bool:
    offered = {each.strip().lower() for each in challenge.get("qop", "auth").split(",")}
    printable = all(value.isascii() and value.isprintable() for value in challenge.values())
    known = _algorithm(challenge) in ALGORITHMS
    return known and "auth" in offered and bool(challenge.get("nonce")) and printable


def _algorithm(challenge: Mapping[str, str]) -> str:
    return challenge.get("algorithm", "MD5").lower().removesuffix("-sess")


def _is_session(challenge: Mapping[str, str]) -> bool:
    return challenge.get("algorithm", "").lower().endswith("-sess")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
