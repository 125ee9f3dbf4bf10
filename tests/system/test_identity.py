"""Clients log in with tokens of an issuer (a stand-in, tests/support/token_issuer.py) as users of real redis-servers."""

import base64
import json
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from mounted_portal import Mount, MountedPortal
from portal_support import PROGRAM, demo_for, report, wait_until
from resp_client import ConnectionClosed, RespError

try:
    from token_issuer import Issuer, Key
except ImportError as missing:  # python3-cryptography
    raise unittest.SkipTest(f"needs Debian's python3-cryptography: {missing}")
try:
    import redis
    from redis.credentials import CredentialProvider
except ImportError:
    redis = None

AUDIENCE = "redis://orders"
USERS = {"app": "~app:* &app:* +@all -acl +acl|whoami", "reports": "~* +@read +@connection +acl|whoami", "shop:cart": "~cart:* &cart:* +@all -acl +acl|whoami"}
RULES = [{"when": {"groups": ["analysts", "auditors"]}, "user": "reports"},
         {"when": {"sub": "alice"}, "user": "app"},
         {"when": {"sub": "system:serviceaccount:*"}, "user": "{kubernetes.io/namespace}:{kubernetes.io/serviceaccount/name}"}]
WRONGPASS = "WRONGPASS invalid username-password pair or user is disabled."


