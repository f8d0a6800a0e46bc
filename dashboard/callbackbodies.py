"""The bodies of Dash's callbacks: whether Dash could fail on one, and for which page its router asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from flask import Flask, Response, request

from dashboard.api.answers import problem

CALLBACK = "/_dash-update-component"
# What Dash calls a property of a component in a body, and whether it must be there.
NAMED = ("changedPropIds", "parsedChangedPropsIds")


def attach(server: Flask, declared: Callable[[], Mapping[str, Mapping[str, Any]]]) -> None:
    """Refuse each callback whose parts are not those `declared` for it, which Dash would fail on.

    It is asked after the guard, which knows that the body is JSON and names a callback of ours.
    """

    @server.before_request
    def _refuse() -> Response | None:
        if request.path != CALLBACK or request.method != "POST":
            return None
        body = msgspec.json.decode(request.get_data())
        if fits(body, declared().get(body["output"], {})):
            return None
        return problem(400, "inputs, state and outputs are not those of this callback")


def fits(body: Mapping[str, Any], declared: Mapping[str, Any]) -> bool:
    """Whether the inputs, the state and the outputs of a body are those of the callback, in its order."""
    outputs = [{"id": name, "property": prop} for name, prop in _outputs(body["output"])]
    return (
        _names(body.get("inputs")) == declared.get("inputs")
        and _names(body.get("state", [])) == declared.get("state")
        and _names(body.get("outputs")) == outputs
        and all(_are_words(body.get(field, [])) for field in NAMED)
    )


def _outputs(output: str) -> Iterator[tuple[str, str]]:
    for each in output.strip(".").split("..."):
        name, _, prop = each.rpartition(".")
        yield name, prop


def _names(parts: Any) -> list[Any] | None:
    """What the parts are called; None for what is no list of parts."""
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        return None
    return [{"id": part.get("id"), "property": part.get("property")} for part in parts]


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def is_well_formed(body: dict[str, Any]) -> bool:
    """Whether a body has parts at all, before it is asked who may call it."""
    parts = [*_list(body.get("inputs")), *_list(body.get("state"))]
    flat = [item for part in parts for item in (part if isinstance(part, list) else [part])]
    return (
        isinstance(body.get("inputs"), list)
        and isinstance(body.get("outputs"), dict | list)
        and isinstance(body.get("changedPropIds", []), list)
        and all(isinstance(item, dict) and {"id", "property"} <= item.keys() for item in flat)
    )


def page_asked_for(body: dict[str, Any]) -> str | None:
    """The path that Dash's router will lay out for a well-formed body; None when it is no path.

    Dash hands on the inputs by their place, whatever they are called: the first one is the path.
    """
    first = next(iter(body["inputs"]), None)
    path = first.get("value") if isinstance(first, dict) else None
    return path if isinstance(path, str) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
