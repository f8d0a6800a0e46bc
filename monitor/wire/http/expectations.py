"""What an HTTP answer must be like, and the sentence that says what it is instead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.units import show
from monitor.foreign import matches
from monitor.wire.http import jsonpath
from monitor.wire.http.conditions import Wanted, expected, holds, pattern_of, why_wrong, written
from monitor.wire.http.http1 import Head
from monitor.wire.said import said

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
NUMBER_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
# A pattern without these can't backtrack for long, so it is matched in our own process.
REPEATS = frozenset("*+?{")
CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s;\"',]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, its body read and unpacked as far as the limit; `cut` when there was more."""

    path: str
    head: Head
    body: bytes
    cut: bool

    @property
    def text(self) -> str:
        """The body in the charset that the server names (RFC 9110, 8.3.2), else in UTF-8."""
        named = CHARSET.search(self.head.value("content-type") or "")
        try:
            return self.body.decode(named[1] if named else "utf-8", errors="replace")
        except (LookupError, UnicodeError):  # no such charset, or one that is not for text
            return self.body.decode("utf-8", errors="replace")

    @property
    def where(self) -> str:
        """What was looked through, as messages name it."""
        return (
            f"the first {show(len(self.body), 'bytes')} of {self.path}" if self.cut else self.path
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """All that can be asked of an answer. `secrets` are masked in what is shown of it."""

    statuses: tuple[int, ...]
    headers: Mapping[str, str]
    body: str | None
    reject_body: str | None
    regex: str | None
    json: Mapping[str, Wanted]
    numbers: Mapping[str, str]
    secrets: tuple[str, ...] = ()

    async def judge(self, answer: Answer) -> tuple[str | None, dict[str, float]]:
        """The sentence on the first thing that is wrong, None when all is right; and the numbers.

        Numbers are read of a wrong answer too: `/health` with 503 often tells by them what is wrong.
        """
        wrong = self._wrong_status(answer) or await self._wrong_headers(answer)
        wrong = wrong or await self._wrong_text(answer)
        document: object = None
        not_json: str | None = None
        if self.json or self.numbers:
            try:
                document = _document(answer)
            except jsonpath.NotJson as error:
                not_json = f"The answer of {answer.path} {error}"
        if not_json is not None:
            return wrong or not_json, {}
        wrong = wrong or await self._wrong_json(document)
        return self._numbers(document, wrong)

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """What can never be asked of an answer: the key of the `http` kind, and the reason."""
        try:
            re.compile(self.regex or "")
        except re.error as error:
            yield "expect_regex", f"is not a regular expression: {error}"
        if self.reject_body == "":
            yield "reject_body", "must not be empty: that stands in every answer"
        for name, value in self.headers.items():
            if not HEADER_NAME.fullmatch(name):
                yield "expect_headers", f"header {name!r} has a name that HTTP does not allow"
            elif pattern_of(value) and (why := why_wrong(value)):
                yield "expect_headers", f"pattern of {name} {why}"
        for path, wanted in self.json.items():
            if why := _wrong_path(path) or why_wrong(wanted):
                yield "expect_json", f"{path!r} {why}"
        for name, path in self.numbers.items():
            if not NUMBER_NAME.fullmatch(name):
                yield "metrics_json", f"{name!r} must be small letters, digits and underscores"
            if why := _wrong_path(path):
                yield "metrics_json", f"{path!r} {why}"

    def _wrong_status(self, answer: Answer) -> str | None:
        if answer.head.status in self.statuses:
            return None
        wanted = " or ".join(str(status) for status in self.statuses)
        return f"HTTP {answer.head.status} from {answer.path}, expected {wanted}"

    async def _wrong_headers(self, answer: Answer) -> str | None:
        for name, wanted in self.headers.items():
            value = answer.head.value(name.lower())
            if value is None:
                return f"Header {name} is missing, expected {_header(wanted)}"
            pattern = pattern_of(wanted)
            right = value == wanted if pattern is None else await found(pattern, value)
            if not right:
                return f'Header {name} is "{self._said(value)}", expected {_header(wanted)}'
        return None

    async def _wrong_text(self, answer: Answer) -> str | None:
        if self.body is None and self.reject_body is None and self.regex is None:
            return None
        text = answer.text
        if self.body is not None and self.body not in text:
            return f"Expected text not found in {answer.where}"
        if self.reject_body is not None and self.reject_body in text:
            return f"Text that must not be there found in {answer.where}"
        if self.regex is not None and not await found(self.regex, text):
            return f"Expected pattern does not match in {answer.where}"
        return None

    async def _wrong_json(self, document: object) -> str | None:
        for path, wanted in self.json.items():
            try:
                actual = jsonpath.find(document, jsonpath.parse(path))
            except jsonpath.Missing:
                return f"{path} is missing, expected {expected(wanted)}"
            if not await holds(actual, wanted, found):
                return f"{path} is {self._written(actual)}, expected {expected(wanted)}"
        return None

    def _numbers(self, document: object, wrong: str | None) -> tuple[str | None, dict[str, float]]:
        numbers: dict[str, float] = {}
        for name, path in self.numbers.items():
            try:
                actual = jsonpath.find(document, jsonpath.parse(path))
                numbers[name] = _number(actual)
            except jsonpath.Missing:
                wrong = wrong or f"{path} is missing, expected a number"
            except (TypeError, OverflowError):
                wrong = wrong or f"{path} is {self._written(actual)}, expected a number"
        return wrong, numbers

    def _written(self, value: object) -> str:
        return written(self._said(value)) if isinstance(value, str) else self._said(written(value))

    def _said(self, text: str) -> str:
        return said(text, self.secrets)


async def found(pattern: str, text: str) -> bool:
    """Whether the pattern matches somewhere in a text that may be hostile."""
    if REPEATS & set(pattern):
        return await matches(pattern, text)
    return re.search(pattern, text) is not None


def _wrong_path(text: str) -> str | None:
    try:
        jsonpath.parse(text)
    except ValueError as error:
        return str(error)
    return None


def _document(answer: Answer) -> object:
    if answer.cut:
        size = show(len(answer.body), "bytes")
        raise jsonpath.NotJson(f"is longer than {size} (body_limit), so its JSON can't be read")
    return jsonpath.decode(answer.body)


def _number(value: object) -> float:
    """A number, or a boolean as 1 and 0. Raises TypeError, and OverflowError for one beyond a float."""
    if isinstance(value, (bool, int, float)):
        return float(value)
    raise TypeError


def _header(wanted: str) -> str:
    return wanted if pattern_of(wanted) is not None else f'"{wanted}"'