class Identity(unittest.TestCase):
    def setUp(self):
        self.demo = demo_for(self, portals=1)
        self.issuer = Issuer()
        self.secrets = {name: f"{name}-secret-of-the-portal" for name in USERS}
        for node in self.demo.nodes:
            with_node = node.client()
            for name, rights in USERS.items():
                self.assertEqual("OK", with_node.command("ACL", "SETUSER", name, "on", f">{self.secrets[name]}", *rights.split()))
            with_node.close()
        folder = self.demo.dir / "identity"
        files = {"jwks.json": self.issuer.jwks()} | {f"{number}.secret": self.secrets[name] for number, name in enumerate(USERS)}
        self.files = Mount(folder, files)
        self.contents = files
        self.identity = {"issuers": [{"name": "main", "issuer": self.issuer.url, "audience": AUDIENCE, "jwks": str(folder / "jwks.json"), "leeway": "0s"}],
                         "users": [{"name": name, "password_file": str(folder / f"{number}.secret")} for number, name in enumerate(USERS)],
                         "rules": RULES, "grace": "0s"}
        self.portal = MountedPortal(self.demo, identity=self.identity)
        self.addCleanup(self.portal.stop)

    def token(self, seconds=600, **claims):
        return self.issuer.token(seconds, **({"aud": [AUDIENCE], "sub": "alice"} | claims))

    def connect(self):
        client = self.portal.client(password=None)
        self.addCleanup(client.close)
        return client

    def login(self, token, user="anybody"):
        client = self.connect()
        self.assertEqual("OK", client.command("AUTH", user, token))
        return client

    def ends(self, client, within):
        began = time.monotonic()
        said = client.read()
        self.assertIsInstance(said, RespError)
        self.assertEqual("NOAUTH", said.kind)
        with self.assertRaises(ConnectionClosed):
            client.read()
        self.assertLess(time.monotonic() - began, within)

    def logins(self, result, issuer="main"):
        return self.portal.metric("redis_portal_token_logins_total", issuer=issuer, result=result)

    def test_each_rule_gives_its_user_with_its_rights_and_no_more(self):
        for key in self.issuer.keys:
            client = self.login(self.token(key=key))
            self.assertEqual(b"app", client.command("ACL", "WHOAMI"))
            self.assertEqual("OK", client.command("SET", "app:1", "x"))
            self.assertEqual("NOPERM", client.command("SET", "other", "x").kind)
        client = self.login(self.token(groups=["x", "auditors"]))
        self.assertEqual(b"x", client.command("GET", "app:1"))
        self.assertEqual("NOPERM", client.command("SET", "app:1", "y").kind)
        pod = {"sub": "system:serviceaccount:shop:cart", "kubernetes.io": {"namespace": "shop", "serviceaccount": {"name": "cart"}}}
        client = self.connect()
        self.assertEqual(3, client.command("HELLO", 3, "AUTH", "default", self.token(**pod), "SETNAME", "pod")[b"proto"])
        self.assertEqual("OK", client.command("SET", "cart:1", "x"))
        self.assertIn(b"user=shop:cart", client.command("CLIENT", "INFO"))
        self.assertEqual(5, self.logins("accepted"))
        self.assertEqual(5, self.portal.metric("redis_portal_token_sessions", issuer="main"))

    def test_what_a_forger_would_send_is_refused_in_redis_words_and_reaches_no_log(self):
        good = self.token()
        head, body, signature = good.split(".")
        other_body = body[:20] + ("A" if body[20] != "A" else "B") + body[21:]
        encode = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
        stranger = Key("RS256", self.issuer.keys[0].name)
        bad = {"no signature": f"{encode({'alg': 'none'})}.{body}.", "other claims": f"{head}.{other_body}.{signature}",
               "a shared secret": f"{encode({'alg': 'HS256', 'kid': self.issuer.keys[0].name})}.{body}.{signature}",
               "another's key": self.token(key=stranger), "an unknown key": self.token(key=Key("ES256", "new")),
               "for others": self.token(aud="redis://stock"), "for nobody": self.token(aud=None), "over": self.token(-1), "without an end": self.token(exp=None),
               "not yet": self.token(nbf=time.time() + 60), "from the future": self.token(iat=time.time() + 3600), "no rule": self.token(sub="eve"),
               "crit": self.token(header={"alg": "RS256", "kid": "rs256-1", "crit": ["x"]}), "large": self.token(x="a" * 9000),
               "deep": self.token(x=json.loads("[" * 20 + "]" * 20)), "no user": self.token(sub="system:serviceaccount:a:b", **{"kubernetes.io": {"namespace": "a", "serviceaccount": {"name": "b"}}})}
        client = self.connect()
        for what, token in bad.items():
            answer = client.command("AUTH", "app", token)
            self.assertEqual(WRONGPASS, getattr(answer, "text", answer), what)
        self.assertEqual(len(bad), self.logins("refused") + self.logins("refused", "other"))
        self.assertEqual("OK", client.command("AUTH", "app", good))
        log = self.portal.log.read_text()
        self.assertIn("a login by token was refused", log)
        for token in [good, *bad.values()]:
            for part in token.split("."):
                self.assertFalse(part and part in log, "a part of a token is in the log")
        for secret in self.secrets.values():
            self.assertNotIn(secret, log)

    def test_passwords_are_judged_by_redis_as_ever(self):
        client = self.connect()
        self.assertEqual("WRONGPASS", client.command("AUTH", "app", "wrong").kind)
        self.assertEqual("OK", client.command("AUTH", "app", self.secrets["app"]))
        self.assertEqual(b"app", client.command("ACL", "WHOAMI"))
        other = Issuer(url="https://elsewhere.test").token(aud=AUDIENCE, sub="alice")
        self.assertEqual("WRONGPASS", client.command("AUTH", "app", other).kind)
        self.assertEqual(0, self.logins("accepted"))

    def test_a_session_ends_with_its_token_and_is_extended_by_the_next(self):
        short, renewed = self.login(self.token(1)), self.login(self.token(1))
        blocked, listener = self.login(self.token(1)), self.login(self.token(1))
        blocked.send("BLPOP", "app:queue", 0)
        self.assertEqual([b"subscribe", b"app:c", 1], list(listener.command("SUBSCRIBE", "app:c")))
        self.assertEqual("OK", renewed.command("SET", "app:1", "x"))
        self.assertEqual("OK", renewed.command("AUTH", "x", self.token()))
        self.ends(short, 2)
        self.ends(listener, 2)
        with self.assertRaises(ConnectionClosed):
            blocked.read()
        self.assertEqual(b"x", renewed.command("GET", "app:1"))
        self.assertEqual(3, self.portal.metric("redis_portal_client_connections_closed_total", reason="token"))

    def test_a_login_within_a_transaction_waits_for_exec(self):
        client = self.login(self.token())
        self.assertEqual("OK", client.command("MULTI"))
        self.assertEqual("QUEUED", client.command("AUTH", "x", self.token(groups="auditors")))
        self.assertEqual("QUEUED", client.command("SET", "app:1", "y"))
        answer = client.command("EXEC")
        self.assertEqual("OK", answer[0])
        self.assertEqual("NOPERM", answer[1].kind)
        self.assertIsNone(client.command("GET", "app:1"))
        self.assertEqual(b"reports", client.command("ACL", "WHOAMI"))

    def test_what_a_reload_takes_away_ends_within_a_second(self):
        alice, auditor = self.login(self.token()), self.login(self.token(groups="auditors", key=self.issuer.keys[1]))
        password = self.connect()
        self.assertEqual("OK", password.command("AUTH", "app", self.secrets["app"]))
        before = self.portal.reloads("success")
        self.portal.configure(identity=self.identity | {"rules": RULES[:1] + RULES[2:]})
        self.ends(alice, 3)
        wait_until(lambda: self.portal.reloads("success") > before, 5, "the reload")
        self.assertIsNone(auditor.command("GET", "app:none"))
        self.issuer.keys.pop(1)
        self.files.swap(self.contents | {"jwks.json": self.issuer.jwks()})
        self.ends(auditor, 3)
        self.assertEqual("OK", password.command("SET", "app:1", "x"))
        self.files.swap(self.contents | {"jwks.json": "{}"})
        wait_until(lambda: self.portal.reloads("refused") == 1, 40, "a broken JWKS is refused")
        self.assertEqual("OK", self.login(self.token(groups="auditors")).command("AUTH", "x", self.token(groups="auditors")))

    def test_a_leader_that_dies_costs_no_session(self):
        client = self.login(self.token())
        self.assertEqual("OK", client.command("SET", "app:1", "x"))
        self.demo.wait_replicated()
        self.demo.change_leader(kill=True)
        self.assertEqual(b"x", client.command("GET", "app:1"))
        self.assertEqual(b"app", client.command("ACL", "WHOAMI"))

    def test_renewal_under_load_costs_no_error(self):
        """Eight clients write all the time, and each logs in anew at half of its token's life, ten times."""
        failures, written = [], [0] * 8

        def work(number):
            try:
                client = self.login(self.token(3.0))
                for _ in range(20):
                    until = time.monotonic() + 1.5
                    while time.monotonic() < until:
                        self.assertEqual(written[number] + 1, client.command("INCR", f"app:{number}"))
                        written[number] += 1
                    self.assertEqual("OK", client.command("AUTH", "x", self.token(3.0)))
            except Exception as failure:
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual([], failures)
        report(f"{sum(written)} writes of 8 clients while each logged in anew 20 times, in ten lifetimes of its token: no error")

    @unittest.skipIf(redis is None, "needs a redis-py with credential providers")
    def test_redis_py_renews_by_its_credential_provider(self):
        case = self

        class Provider(CredentialProvider):
            def get_credentials(self):
                return "anybody", case.token(1.0)

        client = redis.Redis(port=self.portal.port, ssl=True, ssl_ca_certs=str(self.demo.ca_file), credential_provider=Provider(), protocol=3)
        until, done = time.monotonic() + 10, 0
        while time.monotonic() < until:
            client.incr("app:redis-py")
            done += 1
            if done % 200 == 0:
                time.sleep(0.3)
        report(f"redis-py {redis.__version__}: {done} commands over ten lifetimes of its token")

    def test_the_dry_run_says_which_rule_and_never_shows_the_token(self):
        def check(token, *options):
            with tempfile.NamedTemporaryFile("w") as file:
                file.write(token + "\n")
                file.flush()
                ran = subprocess.run([PROGRAM, "identity", "check", "--token", file.name, *options], capture_output=True, text=True)
            self.assertNotIn(token.rsplit(".", 1)[1], ran.stdout + ran.stderr)
            return ran.returncode, ran.stdout + ran.stderr

        config = ("--config", str(self.portal.mount.folder / "portal.yaml"))
        status, said = check(self.token(groups="auditors"), *config)
        self.assertEqual(0, status, said)
        self.assertIn("identity.rules[0] fits: the token of issuer main logs in as user reports", said)
        status, said = check(self.token(sub="eve"), *config)
        self.assertEqual(1, status)
        self.assertIn("fits no rule", said)
        self.assertIn("identity.rules[1] wants another sub", said)
        status, said = check(self.token(aud="x"), *config)
        self.assertIn("is for another audience", said)
        status, said = check(self.token())
        self.assertEqual(0, status)
        self.assertIn("signature was not checked", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
