"""Which methods an address takes: by the table of rights, not by the pages that take every address."""

from __future__ import annotations

import re

from flask import Request, current_app
from werkzeug.exceptions import HTTPException

from dashboard.access import PAGES, PROGRAMS, ROUTES

VARIABLE = re.compile(r"<[^>]+>")
TRIED = ("GET", "POST", "PATCH", "PUT", "DELETE")


def taken(asked: Request) -> tuple[str, ...]:
    """The methods that the address of `asked` takes, in alphabetical order; none where nothing is.

    An address for programs belongs to the longest rule that takes it with any method: what follows
    after the name of a check may also be read as part of the name.
    """
    adapter = current_app.create_url_adapter(asked)
    assert adapter is not None
    found: set[str] = set()
    for method in TRIED:
        try:
            rule, _ = adapter.match(method=method, return_rule=True)
        except HTTPException:
            continue
        if rule.rule != PAGES or not asked.path.startswith(PROGRAMS):
            found.add(rule.rule)
    longest = max(found, key=lambda rule: len(VARIABLE.sub("", rule)), default="")
    methods = {method for rule, method in ROUTES if rule == longest}
    if "GET" in methods:
        methods.add("HEAD")
    return tuple(sorted({*methods, "OPTIONS"})) if methods else ()
