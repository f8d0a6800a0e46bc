"""Check kind `network`: the way out works, because at least one of several references answers.

It is the built-in parent of checks with `scope = "outside"`: while the own network is down, what
lies outside can't be judged from here.
"""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from domain.facts import Cause, Measurement, Status
from domain.mistakes import WrongFields
from domain.units import show
from monitor.checks import Check, Deadline, kind
from monitor.checks.tcp import critical, length, place, resolve, share

Reference = Annotated[str, Meta(pattern=r"^tcp://[^\s/@]+:[0-9]{1,5}$")]


@kind("network", title="Own network", component="network", headline="network.connect_ms")
class NetworkCheck(Check, frozen=True, kw_only=True):
    """At least one of the `references` answers, be it by a refusal: packets come and go."""

    references: Annotated[
        tuple[Reference, ...],
        Meta(description="Addresses outside, such as tcp://192.0.2.1:443", min_length=1),
    ]

    def __post_init__(self) -> None:
        """Refuse ports that do not exist."""
        for reference in self.references:
            try:
                urlsplit(reference).port  # noqa: B018 - asking for it is what validates it
            except ValueError:
                raise WrongFields([("references", "must have ports of 1 to 65535")]) from None

    async def run(self, deadline: Deadline) -> Measurement:
        """Ask all at once; healthy as soon as one answers."""
        clock = asyncio.get_running_loop().time
        budget, start = deadline.remaining(), clock()
        tries = {asyncio.ensure_future(_answers(each, deadline)): each for each in self.references}
        try:
            for tried in asyncio.as_completed(tries, timeout=deadline.remaining()):
                if (name := await tried) is not None:
                    return _reached(name, (clock() - start) * 1000)
        except TimeoutError:
            pass
        finally:
            for each in tries:
                each.cancel()
            await asyncio.gather(*tries, return_exceptions=True)
        message = f"No reference answers within {length(budget)}: the own network is down"
        return critical(Cause.TIMEOUT, message)

    def target(self) -> str:
        """The references, without their scheme."""
        return ", ".join(each.removeprefix("tcp://") for each in self.references)


def _reached(name: str, took_ms: float) -> Measurement:
    took = round(took_ms, 2)
    return Measurement(
        status=Status.HEALTHY,
        message=f"{name} answers in {show(took, 'ms')}",
        response_time_ms=took,
        metrics={"network.connect_ms": took},
    )


async def _answers(reference: str, deadline: Deadline) -> str | None:
    """The reference as `host:port` when it answers in any way; None when it does not in time."""
    parts = urlsplit(reference)
    host, port = parts.hostname or "", parts.port or 0
    try:
        addresses = await resolve(host, deadline)
    except OSError:
        return None
    for index, address in enumerate(addresses):
        try:
            async with asyncio.timeout(share(deadline, len(addresses) - index)):
                _, writer = await asyncio.open_connection(address, port)
        except ConnectionRefusedError:
            return place(host, port)
        except OSError:
            continue
        writer.close()
        return place(host, port)
    return None
