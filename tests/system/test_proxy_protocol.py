"""Behind a load balancer that speaks the PROXY protocol, TLS follows the header and clients keep their own addresses."""

import socket
import struct
import unittest

from portal_support import wait_until
from resp_client import Client
from server_pair import PortalBefore, RedisServer

TEXT = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 6379\r\n"
BINARY = (b"\r\n\r\n\x00\r\nQUIT\n\x21\x11" + struct.pack(">H", 12 + 7) + socket.inet_aton("192.0.2.8") + socket.inet_aton("198.51.100.1")
          + struct.pack(">HH", 40001, 6379) + b"\x04\x00\x04none")


class ClientBehindBalancer(Client):
    """A client whose connection begins with `header`, before TLS."""

    def __init__(self, portal, header):
        self.socket = socket.create_connection(("127.0.0.1", portal.tls_port), timeout=20)
        self.socket.sendall(header)
        self.socket = portal.context().wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.buffer = bytearray()
        self.at = 0


class ProxyProtocol(unittest.TestCase):
    def setUp(self):
        self.server = RedisServer()
        self.addCleanup(self.server.stop)
        self.portal = PortalBefore(self.server, tls_listener=", proxy_protocol: true")
        self.addCleanup(self.portal.stop)

    def test_both_versions_tell_the_address_before_tls(self):
        for header, address in ((TEXT, b"addr=192.0.2.7:40000 laddr=198.51.100.1:6379"), (BINARY, b"addr=192.0.2.8:40001 laddr=198.51.100.1:6379")):
            with self.subTest(header=header), ClientBehindBalancer(self.portal, header) as client:
                line = client.command("CLIENT", "INFO")
                self.assertIn(address, line)
                self.assertIn(b"tls=TLSv1.", line)
                with Client(self.portal.port) as admin:
                    self.assertEqual(1, admin.command("CLIENT", "KILL", "ADDR", address[5:address.index(b" ")]))
                self.assertEqual(b"", client.read_closed())

    def test_tls_without_a_header_is_cut_off_and_counted(self):
        with self.assertRaises(OSError):
            Client(self.portal.tls_port, context=self.portal.context())
        wait_until(lambda: "redis_portal_proxy_headers_refused_total 1" in self.portal.metrics(), 5, "it is counted")


if __name__ == "__main__":
    unittest.main()
