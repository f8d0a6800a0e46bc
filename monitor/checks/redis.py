"""Check kind `redis`: a Redis or Valkey server answers, in its role, and saves what it holds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from domain.facts import Cause, Detail, Measurement, Status
from domain.rules import Operator, StockRule, certificate_ends
from domain.units import show, span
from monitor.checks import Deadline, kind
from monitor.checks.tcp import critical
from monitor.wire import resp
from monitor.wire.redisinfo import Change, History, Info
from monitor.wire.said import said
from monitor.wire.server import Scheme, ServerCheck
from monitor.wire.visit import Dialogue, Garbled, Visit

SLOW = (
    "Redis answers late; as it does one thing at a time, every client waits likewise. First look: "
    "`redis-cli --latency`, `SLOWLOG GET 10` for commands that take long (KEYS, big LRANGE, Lua), and "
    "CPU and swap of its machine. Usual fix: replace the slow command, move saving to a replica, or "
    "spread the load; from afar it is the network."
)
FULL = (
    "Redis is near its maxmemory and evicts nothing, so that writes will fail (OOM). First look: "
    "`INFO memory`, `redis-cli --bigkeys`, and whether keys have an expiry. Usual fix: expire or delete "
    "what is not needed, raise maxmemory, or choose an eviction policy if it is a cache."
)
CROWDED = (
    "Nearly as many clients are connected as maxclients allows; further ones will be refused. First "
    "look: `CLIENT LIST`, for one application with very many or idle connections. Usual fix: repair or "
    "limit its pool, set `timeout` for idle clients, or raise maxclients and the limit of open files."
)
MISSING = (
    "Most lookups find nothing, so the work goes to what lies behind the cache. First look: evictions "
    "per second and memory (too small?), `expired_keys`, and what was released or flushed lately. Usual "
    "fix: give it more memory, longer expiry, or repair the keys under which the application looks."
)
REJECTED = (
    "Redis turned clients away since the last run, as it had maxclients of them. First look: `CLIENT "
    "LIST` and the pools of the applications. Usual fix: as for many clients; an application without a "
    "pool, or that leaks connections, is the usual cause."
)
EXPIRING = (
    "The certificate ends soon; from then on clients refuse the server. First look: `tls-cert-file` of "
    "its configuration and the job that renews it. Usual fix: renew it, then `CONFIG SET tls-cert-file` "
    "with the same path, which loads it without a restart."
)
ROLES = {"master": "master", "slave": "replica"}
GAUGES = (
    ("redis.clients.connected", "connected_clients"),
    ("redis.clients.blocked", "blocked_clients"),
    ("redis.memory.used_bytes", "used_memory"),
    ("redis.memory.rss_bytes", "used_memory_rss"),
    ("redis.memory.fragmentation", "mem_fragmentation_ratio"),
    ("redis.replicas", "connected_slaves"),
    ("redis.unsaved_changes", "rdb_changes_since_last_save"),
    ("redis.uptime_s", "uptime_in_seconds"),
)
RATES = (
    ("redis.evicted_per_s", "evicted_keys"),
    ("redis.expired_per_s", "expired_keys"),
    ("redis.received_bytes_per_s", "total_net_input_bytes"),
    ("redis.sent_bytes_per_s", "total_net_output_bytes"),
)
PHASES = {
    "ping": "redis.ping_ms",
    "dns": "redis.dns_ms",
    "connect": "redis.connect_ms",
    "tls": "redis.tls_ms",
    "login": "redis.login_ms",
    "info": "redis.info_ms",
    "total": "redis.total_ms",
}

# Checks are frozen: what must be remembered between two runs lives here.
_history = History()


@kind(
    "redis",
    title="Redis",
    component="cache",
    headline="redis.ping_ms",
    rules=(
        StockRule(
            metric="redis.ping_ms",
            title="PING",
            warning=100,
            critical=500,
            unit="ms",
            runbook=SLOW,
        ),
        StockRule(
            metric="redis.memory.percent",
            title="Memory",
            warning=80,
            critical=95,
            unit="%",
            runbook=FULL,
        ),
        StockRule(
            metric="redis.clients.percent",
            title="Clients",
            warning=80,
            critical=95,
            unit="%",
            runbook=CROWDED,
        ),
        StockRule(
            metric="redis.hits.percent",
            title="Hit ratio",
            warning=50,
            operator=Operator.LT,
            unit="%",
            runbook=MISSING,
        ),
        StockRule(
            metric="redis.rejected_connections",
            title="Rejected connections",
            warning=1,
            runbook=REJECTED,
        ),
        certificate_ends(EXPIRING),
    ),
)
class RedisCheck(ServerCheck, frozen=True, kw_only=True):
    """The server answers PING and reports no trouble; nothing is written."""

    schemes: ClassVar[Mapping[str, Scheme]] = {
        "redis": Scheme(6379),
        "rediss": Scheme(6379, tls=True),
        "unix": Scheme(0, local=True),
    }

    db: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="Database to select and count keys of")
    ] = None
    expect_role: Annotated[
        Literal["master", "replica"] | None, Meta(description="The role that is right")
    ] = None
    min_replicas: Annotated[
        int, Meta(ge=0, description="So many replicas must be online, of a master")
    ] = 0
    on_error: Annotated[
        Literal["degraded", "critical"],
        Meta(description="What a failure reads: a cache can be done without"),
    ] = "degraded"

    async def run(self, deadline: Deadline) -> Measurement:
        """Connect, log in, PING, read INFO."""
        visit = Visit(self, deadline)
        try:
            async with asyncio.timeout_at(deadline.at):
                return await self._ask(visit)
        except resp.Refused as error:
            cause, predicate = error.meaning(visit.doing, visit.endpoint.password)
            return self._graded(critical(cause, f"{visit.where} {predicate}"))
        except Exception as error:  # visit raises what is a bug
            return self._graded(visit.failed(error, "the Redis protocol"))
        finally:
            visit.hang_up()

    def target(self) -> str:
        """The address, without credentials: `redis://host:6379/0`."""
        to = self.endpoint()
        scheme = "unix" if to.socket else "rediss" if to.tls else "redis"
        database = self._database()
        return f"{scheme}://{to.where}" + ("" if database is None else f"/{database}")

    def wrong(self) -> Iterator[tuple[str, str]]:
        """The fields that can't work, each with the reason."""
        if reasons := list(super().wrong()):
            yield from reasons
            return
        to = self.endpoint()
        if to.path and not _is_number(to.path):
            yield "url", "may end with the number of a database only, such as /0"
        if to.query and not (to.socket and _is_number(to.query.removeprefix("db="))):
            yield "url", "may have no parameters, but for ?db=0 behind a socket"
        if (to.path or to.query) and self.db is not None:
            yield "db", "stands in url already"
        if to.username and to.password is None:
            yield "password", "is missing beside the user name"
        if self.min_replicas and self.expect_role == "replica":
            yield "min_replicas", "is for a master"

    def _database(self) -> int | None:
        to = self.endpoint()
        given = to.path or to.query.removeprefix("db=")
        return int(given) if given else self.db

    async def _ask(self, visit: Visit) -> Measurement:
        dialogue = await visit.open(resp.LONGEST_ANSWERS)
        await self._log_in(visit, dialogue)
        with visit.step("ping", "PING"):
            pong = await resp.ask(dialogue, "PING")
        if pong != "PONG":
            raise Garbled("its answer to PING is not PONG")
        info = cluster = Info("")
        with visit.step("info", "INFO"), _unless_forbidden():
            info = Info(await resp.ask(dialogue, "INFO"))
        if info.text("cluster_enabled") == "1":
            with visit.step("cluster", "CLUSTER INFO"), _unless_forbidden():
                cluster = Info(await resp.ask(dialogue, "CLUSTER", "INFO"))
        return self._judge(visit, info, cluster)

    async def _log_in(self, visit: Visit, dialogue: Dialogue) -> None:
        to, database = visit.endpoint, self._database()
        if to.password is not None:
            user = [to.username] if to.username else []
            with visit.step("login", "AUTH"):
                await resp.ask(dialogue, "AUTH", *user, to.password)
        if database is not None:
            with visit.step("select", "SELECT"):
                await resp.ask(dialogue, "SELECT", str(database))

    def _judge(self, visit: Visit, info: Info, cluster: Info) -> Measurement:
        took = visit.took_ms()
        change = _history.change(self, info, asyncio.get_running_loop().time())
        metrics = {name: took[phase] for phase, name in PHASES.items() if phase in took}
        metrics |= visit.days_left() | _gauges(info, self._database()) | _changes(info, change)
        wrong = "; ".join(self._troubles(info, cluster))
        healthy = f"PONG in {show(metrics['redis.ping_ms'], 'ms')}{_summary(info)}"
        found = Measurement(
            status=Status.CRITICAL if wrong else Status.HEALTHY,
            cause=Cause.WRONG_ANSWER if wrong else Cause.NONE,
            message=f"{visit.where}: {wrong}" if wrong else healthy,
            response_time_ms=metrics["redis.ping_ms"],
            metrics=metrics,
            details=_details(info),
        )
        return self._graded(found)

    def _troubles(self, info: Info, cluster: Info) -> Iterator[str]:
        """What the server says is not as it should be, a clause each."""
        role = ROLES.get(info.text("role"), "")
        if self.expect_role and role != self.expect_role:
            yield f"role {role or 'not told'}, expected {self.expect_role}"
        online = sum(replica.online for replica in info.replicas())
        if self.min_replicas and online < self.min_replicas:
            yield f"replicas online {online}, expected ≥ {self.min_replicas}"
        if info.text("master_link_status") == "down":
            since = info.number("master_link_down_since_seconds")
            for_long = f" for {span(since)}" if since is not None and since >= 0 else ""
            copying = info.text("master_sync_in_progress") == "1"
            full = ", a full copy of its data is under way" if copying else ""
            yield f"link to its master is down{for_long}{full}"
        if info.text("rdb_last_bgsave_status") == "err":
            yield "the last save to disk (RDB) failed"
        if info.text("aof_last_write_status") == "err":
            yield "the last write to the append-only file (AOF) failed"
        if info.text("aof_last_bgrewrite_status") == "err":
            yield "the last rewrite of the append-only file (AOF) failed"
        if cluster.text("cluster_state") == "fail":
            served = cluster.number("cluster_slots_ok") or 0
            yield f"cluster state fail, {served:.0f} of 16384 slots are served"

    def _graded(self, found: Measurement) -> Measurement:
        """A failure as bad as `on_error` says."""
        if found.status is Status.CRITICAL and self.on_error == "degraded":
            return replace(found, status=Status.DEGRADED)
        return found


