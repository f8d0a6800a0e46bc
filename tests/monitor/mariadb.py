"""A real MariaDB on a free port, made and ended by the tests that need it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql  # type: ignore[import-untyped]  # it has none, and we only test with it

from tests.monitor.http_servers import certificate

PATHS = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
PROGRAM = shutil.which("mariadbd", path=PATHS)
SHARE = next(
    (each for each in map(Path, ("/usr/share/mysql", "/usr/share/mariadb")) if each.is_dir()), None
)
# mariadb-install-db wants a program of another package for what these lines do.
FIRST = ("create database mysql;", "use mysql;", "SET @auth_root_socket=NULL;")
SCRIPTS = (
    "mysql_system_tables.sql",
    "mysql_performance_tables.sql",
    "mysql_system_tables_data.sql",
)
SMALL = ("--innodb-log-file-size=4M", "--innodb-buffer-pool-size=8M", "--skip-log-bin")
MISSING = "no mariadbd on this machine" if PROGRAM is None or SHARE is None else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MariaDb:
    """A running server with TLS: `ada` with the password `secret` may read the database `sales`."""

    port: int
    version: str
    socket: str
    certificate: Path

    def url(self, more: str = "", user: str = "ada:secret") -> str:
        """The URL of its database `sales`; `more` are parameters."""
        return f"mysql://{user}@127.0.0.1:{self.port}/sales{more}"

    @contextmanager
    def connected(self, user: str = "root", password: str = "") -> Iterator[pymysql.cursors.Cursor]:
        """A cursor of another client library than ours."""
        connection = pymysql.connect(
            host="127.0.0.1", port=self.port, user=user, password=password, autocommit=True
        )
        try:
            yield connection.cursor()
        finally:
            connection.close()


@contextmanager
def mariadb(folder: Path, port: int, *options: str) -> Iterator[MariaDb]:
    """Start one in the folder, wait until it answers, end it afterwards."""
    assert PROGRAM and SHARE
    data = folder / "data"
    data.mkdir()
    file = certificate(folder, 30)
    base = [PROGRAM, "--no-defaults", f"--datadir={data}", *SMALL]
    if os.geteuid() == 0:
        base.append("--user=root")
    script = "\n".join([*FIRST, *((SHARE / name).read_text(encoding="utf-8") for name in SCRIPTS)])
    subprocess.run(
        [*base, "--bootstrap"], input=script.encode(), check=True, capture_output=True, timeout=60
    )
    place = f"{folder}/s"
    listening = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={place}"]
    listening += [f"--ssl-cert={file}", f"--ssl-key={file}"]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([*base, *listening, *options], stdout=log, stderr=log)
    try:
        _wait(port, process)
        server = MariaDb(port=port, version=_version(port), socket=place, certificate=file)
        _fill(server)
        yield server
    finally:
        process.kill()
        process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("MariaDB did not start")


def _version(port: int) -> str:
    connection = pymysql.connect(host="127.0.0.1", port=port, user="root")
    version = str(connection.get_server_info())
    connection.close()
    return version.partition("-MariaDB")[0].removeprefix("5.5.5-")


def _fill(server: MariaDb) -> None:
    with server.connected() as cursor:
        for statement in (
            "CREATE DATABASE sales",
            "CREATE TABLE sales.orders (id INT, total DECIMAL(9,2), note TEXT)",
            "INSERT INTO sales.orders VALUES (1, 2.50, 'first'), (2, NULL, NULL), (3, 9, 'Ä')",
            "CREATE USER ada@'%' IDENTIFIED BY 'secret'",
            "GRANT ALL ON sales.* TO ada@'%'",
        ):
            cursor.execute(statement)
