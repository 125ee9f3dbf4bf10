"""The few Redis commands that the comparison sends itself, over a plain or a TLS socket."""

import socket
import ssl

_TLS_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def tls_context(ca_file, version="1.3"):
    """A client's context that speaks this one TLS version and verifies the server."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = context.maximum_version = _TLS_VERSIONS[version]
    return context


def open_socket(port, context=None, session=None):
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is None:
        return plain
    try:
        return context.wrap_socket(plain, server_hostname="localhost", session=session)
    except BaseException:
        plain.close()
        raise


def ask(connection, *words):
    """Sends one command; returns a simple reply's line, or a bulk reply's bytes."""
    request = b"*%d\r\n" % len(words)
    for word in words:
        data = word if isinstance(word, bytes) else word.encode()
        request += b"$%d\r\n%s\r\n" % (len(data), data)
    connection.sendall(request)
    received = b""
    while b"\r\n" not in received:
        received += _some(connection)
    line, rest = received.split(b"\r\n", 1)
    if line[:1] != b"$" or line == b"$-1":
        return line
    length = int(line[1:])
    while len(rest) < length + 2:
        rest += _some(connection)
    return rest[:length]


def _some(connection):
    data = connection.recv(1 << 16)
    if not data:
        raise ConnectionError("the connection was closed before the reply was complete")
    return data


def answers_ping(port, context=None):
    with open_socket(port, context) as connection:
        return ask(connection, "PING") == b"+PONG"
