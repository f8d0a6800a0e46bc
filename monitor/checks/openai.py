"""Check kind `openai`: an API of the OpenAI kind takes our key, has the model, and completes."""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from domain.facts import Cause, Detail, Measurement, Status
from domain.mistakes import WrongFields
from domain.rules import StockRule
from domain.units import show
from monitor.checks import Check, Deadline, kind, tcp
from monitor.wire.ai.api import Api, Unsatisfied, wrong
from monitor.wire.ai.completion import BadStream, Completion, Usage
from monitor.wire.ai.purse import Purse, purse_of
from monitor.wire.http.addresses import InvalidURL, credentials, why_not
from monitor.wire.http.authorization import is_token
from monitor.wire.http.http1 import LocalProtocolError, RemoteProtocolError
from monitor.wire.tls.trust import Trust, UnusableFile

ALIKE_SHOWN = 3
# The detail that says of which day what was spent today is.
SPENT_ON = "spent_on"
# The phases of listing the models.
PHASES = {
    "dns": "openai.dns_ms",
    "connect": "openai.connect_ms",
    "tls": "openai.tls_ms",
    "first_byte": "openai.first_byte_ms",
}

SLOW = (
    "The API answers, but slowly. First look: the provider's status page, and whether other models or "
    "regions of it are slow as well; for a server of your own its queue, GPU memory and load. Usual "
    "fix: wait or switch to another model or provider; for your own server fewer requests at once."
)


@kind(
    "openai",
    title="AI API",
    component="external service",
    headline="openai.models_ms",
    rules=(
        StockRule(
            metric="openai.models_ms",
            title="List of models",
            warning=2000,
            unit="ms",
            runbook=SLOW,
        ),
        StockRule(
            metric="openai.first_token_ms",
            title="First token",
            warning=5000,
            unit="ms",
            runbook=SLOW,
        ),
    ),
)
class OpenAICheck(Check, frozen=True, kw_only=True):
    """The API at `base_url` lists its models to our key, `model` among them, and completes if asked."""

    base_url: Annotated[
        str, Meta(description="Address that /models is appended to", max_length=2048)
    ]
    api_key: Annotated[str | None, Meta(description="Key to the API")] = None
    model: Annotated[
        str | None, Meta(description="Model that must be there; the one that completes")
    ] = None
    completion: Annotated[
        bool, Meta(description="Ask for a streamed completion of 5 tokens at most")
    ] = False
    tokens_field: Annotated[
        Literal["max_tokens", "max_completion_tokens"],
        Meta(description="How the API calls the limit of a completion"),
    ] = "max_tokens"
    price_in: Annotated[float, Meta(ge=0, description="USD for a million tokens sent")] = 0.0
    price_out: Annotated[float, Meta(ge=0, description="USD for a million tokens received")] = 0.0
    daily_cap_usd: Annotated[
        float | None, Meta(description="Complete no more for the day once it has cost so much")
    ] = None
    verify: Annotated[bool, Meta(description="Refuse certificates that are not trusted")] = True
    ca_file: Annotated[
        str | None, Meta(description="PEM file of the authorities to trust instead of the usual")
    ] = None

    def __post_init__(self) -> None:
        """Refuse what could never work. No reason repeats a value that may be secret."""
        if wrong := list(self._wrong()):
            raise WrongFields(wrong)

    def _wrong(self) -> Iterator[tuple[str, str]]:
        if why := why_not(self.base_url):
            yield "base_url", why
        elif credentials(self.base_url) or "?" in self.base_url or "#" in self.base_url:
            yield "base_url", "must hold no user, query or fragment"
        if self.api_key is not None and not is_token(self.api_key):
            yield "api_key", "must be visible ASCII characters without spaces"
        if self.completion and not self.model:
            yield "completion", "needs model beside it"
        if self.daily_cap_usd is not None:
            if not (self.daily_cap_usd > 0 and math.isfinite(self.daily_cap_usd)):
                yield "daily_cap_usd", "must be more than 0"
            if not self.completion:
                yield "daily_cap_usd", "needs completion beside it: nothing else costs"
            if not self.price_in + self.price_out > 0:
                yield "daily_cap_usd", "needs price_in or price_out beside it"

    def __repr__(self) -> str:
        """Without the key."""
        return f"OpenAICheck({self.target()!r}, model={self.model!r})"

    async def run(self, deadline: Deadline) -> Measurement:
        """List the models; then, if asked for and not spent up, complete."""
        probe = Probe(self, deadline)
        try:
            async with asyncio.timeout_at(deadline.at):
                return await probe.measure()
        except TimeoutError:
            return probe.timed_out()
        finally:
            probe.hang_up()

    def resume(self, metrics: Mapping[str, float], details: Mapping[str, Detail]) -> None:
        """Go on counting what completions cost: a restart must not open the day's purse anew."""
        try:
            day = date.fromisoformat(str(details.get(SPENT_ON)))
        except ValueError:  # nothing was counted yet
            return
        total, today = metrics.get("openai.spent_usd"), metrics.get("openai.spent_today_usd")
        if self.completion and total is not None and today is not None:
            self.purse().take_up(total, today, day)

    def purse(self) -> Purse:
        """Where the money for its completions comes from."""
        return purse_of(self.base_url, self.model or "", self.api_key)

    def target(self) -> str:
        """`GET https://host/v1/models`."""
        return f"GET {self.base_url.rstrip('/')}/models"


