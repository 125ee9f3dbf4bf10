"""A client that closes its sending side behind its requests gets what Redis would give it, plain and over TLS, and keeps nothing.

Redis answers what it can answer at once, and lets go who is blocked when it reads the end of what the client sends.
"""

import socket
import ssl
import unittest

from portal_support import wait_until
from resp_client import Client, encode
from server_pair import PortalBefore, RedisServer

# What comes before the blocking command must be answered by Redis whatever its timing.
CONVERSATIONS = {
    "quick commands": b"SET k v\r\nGET k\r\nPING\r\n",
    "a list that holds something": b"DEL q\r\nRPUSH q a b c\r\nBLPOP q 0\r\nGET k\r\nBLPOP q 0\r\nBLMOVE q p LEFT LEFT 0\r\nPING\r\n",
    "an empty list": b"DEL q\r\nBLPOP q 0\r\nPING\r\n",
    "an empty list behind a WATCH": b"DEL q\r\nWATCH k\r\nPING\r\nBLPOP q 0\r\nMULTI\r\nGET k\r\nEXEC\r\n",
    "a transaction": b"MULTI\r\nSET k v\r\nGET k\r\nEXEC\r\nPING\r\n",
    "a transaction behind a WATCH": b"WATCH k\r\nGET k\r\nMULTI\r\nSET k w\r\nBLPOP q 0\r\nEXEC\r\nGET k\r\n",
    "one without its EXEC": b"MULTI\r\nSET k x\r\n",
    "scripts": b"EVAL 'return {1,2}' 0\r\nSCRIPT EXISTS 0\r\nEVAL 'return redis.call(\"get\",\"k\")' 0\r\nPING\r\n",
    "a wait for replicas": b"SET k v\r\nWAIT 1 0\r\n",
    "what needs a link of its own behind a pop that is answered": b"RPUSH q e\r\nHELLO 3\r\nBLPOP q 0\r\nCLIENT TRACKING ON\r\nSET x 1\r\nGET x\r\n",
    "a write behind a pop that is answered": b"RPUSH q e\r\nWATCH k\r\nBLPOP q 0\r\nMULTI\r\nSET x 1\r\nEXEC\r\nGET x\r\n",
    "subscriptions": b"HELLO 3\r\nSUBSCRIBE c\r\nPUBLISH c m\r\nPING\r\n",
    "a database of its own": b"SELECT 3\r\nSET k three\r\nSELECT 0\r\nGET k\r\n",
    "half a request": b"GET k\r\n*2\r\n$3\r\nGET\r\n$1",
    "half a large request": b"GET k\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n" + b"x" * 500000,
    "a large request": encode("SET", "big", b"x" * 1000000) + encode("STRLEN", "big"),
}


def answer(port, data):
    """All that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def answer_over_tls(port, context, data, alert):
    """The same; `alert`: the end is said by TLS's own close alert and nothing else."""
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(received, sent, server_hostname="127.0.0.1")
    out = []
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        def carry(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    if sent.pending:
                        connection.sendall(sent.read())
                    more = connection.recv(65536)
                    received.write(more) if more else received.write_eof()
        carry(tls.do_handshake)
        tls.write(data)
        if alert:
            try:
                tls.unwrap()
            except ssl.SSLWantReadError:
                pass
        connection.sendall(sent.read())
        if not alert:
            connection.shutdown(socket.SHUT_WR)
        try:
            while piece := carry(lambda: tls.read(65536)):
                out.append(piece)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            pass
        return b"".join(out)


class HalfClosedClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = RedisServer()
        cls.addClassCleanup(cls.server.stop)
        cls.portal = PortalBefore(cls.server)
        cls.addClassCleanup(cls.portal.stop)
        cls.node = Client(cls.server.port)
        cls.addClassCleanup(cls.node.close)

    def blocked(self):
        return int(self.node.command("INFO", "clients").decode().split("blocked_clients:")[1].split()[0])

    def check(self, ask):
        for name, data in CONVERSATIONS.items():
            with self.subTest(name):
                self.node.command("FLUSHALL")
                direct = answer(self.server.port, data)
                self.node.command("FLUSHALL")
                through = ask(data)
                if "HELLO" in data.decode("latin-1"):  # which names the connection
                    direct, through = direct[direct.index(b"modules"):], through[through.index(b"modules"):]
                self.assertEqual(direct, through)
        wait_until(lambda: self.blocked() == 0, 10, "nobody is blocked at the node any more")
        self.node.command("RPUSH", "q", "element")
        self.assertEqual(1, self.node.command("LLEN", "q"), "nobody who has left takes an element")

    def test_get_what_redis_gives(self):
        self.check(lambda data: answer(self.portal.port, data))

    def test_get_it_over_tls_that_ends_by_an_alert(self):
        self.check(lambda data: answer_over_tls(self.portal.tls_port, self.portal.context(), data, alert=True))

    def test_get_it_over_tls_that_is_cut_off(self):
        self.check(lambda data: answer_over_tls(self.portal.tls_port, self.portal.context(), data, alert=False))

    def test_get_more_than_redis_gives_where_it_takes_long_to_send(self):
        self.node.command("SET", "big", b"x" * 100000)
        self.assertEqual(300 * len(b"$100000\r\n" + b"x" * 100000 + b"\r\n"), len(answer(self.portal.port, b"GET big\r\n" * 300)))

    def test_leave_no_link_behind(self):
        for _ in range(30):
            self.assertEqual(b"", answer(self.portal.port, b"BLPOP nothing 0\r\n"))
        wait_until(lambda: self.blocked() == 0, 10, "nobody is blocked")
        self.assertIn("redis_portal_client_connections 0", self.portal.metrics().replace(".0\n", "\n"))


if __name__ == "__main__":
    unittest.main()
