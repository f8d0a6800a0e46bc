"""The `network` kind against real listeners: one answer, of whatever kind, is enough."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import msgspec
import pytest

from domain.facts import Cause, Status
from domain.mistakes import WrongFields
from monitor.checks import Deadline
from monitor.checks.network import NetworkCheck


@pytest.fixture
def silent() -> Iterator[str]:
    """A reference whose queue is full, so that the kernel leaves further connections unanswered."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.case("healthy")
async def test_one_reference_that_accepts_is_enough(silent: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        check = NetworkCheck(references=(silent, f"tcp://127.0.0.1:{port}"))

        found = await check.run(Deadline.after(5))

    assert found.status is Status.HEALTHY
    assert found.message.startswith(f"127.0.0.1:{port} answers in ")
    assert set(found.metrics) == {"network.connect_ms"}


@pytest.mark.case("refused")
async def test_a_reference_that_refuses_has_answered(free_port: int) -> None:
    found = await NetworkCheck(references=(f"tcp://127.0.0.1:{free_port}",)).run(Deadline.after(5))

    assert found.status is Status.HEALTHY


@pytest.mark.case("timeout")
async def test_when_nothing_answers_the_own_network_is_down(silent: str) -> None:
    check = NetworkCheck(references=(silent, "tcp://name.invalid:443"))

    found = await check.run(Deadline.after(0.3))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert found.message == "No reference answers within 300 ms: the own network is down"


def test_references_that_can_not_be_asked_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"references": ["http://a"]}, NetworkCheck)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"references": []}, NetworkCheck)
    with pytest.raises(WrongFields, match="must have ports of 1 to 65535"):
        NetworkCheck(references=("tcp://a:99999",))


def test_it_is_told_by_its_references() -> None:
    check = NetworkCheck(references=("tcp://192.0.2.1:443", "tcp://[2001:db8::1]:53"))

    assert check.target() == "192.0.2.1:443, [2001:db8::1]:53"
