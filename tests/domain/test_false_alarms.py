"""A simulated week of ordinary trouble opens hardly any incident and hides no outage.

Five checks here; `python -m bench.falsealarms` does the same with a hundred.
"""

from __future__ import annotations

import pytest

from bench.falsealarms import OUTAGES, Simulated, share_of_hours, simulate, simulate_calm


@pytest.fixture(scope="module")
def week() -> list[Simulated]:
    return simulate(5)


def test_the_week_has_the_trouble_it_is_meant_to_have(week: list[Simulated]) -> None:
    assert sum(len(check.outages) for check in week) == OUTAGES
    assert {check.is_cpu for check in week} == {True, False}
    # More runs than slots: single failures and spikes were tried again.
    scheduled = 5 * 7 * 86_400 // 30
    assert sum(check.results for check in week) > 1.01 * scheduled


def test_ordinary_trouble_opens_incidents_in_under_one_per_cent_of_check_hours(
    week: list[Simulated],
) -> None:
    share = share_of_hours(week)

    print(f"false incidents in {100 * share:.3f} % of check-hours (limit 1 %)")
    assert share < 0.01


def test_every_planted_outage_is_found(week: list[Simulated]) -> None:
    assert sum(check.found for check in week) == OUTAGES


def test_two_hours_of_healthy_traffic_with_jitter_alarm_in_under_one_per_cent_of_check_hours() -> (
    None
):
    calm = simulate_calm(100)

    results, share = sum(check.results for check in calm), share_of_hours(calm)
    print(f"{results} healthy results: false incidents in {100 * share:.3f} % of check-hours")
    # Spikes and bursts were there to be tried again.
    assert results > 100 * 2 * 120
    assert share < 0.01
