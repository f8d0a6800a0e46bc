"""The `callable` kind: what a function returns or raises decides. For killing see test_foreign."""

from __future__ import annotations

import msgspec
import pytest

from domain.facts import Cause, Measurement, Status
from monitor.checks import Deadline
from monitor.checks.callable import CallableCheck

FUNCTIONS = """
import asyncio, sys, time
value = 3
def true(): return True
def nothing(): pass
def false(): return False
def number(): return 2.5
def nan(): return float("nan")
def text(): return "fine"
def fails(): raise ValueError("stock is empty")
def leaves(): sys.exit(2)
def floods(): raise MemoryError
def slow(): time.sleep(0.02)
def slow_number(): time.sleep(0.02); return 4
def slow_false(): time.sleep(0.02); return False
async def later(): await asyncio.sleep(0); return 7
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("functions")
    (folder / "own_checks.py").write_text(FUNCTIONS)
    return str(folder)


async def run(folder: str, name: str, budget_ms: float | None = None) -> Measurement:
    check = CallableCheck(function=name, path=(folder,), budget_ms=budget_ms)
    return await check.run(Deadline.after(5))


@pytest.mark.case("healthy")
@pytest.mark.parametrize("name", ["true", "nothing"])
async def test_a_function_that_returns_true_or_nothing_is_healthy(folder: str, name: str) -> None:
    found = await run(folder, f"own_checks:{name}")

    assert found.status is Status.HEALTHY
    assert "callable.value" not in found.metrics
    assert found.response_time_ms is not None


@pytest.mark.case("healthy")
@pytest.mark.parametrize(("name", "value"), [("number", 2.5), ("later", 7.0)])
async def test_a_number_becomes_a_metric(folder: str, name: str, value: float) -> None:
    found = await run(folder, f"own_checks:{name}")

    assert (found.status, found.metrics["callable.value"]) == (Status.HEALTHY, value)


@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("false", "own_checks:false returned False, expected True, None or a number"),
        ("text", "own_checks:text returned str, expected True, None or a number"),
        ("nan", "own_checks:nan returned nan"),
        ("fails", "own_checks:fails raised ValueError: stock is empty"),
        ("leaves", "own_checks:leaves raised SystemExit: 2"),
    ],
)
async def test_a_wrong_answer_is_critical_and_says_what_came(
    folder: str, name: str, message: str
) -> None:
    found = await run(folder, f"own_checks:{name}")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message == message


@pytest.mark.case("refused")
@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("no_such_module:run", "No module named no_such_module for no_such_module:run"),
        ("own_checks:absent", "Module own_checks has no absent"),
        ("own_checks:value", "own_checks:value is not a function"),
    ],
)
async def test_a_function_that_is_not_there_is_missing(
    folder: str, function: str, message: str
) -> None:
    found = await run(folder, function)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.MISSING)
    assert found.message == message


@pytest.mark.case("timeout")
@pytest.mark.parametrize(("name", "answer"), [("slow", "took"), ("slow_number", "returned 4 in")])
async def test_a_call_over_its_budget_is_degraded_whatever_it_answered(
    folder: str, name: str, answer: str
) -> None:
    found = await run(folder, f"own_checks:{name}", budget_ms=1)

    assert (found.status, found.cause) == (Status.DEGRADED, Cause.THRESHOLD)
    assert found.message.startswith(f"own_checks:{name} {answer} ")
    assert found.message.endswith(" ms, expected ≤ 1 ms")


async def test_a_wrong_answer_over_its_budget_stays_critical(folder: str) -> None:
    found = await run(folder, "own_checks:slow_false", budget_ms=1)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)


@pytest.mark.case("hostile")
async def test_running_out_of_memory_is_left_to_the_runner(folder: str) -> None:
    with pytest.raises(MemoryError):
        await run(folder, "own_checks:floods")


def test_an_address_without_a_function_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="function"):
        msgspec.convert({"function": "package.module"}, CallableCheck)


def test_the_kind_is_foreign_and_not_retried_at_once() -> None:
    assert CallableCheck.spec.foreign
    assert CallableCheck.spec.retry_s is None
