"""Whether the web process can have its port, and whether it answers there."""

from __future__ import annotations

import http.client
import socket

ANSWER_S = 1.0


def refusal(host: str, port: int) -> str | None:
    """The sentence that tells why nothing can listen there; None when the port is free."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as listener:
            # Connections that ended a moment ago do not keep the port from a server.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1)
    except socket.gaierror as error:
        return f"[web] host {host} is not an address of this machine: {error.strerror}"
    except OSError as error:
        return (
            f"port {port} on {host} cannot be used ({(error.strerror or str(error)).lower()}): "
            "end the program that uses it, or choose another [web] port (NOCTURNE_WEB__PORT)"
        )
    return None


def resolves(host: str) -> bool:
    """Whether a host is an IP address or a name that has one."""
    try:
        socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return True


def answers(host: str, port: int, path: str = "/health/live") -> bool:
    """Whether a web server answers 200 at `path` within a second."""
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
