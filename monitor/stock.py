"""The alert rules that are shipped, and how the file changes them: by naming their id."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from domain.facts import Detail
from domain.stockrules import STOCK_RULES

Table = Mapping[str, Detail]


def overlaid(tables: Sequence[Table]) -> list[Table]:
    """The tables of the file, in their order, each laid over the stock rule that it names.

    Such a table changes only the keys that it gives: `id = "swap-high"` and `enabled = false` switch
    that one off.
    """
    return [_over(table) for table in tables]


def with_stock(tables: Sequence[Table]) -> list[Table]:
    """The tables of the file together with the stock rules that it does not name."""
    named = {table.get("id") for table in tables}
    return [*(table for name, table in STOCK.items() if name not in named), *overlaid(tables)]


def is_spared(
    rule_id: str,
    metric: str,
    labels: Sequence[tuple[str, str]],
    judged: Collection[tuple[str, str]],
) -> bool:
    """Whether a stock rule leaves a filesystem to the check that judges it: one fault, one incident."""
    return rule_id in OTHER_MOUNTS and (metric, dict(labels).get("mount", "")) in judged


def _over(table: Table) -> Table:
    # What is no table at all is for the reader of rules to refuse.
    return {**STOCK.get(str(table.get("id")), {}), **table} if isinstance(table, Mapping) else table


# They speak for filesystems that no check judges.
OTHER_MOUNTS = frozenset({"disk-other-mounts", "inodes-other-mounts"})
STOCK = {str(table["id"]): table for table in STOCK_RULES}
