#!/usr/bin/python3
"""A stand-in for an OIDC issuer: keys of its own, the JWKS that publishes them, and tokens signed with them.

    token_issuer.py init FOLDER                                a key, and FOLDER/jwks.json
    token_issuer.py token FOLDER --aud redis://demo --sub a    a token on standard output; --claims JSON for more, --seconds for its life

It keeps its private keys in the folder, in the clear: for tests only.
"""

import argparse
import base64
import json
import sys
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

ISSUER = "https://issuer.test"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return encode(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Key:
    def __init__(self, kind, name, private=None):
        self.kind, self.name = kind, name
        self.private = private or {"RS256": lambda: rsa.generate_private_key(65537, 2048),
                                   "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
                                   "EdDSA": ed25519.Ed25519PrivateKey.generate}[kind]()

    def jwk(self):
        public = self.private.public_key()
        if self.kind == "RS256":
            numbers = public.public_numbers()
            parts = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        elif self.kind == "ES256":
            numbers = public.public_numbers()
            parts = {"kty": "EC", "crv": "P-256", "x": number(numbers.x, 32), "y": number(numbers.y, 32)}
        else:
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            parts = {"kty": "OKP", "crv": "Ed25519", "x": encode(raw)}
        return {**parts, "kid": self.name, "use": "sig", "alg": self.kind}

    def sign(self, message):
        if self.kind == "RS256":
            return self.private.sign(message, padding.PKCS1v15(), hashes.SHA256())
        if self.kind == "ES256":
            r, s = utils.decode_dss_signature(self.private.sign(message, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return self.private.sign(message)

    def pem(self):
        return self.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Issuer:
    def __init__(self, kinds=("RS256", "ES256", "EdDSA"), url=ISSUER):
        self.url, self.keys = url, [Key(kind, f"{kind.lower()}-1") for kind in kinds]

    def jwks(self):
        return json.dumps({"keys": [key.jwk() for key in self.keys]})

    def token(self, seconds=600, key=None, header=None, **claims):
        """`seconds` until it ends. Claims of None are left out."""
        key = key or self.keys[0]
        now = time.time()
        claims = {"iss": self.url, "iat": int(now), "exp": now + seconds} | claims
        payload = {name: value for name, value in claims.items() if value is not None}
        parts = [header or {"alg": key.kind, "typ": "JWT", "kid": key.name}, payload]
        message = ".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
        return f"{message}.{encode(key.sign(message.encode()))}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("init", "token"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--aud")
    parser.add_argument("--sub")
    parser.add_argument("--claims", type=json.loads, default={})
    parser.add_argument("--seconds", type=float, default=600)
    arguments = parser.parse_args()
    if arguments.action == "init":
        issuer = Issuer(("ES256",))
        arguments.folder.mkdir(parents=True, exist_ok=True)
        (arguments.folder / "issuer.key").touch(mode=0o600)
        (arguments.folder / "issuer.key").write_bytes(issuer.keys[0].pem())
        (arguments.folder / "jwks.json").write_text(issuer.jwks() + "\n")
        return
    issuer = Issuer(())
    private = serialization.load_pem_private_key((arguments.folder / "issuer.key").read_bytes(), None)
    issuer.keys = [Key("ES256", "es256-1", private)]
    sys.stdout.write(issuer.token(arguments.seconds, aud=arguments.aud, sub=arguments.sub, **arguments.claims) + "\n")


if __name__ == "__main__":
    main()
