"""The names of time zones, and which one was meant by a name that is none."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import available_timezones


def zone_name(text: str) -> str:
    """The name itself. Raises ValueError for one that is not in the database, with what was meant."""
    if text not in zones():
        raise ValueError(f"there is no such time zone, {_hint(text)}")
    return text


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """The names in the database of zones, and UTC, which is there without one.

    Not the machine's own zone, nor the same zones by other clocks: those with leap seconds
    (`right/…`) no clock here counts.
    """
    return frozenset({"UTC", *available_timezones()} - {"localtime", "Factory"})


def _hint(text: str) -> str:
    """The zone that was meant, by its name or its city; else those that are spelt most like it."""
    head, _, rest = text.partition("/")
    if head in ("localtime", "posixrules"):
        return 'write the name of this machine\'s zone, like "Europe/Berlin"'
    wanted = (rest if head in ("posix", "right") else text).lower().replace(" ", "_")
    # Offsets are left out: Etc/GMT+2 lies two hours to the west, which is not what people mean.
    named = [zone for zone in sorted(zones()) if not re.search("[0-9]|^Etc/", zone)]
    known = {form: zone for zone in named for form in (_city(zone), zone.lower())}
    near = [wanted] if wanted in known else get_close_matches(wanted, known, n=3)
    names = [f'"{each}"' for each in dict.fromkeys(known[each] for each in near)]
    return f"did you mean {' or '.join(names)}?" if names else 'write it like "Europe/Berlin"'


def _city(zone: str) -> str:
    return zone.rpartition("/")[2].lower()
