"""The `mqtt` kind against a real mosquitto with passwords, ACL and TLS, and against hostile brokers."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from domain.facts import Cause, Measurement, Status
from monitor.checks import Deadline
from monitor.checks.mqtt import MqttCheck
from monitor.wire import mqtt
from monitor.wire.visit import Dialogue, Garbled, HungUp, TooMuch
from tests.cases import serve
from tests.monitor.hostile import Fed, Handler, endlessly, hostile, saying

PLACES = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
PROGRAM = shutil.which("mosquitto", path=PLACES)
DYNAMIC_SECURITY = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"), None)
RIGHTS = """
user ada
topic readwrite nocturne/probe/#
topic read $SYS/#
user reader
topic read nocturne/probe/#
user writer
topic write nocturne/probe/#
"""

needs_mosquitto = pytest.mark.skipif(PROGRAM is None, reason="no mosquitto on this machine")


@dataclass(frozen=True)
class Broker:
    """A mosquitto with three ports: with passwords, open to all, with TLS and certificates."""

    process: subprocess.Popen[bytes]
    port: int
    open_port: int
    tls_port: int
    folder: Path


def free() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(folder: Path, settings: str, *ports: int) -> Iterator[subprocess.Popen[bytes]]:
    """A mosquitto with these settings, ended afterwards."""
    (folder / "mosquitto.conf").write_text(settings)
    process = subprocess.Popen(
        [str(PROGRAM), "-c", str(folder / "mosquitto.conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 15
        for port in ports:
            while not accepts(port):
                assert time.monotonic() < end and process.poll() is None, "it does not start"
                time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


def accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def certificates(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("127.0.0.1", "client"):
        issued = authority.issue_cert(name)
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(folder / f"{name}.crt")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder, ports = tmp_path_factory.mktemp("mqtt"), (free(), free(), free())
    certificates(folder)
    (folder / "rights").write_text(RIGHTS)
    (folder / "passwords").touch()
    (folder / "passwords").chmod(0o600)
    maker = str(shutil.which("mosquitto_passwd", path=PLACES))
    for user in ("ada", "reader", "writer"):
        subprocess.run([maker, "-b", str(folder / "passwords"), user, "hunter2"], check=True)
    settings = f"""
