"""The TLS side of a portal: versions, verification, and clients that are not TLS clients or never finish."""

import secrets
import socket
import ssl
import tempfile
import time
import unittest
import warnings

from portal_support import DemoTestCase, report, wait_until
from resp_client import Client, tls_context

HANDSHAKE_TIME = 1.0


class TlsFront(DemoTestCase):
    @classmethod
    def setUpClass(cls):
        secret = tempfile.NamedTemporaryFile(mode="w")
        cls.addClassCleanup(secret.close)
        secret.write(secrets.token_urlsafe(48))
        secret.flush()
        cls.settings = ["limits.handshake_time=1s", f"tickets.secret_file={secret.name}"]
        super().setUpClass()

    @property
    def portal(self):
        return self.demo.portals[0]

    def failures(self, reason):
        return self.portal.metric("redis_portal_tls_handshake_failures_total", reason=reason)

    def read_to_end(self, connection):
        """All bytes until the portal closes; a reset is an end too."""
        data = b""
        try:
            while part := connection.recv(4096):
                data += part
        except ConnectionResetError:
            pass
        return data

    def test_a_client_may_use_tls_1_2_or_1_3(self):
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            client = self.client(context=tls_context(self.demo.ca_file, version))
            self.assertEqual(name, client.socket.version())
            self.assertEqual("PONG", client.command("PING"))

    def test_a_client_with_tls_1_1_is_refused_and_counted(self):
        before = self.failures("version")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context = tls_context(self.demo.ca_file, ssl.TLSVersion.TLSv1_1)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises(ssl.SSLError) as caught:
            Client(self.portal.port, context=context)
        self.assertIn("PROTOCOL_VERSION", str(caught.exception).upper().replace(" ", "_"))
        wait_until(lambda: self.failures("version") > before, 5, "the refusal is counted")

    def test_the_certificate_holds_for_name_and_address(self):
        for name in ("localhost", "127.0.0.1"):
            self.assertEqual("PONG", self.client(name=name).command("PING"))
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.client(name="redis.example.org")

    def test_the_certificate_is_ecdsa(self):
        context = ssl._create_unverified_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("aRSA")
        with self.assertRaises(ssl.SSLError):
            Client(self.portal.port, context=context)

    def test_a_client_that_trusts_another_authority_refuses_the_portal(self):
        with self.assertRaises(ssl.SSLCertVerificationError):
            Client(self.portal.port, context=ssl.create_default_context())

    def test_plain_text_on_the_tls_port_is_closed_and_counted(self):
        before = self.failures("plaintext")
        started = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.portal.port), timeout=10) as connection:
            connection.sendall(b"PING\r\n")
            self.read_to_end(connection)
        took = time.monotonic() - started
        report(f"plain text was closed after {took * 1000:.0f} ms")
        self.assertLess(took, HANDSHAKE_TIME + 2)
        wait_until(lambda: self.failures("plaintext") > before, 5, "it is counted")

    def test_a_client_that_never_finishes_its_handshake_is_closed_in_time_and_counted(self):
        hello = self.client_hello()
        for name, first_bytes in (("sends nothing", b""), ("stops inside its hello", hello[:40]), ("stops after its hello", hello)):
            with self.subTest(name):
                before = self.failures("timeout")
                started = time.monotonic()
                with socket.create_connection(("127.0.0.1", self.portal.port), timeout=10) as connection:
                    connection.sendall(first_bytes)
                    self.read_to_end(connection)
                took = time.monotonic() - started
                report(f"a client that {name} was closed after {took * 1000:.0f} ms")
                self.assertGreater(took, HANDSHAKE_TIME * 0.8)
                self.assertLess(took, HANDSHAKE_TIME + 2)
                wait_until(lambda: self.failures("timeout") > before, 5, "it is counted")
        self.assertEqual("PONG", self.client().command("PING"))

    def test_a_client_that_moves_to_the_other_portal_resumes_its_session(self):
        def ask(portal, context, session):
            with socket.create_connection(("127.0.0.1", portal.port), timeout=10) as connection:
                with context.wrap_socket(connection, server_hostname="localhost", session=session) as tls:
                    tls.sendall(b"PING\r\n")
                    self.assertTrue(tls.recv(64))  # tickets of TLS 1.3 come with the first bytes
                    return tls.session, tls.session_reused

        resumed_before = self.demo.portals[1].metric("redis_portal_tls_resumed_handshakes_total")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version.name):
                context = tls_context(self.demo.ca_file, version)
                session, reused = ask(self.demo.portals[0], context, None)
                self.assertFalse(reused)
                _, reused = ask(self.demo.portals[1], context, session)
                self.assertTrue(reused)
        resumed = self.demo.portals[1].metric("redis_portal_tls_resumed_handshakes_total")
        self.assertEqual(2, resumed - resumed_before)

    def client_hello(self):
        """The first flight of a real client."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = tls_context(self.demo.ca_file).wrap_bio(incoming, outgoing, server_hostname="localhost")
        with self.assertRaises(ssl.SSLWantReadError):
            tls.do_handshake()
        return outgoing.read()

    def test_an_established_session_outlives_the_handshake_time(self):
        client = self.client()
        closed = time.monotonic() + HANDSHAKE_TIME + 0.5
        while time.monotonic() < closed:
            self.assertEqual("PONG", client.command("PING"))


if __name__ == "__main__":
    unittest.main()
