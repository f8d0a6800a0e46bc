"""What is asked of an API of the OpenAI kind: its models, and one streamed completion.

https://platform.openai.com/docs/api-reference. Error: Exception ← Unsatisfied.
"""

from __future__ import annotations

import asyncio

import msgspec

from domain.facts import Cause, Status
from domain.units import show
from monitor.checks import Deadline
from monitor.wire.ai import completion
from monitor.wire.ai.completion import BadStream, Completion, Usage
from monitor.wire.http.authorization import bearer
from monitor.wire.http.errand import Errand, first_request
from monitor.wire.http.http1 import Exchanging, Head, read
from monitor.wire.http.route import Route
from monitor.wire.said import said
from monitor.wire.tls.trust import Trust

LONGEST_LIST = 2 * 2**20
LONGEST_ERROR = 16 * 1024


class Unsatisfied(Exception):
    """The API answered, and not as it should. The text says how, without the key."""

    def __init__(self, status: Status, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.status, self.cause = status, cause


class _Named(msgspec.Struct, gc=False):
    id: str


class _Models(msgspec.Struct):
    data: list[_Named]


class _Reason(msgspec.Struct):
    message: str = ""
    code: str | int | None = None


class _Refusal(msgspec.Struct):
    error: _Reason | str


class Api:
    """One API, asked one thing after the other. Hang up in the end.

    Its calls raise Unsatisfied, and what connecting and speaking HTTP raise.
    """

    def __init__(
        self, base_url: str, api_key: str | None, trust: Trust, deadline: Deadline
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._trust = trust
        self._deadline = deadline
        self._clock = asyncio.get_running_loop().time
        self._errand: Errand | None = None

    @property
    def phases(self) -> dict[str, float]:
        """Seconds in each phase of the last request."""
        return {} if self._errand is None else dict(self._errand.phases.seconds)

    def hang_up(self) -> None:
        """Close the connection, in whatever state it is."""
        if self._errand is not None:
            self._errand.hang_up()

    async def models(self) -> list[str]:
        """The names of its models."""
        exchange, head = await self._ask("GET", "/models")
        await self._require_ok(exchange, head, "GET /models")
        body, cut = await read(exchange, head, LONGEST_LIST)
        if cut:
            raise wrong(f"The list of models is longer than {show(LONGEST_LIST, 'bytes')}")
        try:
            return [each.id for each in msgspec.json.decode(body, type=_Models).data]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise wrong("The answer to GET /models is no list of models") from None

    async def complete(self, model: str, tokens_field: str, stream: Completion) -> Usage:
        """A tiny completion; what comes of it is fed to `stream`. Raises BadStream too."""
        body = completion.asked(model, tokens_field).decode()
        exchange, head = await self._ask("POST", "/chat/completions", body)
        await self._require_ok(exchange, head, "the completion")
        given = (head.value("content-type") or "nothing").partition(";")[0].strip()
        if given != "text/event-stream":
            raise BadStream(f"is {given}, expected text/event-stream")
        chunks = exchange.chunks()
        try:
            async for chunk in chunks:
                stream.feed(chunk, self._clock())
                if stream.is_over:
                    break
        finally:
            await chunks.aclose()
        return stream.end()

    def said(self, text: str) -> str:
        """What the API said, as it may be shown."""
        return said(text, [self._api_key or ""])

    async def _ask(
        self, method: str, path: str, body: str | None = None
    ) -> tuple[Exchanging, Head]:
        self.hang_up()
        headers = {"Accept": "application/json"}
        if body is not None:
            headers = {"Accept": "text/event-stream", "Content-Type": "application/json"}
            # Unpacking would hold back events.
            headers["Accept-Encoding"] = "identity"
        login = {} if self._api_key is None else bearer(self._api_key)
        request = first_request(method, f"{self._base_url}{path}", headers, body, login)
        route = Route(home=request.url.host, trust=self._trust)
        # A redirect is not followed: the key is for this address.
        self._errand = Errand(request, route, self._deadline, follow=False)
        _, exchange, head = await self._errand.run()
        return exchange, head

    async def _require_ok(self, exchange: Exchanging, head: Head, what: str) -> None:
        """Raises Unsatisfied for every status but 200."""
        if head.status == 200:
            return
        told = f"HTTP {head.status} to {what}"
        if head.status in (401, 403):  # its text may quote the key
            raise Unsatisfied(Status.CRITICAL, Cause.REFUSED, f"The key is refused: {told}")
        body, _ = await read(exchange, head, LONGEST_ERROR)
        text = f": {reason}" if (reason := self.said(_reason(body))) else ""
        if head.status == 429:
            after = head.value("retry-after")
            again = f", try again after {self.said(_waiting(after))}" if after else ""
            message = f"Too many requests: {told}{again}{text}"
            raise Unsatisfied(Status.DEGRADED, Cause.WRONG_ANSWER, message)
        raise wrong(f"{told}, expected 200{text}")


def wrong(message: str) -> Unsatisfied:
    """The answer is critically wrong."""
    return Unsatisfied(Status.CRITICAL, Cause.WRONG_ANSWER, message)


def _reason(body: bytes) -> str:
    """What an API says in its error; nothing where it has another form."""
    try:
        error = msgspec.json.decode(body, type=_Refusal).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return error if isinstance(error, str) else error.message or str(error.code or "")


def _waiting(after: str) -> str:
    """A Retry-After (RFC 9110, 10.2.3), in seconds or as a date."""
    return f"{after.strip()} s" if after.strip().isdigit() else after