user root
per_listener_settings true
sys_interval 1
listener {ports[0]} 127.0.0.1
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/rights
listener {ports[1]} 127.0.0.1
allow_anonymous true
max_qos 1
listener {ports[2]} 127.0.0.1
allow_anonymous true
require_certificate true
cafile {folder}/ca.pem
certfile {folder}/127.0.0.1.crt
keyfile {folder}/127.0.0.1.key
"""
    with running(folder, settings, *ports) as process:
        told = subprocess.run([str(PROGRAM), "-h"], capture_output=True, text=True, check=False)
        serve("mqtt", told.stdout.splitlines()[0].replace(" version", ""))
        yield Broker(process, *ports, folder)


async def run(timeout_s: float = 10, **fields: Any) -> Measurement:
    return await msgspec.convert(fields, MqttCheck).run(Deadline.after(timeout_s))


async def ask_as(broker: Broker, user: str, **fields: Any) -> Measurement:
    return await run(url=f"mqtt://{user}:hunter2@127.0.0.1:{broker.port}", **fields)


@needs_mosquitto
@pytest.mark.case("healthy")
@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_message_that_comes_back_is_healthy(broker: Broker, version: str, qos: int) -> None:
    found = await ask_as(broker, "ada", version=version, qos=qos)

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith("Message came back in ")
    assert found.response_time_ms == found.metrics["mqtt.round_trip_ms"] > 0
    assert set(found.metrics) == {
        "mqtt.dns_ms",
        "mqtt.connect_ms",
        "mqtt.connack_ms",
        "mqtt.subscribe_ms",
        "mqtt.round_trip_ms",
        "mqtt.total_ms",
    }


@needs_mosquitto
@pytest.mark.case("healthy")
async def test_monitors_on_one_topic_do_not_disturb_each_other(broker: Broker) -> None:
    found = await asyncio.gather(
        *(run(host="127.0.0.1", port=broker.open_port, topic="shared/probe") for _ in range(10))
    )

    assert {each.status for each in found} == {Status.HEALTHY}
    assert {each.details["topic"] for each in found} == {"shared/probe"}


@needs_mosquitto
@pytest.mark.case("healthy")
async def test_the_quality_of_service_is_lowered_to_what_is_offered(broker: Broker) -> None:
    found = await run(host="127.0.0.1", port=broker.open_port, qos=2)

    assert found.status is Status.HEALTHY, found.message


@needs_mosquitto
@pytest.mark.case("healthy")
async def test_the_broker_tells_its_statistics_if_asked(broker: Broker) -> None:
    found = await ask_as(broker, "ada", statistics=True)
    untold = await ask_as(broker, "writer", statistics=True, round_trip=False)

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["mqtt.retained_messages"] > 0
    assert {"mqtt.clients", "mqtt.subscriptions", "mqtt.received_per_s"} <= set(found.metrics)
    assert untold.status is Status.HEALTHY
    assert "mqtt.clients" not in untold.metrics


@needs_mosquitto
@pytest.mark.case("healthy")
async def test_without_a_round_trip_a_login_and_a_ping_are_enough(broker: Broker) -> None:
    found = await ask_as(broker, "writer", round_trip=False)

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith("Logged in, ping answered in ")
    assert found.response_time_ms == found.metrics["mqtt.ping_ms"]
    assert MqttCheck(host="h", round_trip=False).headline() == "mqtt.ping_ms"


@needs_mosquitto
@pytest.mark.case("healthy")
async def test_tls_with_a_certificate_of_our_own_is_healthy(broker: Broker) -> None:
    found = await run(
        url=f"mqtts://127.0.0.1:{broker.tls_port}",
        ca_file=str(broker.folder / "ca.pem"),
        cert_file=str(broker.folder / "client.crt"),
        key_file=str(broker.folder / "client.key"),
    )

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["tls.days_left"] > 100
    assert found.metrics["mqtt.tls_ms"] > 0


@needs_mosquitto
@pytest.mark.case("wrong")
@pytest.mark.parametrize("trusted", [False, True])
async def test_a_certificate_that_is_missing_or_not_trusted_is_told(
    broker: Broker, trusted: bool
) -> None:
    fields: dict[str, Any] = {"ca_file": str(broker.folder / "ca.pem")} if trusted else {}

    found = await run(url=f"mqtts://127.0.0.1:{broker.tls_port}", **fields)

    assert found.status is Status.CRITICAL
    # A broker that wants a certificate says so in an alert, which a reset may overtake.
    words = ("certificate required", "hung up") if trusted else ("certificate",)
    assert any(word in found.message for word in words), found.message


@needs_mosquitto
@pytest.mark.case("wrong")
@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("login", [{}, {"username": "ada", "password": "secret"}])
async def test_a_login_that_is_refused_is_told(
    broker: Broker, version: str, login: dict[str, str]
) -> None:
    found = await run(host="127.0.0.1", port=broker.port, version=version, **login)  # type: ignore[arg-type] # mypy takes the fields for timeout_s

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message == f"Login refused by 127.0.0.1:{broker.port}: not authorised"


@needs_mosquitto
@pytest.mark.case("wrong")
async def test_a_user_who_may_not_publish_is_told(broker: Broker) -> None:
    found = await ask_as(broker, "reader", topic="nocturne/probe/x")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message == (
        f'127.0.0.1:{broker.port} refuses the message to "nocturne/probe/x": not authorised'
    )


@needs_mosquitto
@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("user", "version", "qos"), [("reader", "3.1.1", 1), ("writer", "5", 1), ("writer", "5", 0)]
)
async def test_a_message_that_is_dropped_without_a_word_is_told(
    broker: Broker, user: str, version: str, qos: int
) -> None:
    found = await ask_as(
        broker, user, version=version, qos=qos, topic="nocturne/probe/x", timeout_s=1.5
    )

    hint = ", though it was taken: may this user write and read there?" if qos else ""
    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert found.message.startswith(
        f'The message to "nocturne/probe/x" did not come back from 127.0.0.1:{broker.port} within '
    )
    assert re.search(rf" m?s{re.escape(hint)}$", found.message)


@needs_mosquitto
@pytest.mark.skipif(DYNAMIC_SECURITY is None, reason="no mosquitto on this machine with its plugin")
@pytest.mark.case("wrong")
@pytest.mark.parametrize(("version", "reason"), [("5", "not authorised"), ("3.1.1", "no reason")])
async def test_a_user_who_may_not_subscribe_is_told(
    tmp_path: Path, version: str, reason: str
) -> None:
    port, access = free(), {"publishClientSend": True, "subscribe": False}
    rights = tmp_path / "rights.json"
    rights.write_text(json.dumps({"defaultACLAccess": access, "clients": [], "roles": []}))
    settings = f"""
