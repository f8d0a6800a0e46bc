"""One streamed chat completion as APIs of the OpenAI kind give it: when its tokens came, how many.

https://platform.openai.com/docs/api-reference/chat/streaming; the end is `data: [DONE]`.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from monitor.wire.http.sse import Events, TooLong

PROMPT = "Reply with the word ok."
MAX_TOKENS = 5
# An event holds tokens of a few letters; five of them never take this much.
LONGEST_STREAM = 256 * 1024
END = "[DONE]"
# A server that reports more is not believed.
MOST_TOKENS = 1_000_000


class BadStream(Exception):
    """The stream is no completion. The text says why; it may quote the server."""


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Error(msgspec.Struct):
    message: str = ""


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: _Error | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one completion; `is_told` is false where the server said none and we estimate."""

    prompt: int
    completion: int
    is_told: bool

    def cost_usd(self, price_in: float, price_out: float) -> float:
        """What it costs, at prices in USD for a million tokens."""
        return (self.prompt * price_in + self.completion * price_out) / 1_000_000


# What a completion may have cost of which nothing is known. A token is a byte at least, and
# templates of chats add some.
WORST = Usage(prompt=len(PROMPT) + 20, completion=MAX_TOKENS, is_told=False)


def asked(model: str, tokens_field: str) -> bytes:
    """The body of the request."""
    return msgspec.json.encode(
        {
            "model": model,
            "messages": [{"role": "user", "content": PROMPT}],
            tokens_field: MAX_TOKENS,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    )


class Completion:
    """A completion as it comes. `first_token_at` is None until a token has come."""

    def __init__(self) -> None:
        self._events = Events()
        self._received = 0
        self._usage: Usage | None = None
        self._finish: str | None = None
        self.first_token_at: float | None = None
        self.is_over = False

    def feed(self, chunk: bytes, at: float) -> None:
        """Take up what has come at this time. Raises BadStream."""
        self._received += len(chunk)
        if self._received > LONGEST_STREAM:
            raise BadStream(f"is longer than {LONGEST_STREAM // 1024} kB")
        try:
            found = self._events.feed(chunk)
        except TooLong:
            raise BadStream("has an event without end") from None
        for data in found:
            if data.strip() == END:
                self.is_over = True
            elif not self.is_over:
                self._take(data, at)

    def end(self) -> Usage:
        """What it took. Raises BadStream when it broke off or held nothing."""
        if not self.is_over and self._finish is None:
            raise BadStream("broke off before its end")
        usage = self.usage
        if self.first_token_at is None and not (usage.is_told and usage.completion):
            raise BadStream("holds no token")
        return usage

    @property
    def usage(self) -> Usage:
        """What the server told, else the worst that it can have been."""
        return self._usage or WORST

    def _take(self, data: str, at: float) -> None:
        try:
            chunk = msgspec.json.decode(data, type=_Chunk)
        except (msgspec.MsgspecError, RecursionError):
            raise BadStream("has an event that is no part of a completion") from None
        if chunk.error is not None:
            said = chunk.error if isinstance(chunk.error, str) else chunk.error.message
            raise BadStream(f"is an error: {said}")
        for choice in chunk.choices:
            delta = choice.delta
            if delta and (delta.content or delta.reasoning_content or delta.reasoning):
                self.first_token_at = at if self.first_token_at is None else self.first_token_at
            self._finish = choice.finish_reason or self._finish
        if chunk.usage is not None:
            self._usage = _believed(chunk.usage)


def _believed(usage: _Usage) -> Usage | None:
    told = (usage.prompt_tokens, usage.completion_tokens)
    if not all(0 <= tokens <= MOST_TOKENS for tokens in told) or not any(told):
        return None
    return Usage(prompt=told[0], completion=told[1], is_told=True)