class Probe:
    """One run of a check."""

    def __init__(self, check: OpenAICheck, deadline: Deadline) -> None:
        self._check = check
        self._clock = asyncio.get_running_loop().time
        self._budget_s = deadline.remaining()
        trust = Trust(verify=check.verify, ca_file=check.ca_file)
        self._api = Api(check.base_url, check.api_key, trust, deadline)
        self._metrics: dict[str, float] = {}
        self._details: dict[str, Detail] = {}
        self._doing = "GET /models"
        parts = urlsplit(check.base_url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)

    async def measure(self) -> Measurement:
        """The whole run. Everything but a bug ends as a measurement."""
        try:
            return await self._satisfied()
        except Unsatisfied as error:
            return self._measurement(error.status, error.cause, str(error))
        except UnusableFile as error:
            return self._measurement(Status.UNKNOWN, Cause.NOT_MEASURABLE, str(error))
        except TimeoutError:
            return self.timed_out()
        except ssl.SSLError as error:
            text = f"TLS with {self._where()} failed: {tcp.tls_reason(error)}"
            return self._measurement(Status.CRITICAL, Cause.TLS, text)
        except OSError as error:
            return tcp.unreachable(error, self._host, self._port, self._budget_s)
        except (RemoteProtocolError, LocalProtocolError, InvalidURL) as error:
            text = f"{self._where()} does not speak HTTP: {type(error).__name__}"
            return self._measurement(Status.CRITICAL, Cause.WRONG_ANSWER, text)

    def timed_out(self) -> Measurement:
        """Degraded: these APIs are slow at times, and what uses them waits or tries again."""
        limit = tcp.length(self._budget_s)
        text = f"No complete answer to {self._doing} from {self._where()} within {limit}"
        return self._measurement(Status.DEGRADED, Cause.TIMEOUT, text)

    def hang_up(self) -> None:
        """Close the connection, in whatever state it is."""
        self._api.hang_up()

    async def _satisfied(self) -> Measurement:
        check, metrics = self._check, self._metrics
        await self._list_models()
        message = f"{show(metrics['openai.models'])} models in " + _ms(metrics["openai.models_ms"])
        if check.completion:
            message += f"; {await self._complete_within_cap()}"
        return self._measurement(Status.HEALTHY, Cause.NONE, message)

    async def _list_models(self) -> None:
        start = self._clock()
        names = await self._api.models()
        metrics = self._metrics
        metrics["openai.models_ms"] = _since(start, self._clock())
        seconds = self._api.phases
        metrics |= {
            PHASES[name]: round(seconds[name] * 1000, 2) for name in PHASES & seconds.keys()
        }
        metrics["openai.models"] = float(len(names))
        if self._check.model is not None and self._check.model not in names:
            raise Unsatisfied(Status.CRITICAL, Cause.MISSING, self._missing(names))

    def _missing(self, names: list[str]) -> str:
        model = self._check.model or ""
        shown = [each for each in names if model[:4].lower() in each.lower()][:ALIKE_SHOWN]
        alike = f", such as {self._api.said(', '.join(shown))}" if shown else ""
        return f"Model {model} is not among the {len(names)} models{alike}"

    async def _complete_within_cap(self) -> str:
        """The sentence on the completion, which is left out when the day's money is spent."""
        check = self._check
        purse = check.purse()
        spent = purse.spent(_today())
        if check.daily_cap_usd is not None and spent >= check.daily_cap_usd:
            self._details |= {"completion": "stopped until tomorrow (UTC): daily cap reached"}
            self._metrics["openai.cost_usd"] = 0.0
            return (
                f"no completion until tomorrow (UTC): {_usd(spent)} spent today, "
                f"daily_cap_usd is {_usd(check.daily_cap_usd)}"
            )
        self._doing = "the completion"
        stream = Completion()
        start = self._clock()
        try:
            usage = await self._api.complete(check.model or "", check.tokens_field, stream)
        except Unsatisfied:  # a refused request costs nothing
            raise
        except BadStream as error:
            self._pay(purse, stream.usage)
            raise wrong(f"The completion of {check.model} {self._api.said(str(error))}") from None
        except BaseException:
            # It may have been made all the same, and then it costs.
            self._pay(purse, stream.usage)
            raise
        self._pay(purse, usage)
        return self._told(start, stream, usage)

    def _told(self, start: float, stream: Completion, usage: Usage) -> str:
        total = _since(start, self._clock())
        metrics = self._metrics
        if stream.first_token_at is not None:
            metrics["openai.first_token_ms"] = _since(start, stream.first_token_at)
        metrics["openai.total_ms"] = total
        if usage.is_told:
            metrics["openai.prompt_tokens"] = float(usage.prompt)
            metrics["openai.completion_tokens"] = float(usage.completion)
        self._details["usage"] = "told" if usage.is_told else "estimated"
        return f"completion in {_ms(total)}"

    def _pay(self, purse: Purse, usage: Usage) -> None:
        cost = usage.cost_usd(self._check.price_in, self._check.price_out)
        purse.pay(cost, _today())
        self._metrics["openai.cost_usd"] = cost

    def _count(self) -> None:
        """Tell what was spent with every result: the last one stored is where a restart goes on."""
        purse, today = self._check.purse(), _today()
        self._metrics["openai.spent_today_usd"] = purse.spent(today)
        self._metrics["openai.spent_usd"] = purse.total
        self._details[SPENT_ON] = today.isoformat()

    def _measurement(self, status: Status, cause: Cause, message: str) -> Measurement:
        if self._check.completion:
            self._count()
        return Measurement(
            status=status,
            cause=cause,
            message=message,
            response_time_ms=self._metrics.get("openai.models_ms"),
            metrics=self._metrics,
            details=self._details,
        )

    def _where(self) -> str:
        return tcp.place(self._host, self._port)


def _since(start: float, end: float) -> float:
    return round((end - start) * 1000, 2)


def _ms(length_ms: float) -> str:
    return show(length_ms, "ms")


def _usd(amount: float) -> str:
    return f"${amount:.6f}".rstrip("0").rstrip(".")


def _today() -> date:
    return datetime.now(UTC).date()