user root
listener {port} 127.0.0.1
allow_anonymous true
plugin {DYNAMIC_SECURITY}
plugin_opt_config_file {rights}
"""
    with running(tmp_path, settings, port):
        found = await run(host="127.0.0.1", port=port, topic="t", version=version)

    assert found.status is Status.CRITICAL
    assert found.message.startswith(f'127.0.0.1:{port} refuses the subscription to "t": {reason}')


@needs_mosquitto
@pytest.mark.case("timeout")
async def test_a_stopped_broker_is_a_time_out(tmp_path: Path) -> None:
    port = free()
    with running(tmp_path, f"listener {port} 127.0.0.1\nuser root\n", port) as process:
        process.send_signal(signal.SIGSTOP)
        found = await run(timeout_s=0.3, host="127.0.0.1", port=port)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert found.message.startswith(f"No answer to CONNECT from 127.0.0.1:{port} within ")


@pytest.mark.case("refused")
async def test_a_refused_port_and_an_unknown_name_are_told(free_port: int) -> None:
    refused = await run(url=f"mqtt://ada:secret@127.0.0.1:{free_port}")
    named = await run(host="no-such-host.invalid")

    assert (refused.status, refused.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert refused.message == f"Connection refused by 127.0.0.1:{free_port}"
    assert named.cause is Cause.NAME_NOT_RESOLVED


async def test_a_file_that_cannot_be_used_is_not_measurable() -> None:
    found = await run(url="mqtts://127.0.0.1", ca_file="/no/such.pem")

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message == "CA file /no/such.pem can't be used: No such file or directory"


# ── Hostile brokers ─────────────────────────────────────────────────────────────────────────────

LET_IN = b"\x20\x03\x00\x00\x00"  # CONNACK of MQTT 5, without properties
SUBSCRIBED = b"\x90\x04\x00\x01\x00\x01"


async def against(handler: Handler, timeout_s: float = 5, **fields: Any) -> Measurement:
    """Run a check against a broker that does this with every connection."""
    async with hostile(handler) as port:
        return await run(timeout_s, host="127.0.0.1", port=port, **fields)


@pytest.mark.case("timeout")
@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (saying(), "No answer to CONNECT"),
        (saying(b"\x20"), "No answer to CONNECT"),
        (saying(b"\x20\x7f\x00"), "No answer to CONNECT"),
        (saying(LET_IN), "No answer to SUBSCRIBE"),
        (saying(LET_IN, SUBSCRIBED), "did not come back"),
        (endlessly(b"\x20\xff\x7f", b"\x00", pause_s=0.01), "No answer to CONNECT"),
        (endlessly(LET_IN + SUBSCRIBED, b"\x30\x04\x00\x01t\x00", pause_s=0.01), "not come back"),
    ],
)
async def test_an_answer_that_never_ends_is_a_time_out(handler: Handler, words: str) -> None:
    clock = asyncio.get_running_loop().time
    start = clock()

    found = await against(handler, timeout_s=0.3)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert words in found.message and " within " in found.message
    assert clock() - start < 1.3


@pytest.mark.case("hostile")
@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "does not speak MQTT"),
        (saying(b"\x20\xff\xff\xff\xff\x01"), "does not speak MQTT: a length never ends"),
        (saying(b"\x20\xff\xff\xff\x7f"), "answers CONNECT with more than 262 kB"),
        (saying(b"\x30\x04\x00\x01t\x00"), "does not speak MQTT: its first answer is no CONNACK"),
        (saying(LET_IN, b"\xe0\x00"), "ended the session at SUBSCRIBE: no reason given"),
        (saying(b"\x20\x00"), "a packet is shorter than it says"),
        (saying(b"\x20\x04\x00\x00\x7f\x00"), "a packet is shorter than it says"),
        (saying(b"\x20\x05\x00\x00\x02\x7f\x00"), "there is no property 0x7F"),
        (saying(then_silent=False), "hung up without an answer to CONNECT"),
        (saying(LET_IN, then_silent=False), "hung up without an answer to SUBSCRIBE"),
        (
            saying(LET_IN, SUBSCRIBED, b"", then_silent=False),
            "hung up without an answer to PUBLISH",
        ),
        (saying(LET_IN, b"\x90\x04\x00\x09\x00\x01"), "it acknowledges what was not asked for"),
        (saying(LET_IN, b"\x90\x03\x00\x01\x00"), "it does not acknowledge every topic"),
        (saying(LET_IN, LET_IN), "it sends a packet of type 2 in place of SUBACK"),
        (saying(LET_IN, b"\xe0\x01\x8b"), "ended the session at SUBSCRIBE: server shutting down"),
        (endlessly(LET_IN, b"\xd0\x00" * 1000), "it sends a packet of type 13 in place of SUBACK"),
        (
            endlessly(LET_IN, b"\x30\x04\x00\x01t\x00" * 1000),
            "does not speak MQTT: it sends more than 2000 packets",
        ),
        (
            endlessly(LET_IN, b"\x30\x84\x80\x01\x00\x01t\x00" + b"x" * 16384),
            "answers SUBSCRIBE with more than 262 kB",
        ),
    ],
)
async def test_what_is_no_broker_is_told(handler: Handler, words: str) -> None:
    found = await against(handler, topic="probe")

    assert found.status is Status.CRITICAL
    assert words in found.message
    assert len(found.message) < 300 and found.message.isprintable()


@pytest.mark.case("hostile")
async def test_endless_messages_cost_no_memory() -> None:
    await against(saying(LET_IN, then_silent=False))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    await against(endlessly(LET_IN + SUBSCRIBED, b"\x30\x84\x80\x01\x00\x01t\x00" + b"x" * 16384))

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("version", "answer", "message"),
    [
        ("3.1.1", b"\x20\x02\x00\x04", "bad user name or password"),
        ("3.1.1", b"\x20\x02\x00\x02", "client identifier not valid"),
        ("3.1.1", b"\x20\x02\x00\x63", "reason code 0x63"),
        ("5", b"\x20\x03\x00\x86\x00", "bad user name or password"),
        ("5", b"\x20\x08\x00\x89\x05\x1f\x00\x02a\x00", "server busy (a)"),
        ("5", b"\x20\x02\x00\x01", 'it does not speak this version of MQTT: set version = "3.1.1"'),
    ],
)
async def test_why_a_login_is_refused_is_said_in_words(
    version: str, answer: bytes, message: str
) -> None:
    found = await against(saying(answer), version=version)

    assert found.message.endswith(f": {message}")
    assert found.message.startswith("Login refused by 127.0.0.1:")


async def test_a_broker_that_hangs_up_over_statistics_is_healthy_without_them() -> None:
    found = await against(
        saying(LET_IN, b"\xd0\x00", b"", then_silent=False), round_trip=False, statistics=True
    )

    assert found.status is Status.HEALTHY, found.message
    assert found.details["no statistics"] == "the broker hung up"


async def test_a_run_that_is_cancelled_hangs_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        check = MqttCheck(host="127.0.0.1", port=listener.getsockname()[1])
        running = asyncio.create_task(check.run(Deadline.after(30)))
        await asyncio.sleep(0.1)

        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(5)
            while accepted.recv(65536):
                pass  # ends when the check has hung up, else with the time-out


# ── The protocol ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "encoded"),
    [(0, "00"), (127, "7f"), (128, "8001"), (16384, "808001"), (268435455, "ffffff7f")],
)
def test_a_length_is_written_and_read_as_the_standard_says(value: int, encoded: str) -> None:
    assert mqtt.encode_length(value).hex() == encoded
    assert mqtt.Body(bytes.fromhex(encoded)).length() == value


def test_a_login_is_sent_as_the_standard_says() -> None:
    connection = Fed([LET_IN])
    session = mqtt.Session(Dialogue(connection, 1000), version="5", heard=lambda *_: None)

    offered = asyncio.run(session.connect("id", "ada", "pw"))

    assert offered == 2
    assert connection.sent == (
        b"\x10\x18\x00\x04MQTT\x05\xc2\x00\x3c\x00" + b"\x00\x02id" + b"\x00\x03ada" + b"\x00\x02pw"
    )


PACKETS = st.builds(
    lambda first, body: bytes([first, len(body)]) + body,
    st.sampled_from([0x20, 0x30, 0x32, 0x34, 0x40, 0x50, 0x62, 0x70, 0x90, 0xD0, 0xE0]),
    st.one_of(
        st.sampled_from([LET_IN[2:], SUBSCRIBED[2:], b"\x00\x01", b"\x00\x01\x90\x00"]),
        st.binary(max_size=40),
    ),
)


@given(st.sampled_from(["5", "3.1.1"]), st.lists(st.one_of(PACKETS, st.binary(max_size=9))))
def test_whatever_comes_is_an_answer_or_an_error_of_ours(version: str, pieces: list[bytes]) -> None:
    async def talk() -> None:
        connection = Fed([LET_IN, *(piece for piece in pieces if piece)])
        session = mqtt.Session(Dialogue(connection, 2000), version=version, heard=lambda *_: None)
        await session.connect("id", None, None)
        await session.subscribe(["a"], 1)
        await session.publish("a", b"x", 2)
        await session.hear(lambda: True)

    with suppress(mqtt.Refused, Garbled, HungUp, TooMuch):
        asyncio.run(talk())


# ── Fields ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "url or host must be given"),
        ({"url": "ws://h"}, "must begin with mqtt:// or mqtts://"),
        ({"url": "mqtt://h/topic"}, "url ends with the port"),
        ({"host": "h", "password": "secret"}, "username is missing beside the password"),
        ({"host": "h", "topic": "a/+/b"}, "topic"),
        ({"host": "h", "topic": "a/#"}, "topic"),
        ({"host": "h", "topic": "$SYS/x"}, "topic"),
        ({"host": "h", "topic": ""}, "topic"),
        ({"host": "h", "qos": 3}, "qos"),
        ({"host": "h", "version": "3.1"}, "version"),
        ({"host": "h", "client_id": ""}, "client_id"),
        ({"url": "mqtt://h", "cert_file": "x"}, "cert_file has no effect without TLS"),
    ],
)
def test_fields_that_cannot_work_are_refused_with_the_reason(
    fields: dict[str, object], reason: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason) as refused:
        msgspec.convert(fields, MqttCheck)

    assert "secret" not in str(refused.value)


def test_neither_target_nor_repr_shows_a_secret() -> None:
    check = MqttCheck(url="mqtts://ada:secret@broker")

    assert check.target() == "mqtts://broker:8883"
    assert MqttCheck(host="broker").target() == "mqtt://broker:1883"
    assert "secret" not in f"{check!r}{check.endpoint()!r}"


def test_stock_rules_are_on_the_round_trip_and_the_certificate() -> None:
    levels = {r.metric: (r.warning, r.critical) for r in MqttCheck(host="h").stock_rules()}

    assert levels == {"mqtt.round_trip_ms": (500, 2000), "tls.days_left": (21, 7)}
    assert all("First look: " in rule.runbook for rule in MqttCheck(host="h").stock_rules())
