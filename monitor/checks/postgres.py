"""Check kind `postgres`: how a PostgreSQL server fares beyond answering, and its TimescaleDB."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from msgspec import Meta

from domain.facts import Cause, Detail, Measurement, Status
from domain.mistakes import WrongFields
from domain.rules import StockRule
from domain.units import show
from monitor.checks import Check, Deadline, kind
from monitor.wire.databases.asking import SqlError, Tls, parsed, persist, printable
from monitor.wire.databases.postgres import Postgres, Session

FORM = "postgresql://user:password@host/name"
HINT = "GRANT pg_monitor TO the login"

FULL = (
    "The server has few connections left for ordinary logins; when none is left, programs can't log "
    "in. First look: SELECT usename, state, count(*) FROM pg_stat_activity GROUP BY 1, 2: many that "
    "idle are pools that are too large or leak. Usual fix: restart or mend the program that leaks, "
    "make its pool smaller, put PgBouncer in front, or raise max_connections if memory allows."
)
LONG = (
    "A transaction has been open for long: it keeps locks, and vacuum can't clean what is younger than "
    "it, so tables grow. First look: SELECT pid, usename, state, xact_start, query FROM "
    "pg_stat_activity ORDER BY xact_start; for prepared ones pg_prepared_xacts. Usual fix: end it by "
    "pg_terminate_backend(pid), mend the program that forgets to commit, set "
    "idle_in_transaction_session_timeout."
)
BEHIND = (
    "A standby is behind: it answers with old data, and a failover now would lose what it lacks. First "
    "look: pg_stat_replication on the primary, pg_stat_wal_receiver on the standby, load and disk of "
    "the standby, the network between. Usual fix: end the long query on the standby that replay waits "
    "for, restore the connection; if the WAL it needs is gone, build it anew by pg_basebackup."
)
WRAPAROUND = (
    "Transaction numbers run out: at 100 % the server refuses all writes until it is vacuumed. First "
    "look: SELECT datname, age(datfrozenxid) FROM pg_database ORDER BY 2 DESC; then what keeps vacuum "
    "back: old transactions, prepared ones, replication slots. Usual fix: end those, run VACUUM FREEZE "
    "on the oldest tables, give autovacuum more workers."
)
JOBS = (
    "A background job of TimescaleDB failed in its last run: chunks are not compressed or dropped, or "
    "aggregates grow old. First look: timescaledb_information.job_errors, and job_stats for the job. "
    "Usual fix: remove the cause that it names (locks, space, memory), then CALL run_job(number)."
)

SERVER = """
    SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS standby,
        pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees_all,
        (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescaledb
"""
# Each in a query of its own, so that one that is not allowed takes no other along.
EVERYWHERE = {
    "connections": """
        SELECT used AS "postgres.connections.used", most AS "postgres.connections.limit",
            round(100.0 * used / nullif(most, 0), 1) AS "postgres.connections.percent"
        FROM (SELECT count(*) AS used, current_setting('max_connections')::int
                - current_setting('superuser_reserved_connections')::int
                - coalesce(current_setting('reserved_connections', true)::int, 0) AS most
            FROM pg_stat_activity
            WHERE datid IS NOT NULL
                AND coalesce(backend_type, 'client backend') = 'client backend') AS counted""",
    "locks": """SELECT count(*) AS "postgres.locks.waiting" FROM pg_locks WHERE NOT granted""",
    "transaction numbers": """
        SELECT round(100.0 * max(age(datfrozenxid)) / 2147483648, 2) AS "postgres.xid_age.percent"
        FROM pg_database""",
}
SIZE = {
    "size": """SELECT pg_database_size(current_database()) AS "postgres.database.size_bytes" """
}
COUNTERS = """
    SELECT blks_hit, blks_read, xact_commit + xact_rollback AS transactions, deadlocks
    FROM pg_stat_database WHERE datname = current_database()
"""
FOR_MONITORS = {
    "transactions": """
        SELECT coalesce(round(extract(epoch FROM clock_timestamp() - least(
                (SELECT min(xact_start) FROM pg_stat_activity
                    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
                (SELECT min(prepared) FROM pg_prepared_xacts)))::numeric, 1), 0)
                AS "postgres.transactions.longest_s",
            (SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%')
                AS "postgres.transactions.idle" """
}
PRIMARY = {
    "replication": """
        SELECT count(*) AS "postgres.replication.standbys",
            max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))
                AS "postgres.replication.lag_bytes",
            CASE WHEN count(*) > 0 THEN coalesce(max(extract(epoch FROM replay_lag)), 0) END
                AS "postgres.replication.lag_s"
        FROM pg_stat_replication WHERE state <> 'backup'"""
}
SLOTS = {
    "slots": """
        SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn))
            AS "postgres.replication.retained_bytes"
        FROM pg_replication_slots"""
}
# Without a writer nothing is replayed: that is no lag as long as the connection stands.
STANDBY = {
    "replication": """
        SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                AS "postgres.replication.lag_bytes",
            CASE WHEN EXISTS (SELECT FROM pg_stat_wal_receiver)
                    AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
                ELSE round(extract(epoch FROM now() - pg_last_xact_replay_timestamp())::numeric, 1)
            END AS "postgres.replication.lag_s" """
}
# From "Informational views" and "hypertable_compression_stats()" of TimescaleDB 2's documentation.
TIMESCALE = {
    "TimescaleDB hypertables": """
        SELECT count(*) AS "postgres.timescaledb.hypertables",
            coalesce(sum(num_chunks), 0) AS "postgres.timescaledb.chunks"
        FROM timescaledb_information.hypertables""",
    "TimescaleDB compression": """
        SELECT round(sum(before_compression_total_bytes)
                / nullif(sum(after_compression_total_bytes), 0), 2)
                AS "postgres.timescaledb.compression_ratio"
        FROM timescaledb_information.hypertables AS tables,
            hypertable_compression_stats(format('%I.%I', tables.hypertable_schema,
                tables.hypertable_name)::regclass)""",
    "TimescaleDB jobs": """
        SELECT count(*) FILTER (WHERE last_run_status = 'Failed')
                AS "postgres.timescaledb.failed_jobs",
            extract(epoch FROM now() - min(last_successful_finish)
                FILTER (WHERE proc_name = 'policy_refresh_continuous_aggregate'))
                AS "postgres.timescaledb.aggregate_lag_s",
            extract(epoch FROM now() - min(last_successful_finish)
                FILTER (WHERE proc_name = 'policy_retention'))
                AS "postgres.timescaledb.retention_lag_s"
        FROM timescaledb_information.jobs JOIN timescaledb_information.job_stats USING (job_id)
        WHERE isfinite(last_successful_finish) OR last_run_status = 'Failed'""",
}


@dataclass(slots=True)
class Found:
    """What one run found: metrics by name, details, and what was not allowed to be seen."""

    metrics: dict[str, float] = field(default_factory=dict)
    details: dict[str, Detail] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    is_standby: bool = False


@kind(
    "postgres",
    title="PostgreSQL server",
    component="database",
    headline="postgres.query_ms",
    rules=(
        StockRule(
            metric="postgres.connections.percent",
            title="Connections in use",
            warning=80,
            critical=95,
            unit="%",
            runbook=FULL,
        ),
        StockRule(
            metric="postgres.transactions.longest_s",
            title="Longest transaction",
            warning=300,
            critical=3600,
            unit="s",
            runbook=LONG,
        ),
        StockRule(
            metric="postgres.replication.lag_s",
            title="Replication lag",
            warning=30,
            critical=300,
            unit="s",
            runbook=BEHIND,
        ),
        StockRule(
            metric="postgres.xid_age.percent",
            title="Transaction numbers used up",
            warning=50,
            critical=80,
            unit="%",
            runbook=WRAPAROUND,
        ),
        StockRule(
            metric="postgres.timescaledb.failed_jobs",
            title="Failed jobs of TimescaleDB",
            warning=1,
            runbook=JOBS,
        ),
    ),
)
class PostgresCheck(Check, frozen=True, kw_only=True):
    """A PostgreSQL server answers, is what it should be, and tells how it fares."""

    url: Annotated[str, Meta(description=FORM, max_length=4096)]
    role: Annotated[
        Literal["primary", "standby"] | None, Meta(description="What the server must be")
    ] = None
    size: Annotated[
        bool,
        Meta(description="Measure the database's size, which takes long with very many tables"),
    ] = True
    attempts: Annotated[int, Meta(ge=1, le=10, description="Attempts to connect, 1 s apart")] = 3
    verify: Annotated[
        bool, Meta(description="Require TLS, with a certificate that is trusted and names the host")
    ] = False
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file of the authorities to trust instead of the usual; verifies"),
    ] = None

    def __post_init__(self) -> None:
        """Refuse a URL that is none of PostgreSQL, without repeating it."""
        self._server()

    def __repr__(self) -> str:
        """Without the URL's credentials."""
        return f"PostgresCheck({self.target()!r})"

    async def run(self, deadline: Deadline) -> Measurement:
        """Connect, ask what the login may see, compare the role."""
        server = self._server()
        try:
            found, attempt = await persist(
                lambda: self._look(server, deadline), self.attempts, deadline, server.where
            )
        except SqlError as error:
            return error.measurement()
        left_out: dict[str, Detail] = {"left_out": dict(found.left_out)} if found.left_out else {}
        found.details |= {"attempts": attempt, **left_out}
        return self._judge(server, found, attempt)

    def target(self) -> str:
        """The database and where it is, without credentials."""
        return self._server().where

    def _server(self) -> Postgres:
        parts = parsed(self.url)
        if parts.scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
            raise WrongFields([("url", f"is not of PostgreSQL: use {FORM}")])
        return Postgres(parts, Tls(verify=self.verify, ca_file=self.ca_file))

    async def _look(self, server: Postgres, deadline: Deadline) -> Found:
        found = Found()
        async with server.session(deadline) as session:
            asked = time.perf_counter()
            facts = await session.row(SERVER, deadline)
            found.metrics["postgres.query_ms"] = round(1000 * (time.perf_counter() - asked), 2)
            found.metrics["postgres.connect_ms"] = round(1000 * session.connect_s, 2)
            found.is_standby = facts["standby"]
            role = "standby" if found.is_standby else "primary"
            found.details |= {"version": printable(facts["version"].split()[0]), "role": role}
            for name, query in self._queries(facts, found).items():
                found.metrics |= await _numbers(session, name, query, found, deadline)
            counters = await _numbers(session, "counters", COUNTERS, found, deadline)
            if facts["timescaledb"] is not None:
                await _timescale(session, facts["timescaledb"], found, deadline)
        found.metrics |= _since_before(self.url, counters)
        return found

    def _queries(self, facts: Mapping[str, Any], found: Found) -> dict[str, str]:
        """What to ask this server with this login; what it may not see is noted."""
        queries = EVERYWHERE | (SIZE if self.size else {})
        queries |= STANDBY if found.is_standby else SLOTS
        hidden = FOR_MONITORS | ({} if found.is_standby else PRIMARY)
        if facts["sees_all"]:
            return queries | hidden
        found.left_out |= dict.fromkeys(hidden, f"the login may not see it: {HINT}")
        return queries

    def _judge(self, server: Postgres, found: Found, attempt: int) -> Measurement:
        took_ms, role = found.metrics["postgres.query_ms"], found.details["role"]
        message = (
            f"PostgreSQL {found.details['version']}, {role}, answered in {show(took_ms, 'ms')}"
        )
        is_wrong = self.role is not None and role != self.role
        if is_wrong:
            message = (
                f"{server.where[0].upper()}{server.where[1:]} is a {role}, expected {self.role}"
            )
        elif attempt > 1:
            message += f", reconnected at attempt {attempt}"
            found.details["reconnected"] = True
        return Measurement(
            status=Status.CRITICAL if is_wrong else Status.HEALTHY,
            cause=Cause.WRONG_ANSWER if is_wrong else Cause.NONE,
            message=message,
            response_time_ms=round(took_ms + found.metrics["postgres.connect_ms"], 2),
            metrics=found.metrics,
            details=found.details,
        )


