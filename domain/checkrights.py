"""Which checks only administrators may make, edit, try or remove over HTTP, and why.

A check runs on the monitor's machine, with its rights. So what it could be made to run, read or send
away decides who may make it; everything else operators may do.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from domain.checktable import COMMON
from domain.secretfields import HARMLESS, holds_secrets, placeholders

# Kinds whose fields name a program, a module or a function.
LOCAL_CODE = frozenset({"command", "custom", "application", "callable"})
# What tells of the contents of files that the monitor may read.
FILE_CONTENT = frozenset({"expect_text", "expect_regex"})


class Reserved(StrEnum):
    """Why something is left to administrators; the value is told to people."""

    LOCAL_CODE = "checks of this kind run code on the monitor's machine: administrators only"
    SECRETS = "a check that uses secrets could send them elsewhere: administrators only"
    FILES = "it reads files of the monitor's machine: administrators only"


def reserved(table: Mapping[str, Any], given: Mapping[str, Any]) -> Reserved | None:
    """Why laying `given` over a check so that `table` stands is left to administrators; None if not.

    Fields that all kinds have (interval, tags, levels …) say neither what is run nor where it goes.
    """
    kind = table.get("kind")
    if kind in LOCAL_CODE:
        return Reserved.LOCAL_CODE
    if set(placeholders(given)) - HARMLESS:
        return Reserved.SECRETS
    if not given.keys() - COMMON.keys():
        return None
    if holds_secrets(table):
        return Reserved.SECRETS
    return Reserved.FILES if _reads_files(kind, table) else None


def _reads_files(kind: Any, table: Mapping[str, Any]) -> bool:
    if kind == "sql":
        return str(table.get("url", "")).strip().lower().startswith("sqlite")
    return kind == "file" and any(table.get(key) for key in FILE_CONTENT)
