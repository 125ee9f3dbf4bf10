"""A small Redis client for tests: RESP2 and RESP3 over TLS with verification, or over plain TCP. Standard library only.

Replies: simple string -> str, bulk string -> bytes, integer -> int, null -> None, array -> list, map -> dict, set -> list,
double -> float, boolean -> bool, error -> RespError (returned, not raised), push -> Push.
"""

import socket
import ssl


class RespError(Exception):
    """An error reply. `kind` is its first word, such as WRONGTYPE."""

    def __init__(self, text):
        super().__init__(text)
        self.text = text
        self.kind = text.split(" ", 1)[0]

    def __eq__(self, other):
        return isinstance(other, RespError) and self.text == other.text

    def __hash__(self):
        return hash(self.text)


class Push(list):
    """An out-of-band message of RESP3."""


class ConnectionClosed(ConnectionError):
    """The other side closed the connection."""


def encode(*words):
    """One command as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


def tls_context(ca_file, version=None):
    """A client's context that trusts only `ca_file`; `version` (ssl.TLSVersion) pins one version."""
    context = ssl.create_default_context(cafile=ca_file)
    if version is not None:
        context.minimum_version = version
        context.maximum_version = version
    return context


class Client:
    """One connection. `context` of None means plain TCP; `name` is what the certificate is verified for."""

    def __init__(self, port, context=None, host="127.0.0.1", name=None, password=None, username=None, timeout=20.0):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if context is not None:
                self.socket = context.wrap_socket(self.socket, server_hostname=name or host)
            self.buffer = bytearray()
            self.at = 0
            if password is not None:
                reply = self.command(*["AUTH", *([username] if username else []), password])
                if reply != "OK":
                    raise AssertionError(f"AUTH answered {reply!r}")
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, *words):
        self.socket.sendall(encode(*words))

    def send_raw(self, data):
        self.socket.sendall(data)

    def command(self, *words):
        self.send(*words)
        return self.read()

    def pipeline(self, commands):
        """Sends all commands in one piece and returns all replies."""
        self.socket.sendall(b"".join(encode(*words) for words in commands))
        return [self.read() for _ in commands]

    def read_closed(self):
        """Reads to the end of the connection and returns the bytes before it; a reset counts as an end."""
        rest = bytes(self.buffer[self.at:])
        try:
            while data := self.socket.recv(65536):
                rest += data
        except (ConnectionError, ssl.SSLEOFError):
            pass
        return rest

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ssl.SSLEOFError:
            data = b""
        if not data:
            raise ConnectionClosed("closed by the other side")
        if self.at > 65536:
            del self.buffer[:self.at]
            self.at = 0
        self.buffer += data

    def _line(self):
        while (end := self.buffer.find(b"\r\n", self.at)) < 0:
            self._more()
        line = bytes(self.buffer[self.at:end])
        self.at = end + 2
        return line

    def _bytes(self, count):
        while len(self.buffer) - self.at < count + 2:
            self._more()
        data = bytes(self.buffer[self.at:self.at + count])
        self.at += count + 2
        return data

    def read(self):
        """The next reply or push message, parsed."""
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return RespError(rest.decode())
        if kind in b":(":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._bytes(int(rest))
        if kind == b"!":
            return RespError(self._bytes(int(rest)).decode())
        if kind == b"=":
            return self._bytes(int(rest))[4:]
        if kind == b"_":
            return None
        if kind == b"#":
            return rest == b"t"
        if kind == b",":
            return float(rest)
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        if kind == b"~":
            return [self.read() for _ in range(int(rest))]
        if kind == b">":
            return Push(self.read() for _ in range(int(rest)))
        if kind == b"%":
            pairs = [(self.read(), self.read()) for _ in range(int(rest))]
            return {key: value for key, value in pairs}
        if kind == b"|":
            for _ in range(2 * int(rest)):
                self.read()
            return self.read()
        raise AssertionError(f"no RESP type begins with {line!r}")
