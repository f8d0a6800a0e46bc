"""Check kind `prometheus`: an exporter's page is read, and chosen series of it become metrics."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta, field

from domain.counting import Counting
from domain.exposition import NotExposition, Page
from domain.facts import Cause, Detail, Measurement, Status
from domain.mistakes import WrongFields
from domain.rules import StockRule, certificate_ends, operator
from domain.selecting import Absent, Selected, Selection, duplicates, selected
from domain.units import show, unit_of
from monitor.checks import Check, Deadline, kind, tcp
from monitor.checks.http import EXPIRING, HttpCheck, Probe
from monitor.wire.http.errand import Errand, first_request
from monitor.wire.http.http1 import Exchanging, Head
from monitor.wire.said import said

# As Prometheus itself asks, without protobuf (scrape/scrape.go): names are escaped for us, as we
# do not claim to understand quoted UTF-8 names.
ACCEPT = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
OPENMETRICS = "application/openmetrics-text"
# So much is read without letting others go on: a few ms of work.
PIECE_BYTES = 16 * 1024
HEADLINE = "headline"
SHOWN = 3
SELECTED = (
    "A number that the exporter reports has crossed the level that was set for it. First look: its "
    "course in the chart, and the other numbers of the same exporter at that time. Usual fix: that of "
    "the program behind the exporter; where the number is as it should be, correct the level in "
    "`select`."
)

# Checks are frozen: the counters of the run before live here, by config and selection.
_counting = Counting()


@kind(
    "prometheus",
    title="Prometheus exporter",
    component="application",
    headline="prometheus.scrape_ms",
    rules=(certificate_ends(EXPIRING),),
)
class PrometheusCheck(Check, frozen=True, kw_only=True):
    """The exporter at `url` answers with metrics, and holds the series that `select` names."""

    url: Annotated[str, Meta(description="http:// or https:// address", max_length=4096)]
    select: Annotated[
        tuple[dict[str, Any], ...],
        Meta(
            max_length=100,
            description="Series that become metrics",
            extra_json_schema={"items": msgspec.json.schema(Selection)["$defs"]["Selection"]},
        ),
    ] = ()
    headers: Annotated[dict[str, str], Meta(description="Headers to send")] = field(
        default_factory=dict
    )
    bearer_token: Annotated[str | None, Meta(description="Token to log in with")] = None
    username: Annotated[str | None, Meta(description="User to log in as")] = None
    password: Annotated[str | None, Meta(description="Password of the user")] = None
    follow_redirects: Annotated[bool, Meta(description="Follow up to 10 redirects")] = True
    verify: Annotated[bool, Meta(description="Refuse certificates that are not trusted")] = True
    ca_file: Annotated[
        str | None, Meta(description="PEM file of the authorities to trust instead of the usual")
    ] = None
    cert_file: Annotated[
        str | None, Meta(description="PEM file of the client certificate to show")
    ] = None
    key_file: Annotated[
        str | None, Meta(description="PEM file of its key, if that is not in cert_file")
    ] = None
    body_limit: Annotated[
        int, Meta(ge=1, le=256 * 2**20, description="A page of more bytes, unpacked, is refused")
    ] = 32 * 2**20

    def __post_init__(self) -> None:
        """Refuse what could never work. No reason repeats a value that may be secret."""
        if wrong := list(self._wrong()):
            raise WrongFields(wrong)

    def _wrong(self) -> Iterator[tuple[str, str]]:
        try:
            self._request()
        except WrongFields as error:
            yield from error.reasons
        selections = []
        for place, table in enumerate(self.select, start=1):
            try:
                selections.append(selection := msgspec.convert(table, Selection))
            except msgspec.ValidationError as error:
                yield "select", f"entry {place}: {error}"
            else:
                yield from (("select", f"entry {place}: {text}") for text in selection.mistakes())
        for name in duplicates(each.known_as for each in selections):
            yield "select", f"has more than one entry called {name}: give each a name"

    def __repr__(self) -> str:
        """Without headers and credentials."""
        return f"PrometheusCheck({self.target()!r})"

    async def run(self, deadline: Deadline) -> Measurement:
        """Ask, read the page as it comes, and pick the numbers out of it."""
        scrape = Scrape(self, self._request(deadline.remaining()), deadline)
        try:
            async with asyncio.timeout_at(deadline.at):
                return await scrape.measure()
        except TimeoutError:
            return scrape.timed_out()
        finally:
            scrape.hang_up()

    def target(self) -> str:
        """The address, without credentials, query and fragment."""
        return self._request().target()

    def headline(self) -> str:
        """The time of the scrape, unless a selection is named `headline`."""
        named = any(each.known_as == HEADLINE for each in self.selections)
        return f"prometheus.{HEADLINE}" if named else self.spec.headline

    def stock_rules(self) -> tuple[StockRule, ...]:
        """The levels of the selections, beside those of the kind."""
        return (*self.spec.rules, *(_rule(each) for each in self.selections if _has_level(each)))

    @property
    def selections(self) -> tuple[Selection, ...]:
        """The entries of `select`."""
        return msgspec.convert(self.select, tuple[Selection, ...])

    def _request(self, timeout_s: float = 10.0) -> HttpCheck:
        """The page as an HTTP endpoint. Raises WrongFields for what HTTP does not allow."""
        ours = {
            "Accept": ACCEPT,
            "Accept-Encoding": "gzip",
            "X-Prometheus-Scrape-Timeout-Seconds": f"{timeout_s:.3f}",
        }
        return HttpCheck(
            url=self.url,
            headers={**ours, **self.headers},
            follow_redirects=self.follow_redirects,
            verify=self.verify,
            ca_file=self.ca_file,
            cert_file=self.cert_file,
            key_file=self.key_file,
            username=self.username,
            password=self.password,
            bearer_token=self.bearer_token,
        )


class Scrape(Probe):
    """One run: the exchange is that of the `http` kind, the answer is read by a `Page`."""

    def __init__(self, check: PrometheusCheck, request: HttpCheck, deadline: Deadline) -> None:
        super().__init__(request, deadline)
        self._limit = check.body_limit
        self._selections = check.selections
        self._key = msgspec.msgpack.encode(check)

    async def _answered(self) -> Measurement:
        check = self._check
        first = first_request(check.method, check.url, check.headers, None, check.authorization())
        errand = self._errand = Errand(
            first, check.route(), self._deadline, follow=check.follow_redirects
        )
        request, exchange, head = await errand.run()
        self._answering = True
        path = request.url.path
        if head.status != 200:
            text = f"HTTP {head.status} from {path}, expected 200"
            return tcp.critical(Cause.WRONG_ANSWER, text)
        page = Page([each.selector for each in self._selections])
        try:
            size = await self._read(page, exchange, head)
        except NotExposition as error:
            sort = _sort(head) or "an answer without a type"
            text = f"{path} is not a page of metrics ({sort}): {error}"
            return tcp.critical(Cause.WRONG_ANSWER, text)
        took_ms = round((self._clock() - self._start) * 1000, 2)
        metrics = {
            "prometheus.scrape_ms": took_ms,
            "prometheus.samples": float(page.samples),
            "prometheus.body_bytes": float(size),
        }
        return self._judged(page, metrics | _of_the_way(errand), took_ms)

    async def _read(self, page: Page, exchange: Exchanging, head: Head) -> int:
        """Feed the page; its size in bytes. Lets others go on after every piece."""
        size = 0
        async with contextlib.aclosing(_pieces(exchange, head)) as pieces:
            async for piece in pieces:
                size += len(piece)
                if size > self._limit:
                    raise NotExposition(f"more than {show(self._limit, 'bytes')}, body_limit")
                page.feed(piece)
                await asyncio.sleep(0)
        page.close()
        if _sort(head).startswith(OPENMETRICS) and not page.is_whole:
            raise NotExposition("it ends without # EOF")
        return size

    def _judged(self, page: Page, metrics: dict[str, float], took_ms: float) -> Measurement:
        results = self._results(page)
        numbers = {name: value for each in results for name, value in each.numbers.items()}
        metrics |= {f"prometheus.{name}": value for name, value in numbers.items()}
        status, told = self._absent(results)
        detail = [
            f"{each.selector.words} {result.absent}"
            for each, result in zip(self._selections, results, strict=True)
            if result.absent
        ]
        details: dict[str, Detail] = {"absent": list(detail)} if detail else {}
        if left_out := sum(each.left_out for each in results):
            details["series_left_out"] = left_out
        return Measurement(
            status=status,
            cause=Cause.MISSING if told else Cause.NONE,
            message=told or _sentence(page.samples, took_ms, numbers),
            response_time_ms=took_ms,
            metrics=metrics,
            details=details,
        )

    def _results(self, page: Page) -> list[Selected]:
        now = self._clock()
        return [
            selected(
                selection, found, page.counts, partial(_counting.increases, (self._key, place), now)
            )
            for place, (selection, found) in enumerate(
                zip(self._selections, page.found, strict=True)
            )
        ]

    def _absent(self, results: list[Selected]) -> tuple[Status, str]:
        """The worst of what the selections say that have no number, and which they are."""
        bad = [
            (Status[each.missing.upper()], f"{each.selector.words[:120]} {result.absent}")
            for each, result in zip(self._selections, results, strict=True)
            if result.absent in (Absent.MISSING, Absent.NOT_FINITE) and each.missing != "healthy"
        ]
        if not bad:
            return Status.HEALTHY, ""
        bad.sort(key=lambda found: -found[0])
        texts = [text for _, text in bad]
        more = f", and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
        return bad[0][0], f"{', '.join(texts[:SHOWN])}{more}"


def _of_the_way(errand: Errand) -> dict[str, float]:
    """The phases before the page came, and for how long the certificate is valid."""
    names = {
        "dns": "prometheus.dns_ms",
        "connect": "prometheus.connect_ms",
        "tls": "prometheus.tls_ms",
        "first_byte": "prometheus.first_byte_ms",
    }
    seconds = errand.phases.seconds
    metrics = {name: round(seconds[p] * 1000, 2) for p, name in names.items() if p in seconds}
    if errand.connection and (certificate := errand.connection.certificate()):
        days = tcp.days_left(certificate)
        if days is not None:
            metrics["tls.days_left"] = days
    return metrics


async def _pieces(exchange: Exchanging, head: Head) -> AsyncGenerator[bytes, None]:
    """The body in small pieces, unpacked. Raises NotExposition, and what the exchange raises."""
    coding = (head.value("content-encoding") or "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip"):
        raise NotExposition("it is packed in a way that was not asked for")
    unpack = zlib.decompressobj(wbits=31) if coding != "identity" else None
    async with contextlib.aclosing(exchange.chunks()) as chunks:
        async for chunk in chunks:
            for piece in _unpacked(unpack, chunk) if unpack else _cut(chunk):
                yield piece
    if unpack and not unpack.eof:
        raise NotExposition("the packed answer is cut short")


def _unpacked(unpack: Any, chunk: bytes) -> Iterator[bytes]:
    """What a packed chunk holds, never more than a piece of it in memory."""
    while chunk and not unpack.eof:
        try:
            piece = unpack.decompress(chunk, PIECE_BYTES)
        except zlib.error:
            raise NotExposition("it can't be unpacked") from None
        chunk = unpack.unconsumed_tail
        yield piece
    if chunk or unpack.unused_data:
        raise NotExposition("something follows the packed answer")


def _cut(chunk: bytes) -> Iterator[bytes]:
    return (chunk[at : at + PIECE_BYTES] for at in range(0, len(chunk), PIECE_BYTES))


def _sort(head: Head) -> str:
    """The media type that the server names, for people."""
    return said((head.value("content-type") or "").partition(";")[0].lower(), limit=60)


def _has_level(selection: Selection) -> bool:
    return selection.warning is not None or selection.critical is not None


def _rule(selection: Selection) -> StockRule:
    metric = f"prometheus.{selection.known_as}"
    return StockRule(
        metric=metric,
        title=selection.name or selection.selector.words[:100],
        warning=selection.warning,
        critical=selection.critical,
        operator=operator(selection.operator),
        unit=unit_of(metric),
        runbook=SELECTED,
    )


def _sentence(samples: int, took_ms: float, numbers: Mapping[str, float]) -> str:
    """`612 samples in 21 ms: load 0.5, …`."""
    head = f"{samples} samples in {show(took_ms, 'ms')}"
    first = [
        f"{name} {show(value, unit_of(name))}" for name, value in list(numbers.items())[:SHOWN]
    ]
    return f"{head}: {', '.join(first)}" if first else head
