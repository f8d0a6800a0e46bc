"""Why a certificate is not trusted, and how long one lasts, as sentences made of its own facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from domain.units import span
from monitor.wire.tls.certificates import Certificate, common_name

DAY_S = 86400
SHOWN_NAMES = 3
# X509_V_ERR_ of OpenSSL's x509_vfy.h.
NOT_YET_VALID, EXPIRED, SELF_SIGNED = 9, 10, 18
NO_TRUSTED_ROOT = frozenset({2, 19, 20, 21})
OTHER_NAME = frozenset({62, 64})


def reason(code: int, chain: Sequence[Certificate], name: str) -> str | None:
    """Why a presented chain was refused, as the end of the sentence `Certificate of shop.example …`.

    `code` is OpenSSL's. None for what only the library can tell.
    """
    own, now = chain[0], datetime.now(UTC)
    ended = own.valid_until < now
    if code == EXPIRED:
        return lasting(own) if ended else _ended_issuer(chain, now)
    if code == NOT_YET_VALID:
        return lasting(own) if own.valid_from > now else None
    known = _untrusted(code, chain, name)
    return f"{known}, and {lasting(own)}" if known and ended else known


def lasting(certificate: Certificate) -> str:
    """`expires in 6 days`, `expired 6 days ago`, `becomes valid in 3 days`."""
    now = datetime.now(UTC)
    if certificate.valid_from > now:
        return f"becomes valid in {_days((certificate.valid_from - now).total_seconds())}"
    left_s = (certificate.valid_until - now).total_seconds()
    return f"expires in {_days(left_s)}" if left_s > 0 else f"expired {_days(-left_s)} ago"


def _untrusted(code: int, chain: Sequence[Certificate], name: str) -> str | None:
    own = chain[0]
    if code == SELF_SIGNED:
        return "is self-signed"
    if code in OTHER_NAME:
        return f"is for {_names(own)}, expected {name}"
    if code in NO_TRUSTED_ROOT and len(chain) == 1:
        # Mostly a server that was given its certificate without the intermediate ones.
        return f'is issued by "{common_name(own.issuer)}", which is neither trusted nor sent along'
    if code in NO_TRUSTED_ROOT:
        return f'goes back to "{common_name(chain[-1].issuer)}", which is not trusted'
    return None


def _ended_issuer(chain: Sequence[Certificate], now: datetime) -> str | None:
    """The sentence for an issuer whose own certificate has ended; None when none was presented."""
    for each in chain[1:]:
        if each.valid_until < now:
            return f'is issued by "{each.label}", whose certificate {lasting(each)}'
    return None


def _days(seconds: float) -> str:
    whole = int(seconds // DAY_S)
    if whole == 0:
        return span(seconds)
    return f"{whole} days" if whole > 1 else "1 day"


def _names(certificate: Certificate) -> str:
    """The first names that it is for: `a.example, b.example and 7 more`."""
    if not certificate.names:
        return f'"{certificate.label}" without alternative names'
    shown = ", ".join(certificate.names[:SHOWN_NAMES])
    more = certificate.name_count - SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