# The counters of the run before, by URL: rates need two readings.
_before: dict[str, tuple[float, Mapping[str, float]]] = {}


def _since_before(url: str, now: Mapping[str, float]) -> dict[str, float]:
    """What happened since the run before; nothing at the first, and after a reset of the counters."""
    at = time.monotonic()
    then, before = _before.get(url, (at, {}))
    if now:
        _before[url] = (at, now)
    change = {name: now[name] - before[name] for name in now if name in before}
    if not change or at <= then or min(change.values()) < 0:
        return {}
    rates = {
        "postgres.deadlocks": change["deadlocks"],
        "postgres.transactions_per_s": round(change["transactions"] / (at - then), 2),
    }
    if blocks := change["blks_hit"] + change["blks_read"]:
        rates["postgres.cache_hit.percent"] = round(100 * change["blks_hit"] / blocks, 1)
    return rates


async def _timescale(session: Session, version: str, found: Found, deadline: Deadline) -> None:
    """What TimescaleDB tells of itself. Written after its documentation: not tested against it."""
    found.details["timescaledb"] = printable(version)
    for name, query in TIMESCALE.items():
        found.metrics |= await _numbers(session, name, query, found, deadline)


async def _numbers(
    session: Session, name: str, query: str, found: Found, deadline: Deadline
) -> dict[str, float]:
    """The numbers of one query by their names; what the server refuses is noted with its reason."""
    import psycopg

    try:
        row = await session.row(query, deadline, share=0.5)
    except psycopg.errors.QueryCanceled:
        found.left_out[name] = "it took too long"
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        found.left_out[name] = printable(error.diag.message_primary or type(error).__name__)
    else:
        return {name: float(value) for name, value in row.items() if value is not None}
    return {}