@contextlib.contextmanager
def _unless_forbidden() -> Iterator[None]:
    """Go without an answer that the server does not permit, or does not know to give."""
    try:
        yield
    except resp.Refused as error:
        if error.code != "NOPERM" and "unknown command" not in error.text:
            raise


def _gauges(info: Info, database: int | None) -> dict[str, float]:
    """What the server holds now."""
    found = {name: info.number(field) for name, field in GAUGES}
    found["redis.clients.percent"] = _share(info, "connected_clients", "maxclients")
    # A cache that evicts is full for most of its life: that is no trouble, so another metric.
    evicts = info.text("maxmemory_policy") not in ("", "noeviction")
    name = "redis.memory.cache_percent" if evicts else "redis.memory.percent"
    found[name] = _share(info, "used_memory", "maxmemory")
    found["redis.keys"] = info.keys(database)
    found["redis.lag_s"], found["redis.lag_bytes"] = info.lag_s(), info.lag_bytes()
    saved, now_us = info.number("rdb_last_save_time"), info.number("server_time_usec")
    if saved is not None and now_us is not None:
        found["redis.save_age_s"] = max(0.0, round(now_us / 1e6 - saved))
    return {name: value for name, value in found.items() if value is not None}


def _changes(info: Info, change: Change) -> dict[str, float]:
    """What happened since the run before."""
    found = {name: change.per_second(field) for name, field in RATES}
    found["redis.hits.percent"] = change.hit_percent
    found["redis.rejected_connections"] = change.moved.get("rejected_connections")
    ops = change.per_second("total_commands_processed")
    found["redis.ops_per_s"] = info.number("instantaneous_ops_per_sec") if ops is None else ops
    return {name: round(value, 2) for name, value in found.items() if value is not None}


def _share(info: Info, part: str, whole: str) -> float | None:
    of, value = info.number(whole), info.number(part)
    return round(100 * value / of, 2) if of and value is not None else None


def _summary(info: Info) -> str:
    if not info:
        return "; without statistics, since INFO is not permitted"
    used, clients = info.number("used_memory"), info.number("connected_clients")
    memory = "" if used is None else f", {show(used, 'bytes')} used"
    noun = "client" if clients == 1 else "clients"
    return memory + ("" if clients is None else f", {clients:.0f} {noun}")


def _details(info: Info) -> dict[str, Detail]:
    fields = {
        "version": info.text("valkey_version") or info.text("redis_version"),
        "role": ROLES.get(info.text("role"), ""),
        "mode": info.text("redis_mode"),
        "eviction": info.text("maxmemory_policy"),
    }
    return {name: said(text) for name, text in fields.items() if text}


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
