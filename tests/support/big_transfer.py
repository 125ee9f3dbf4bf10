"""One large transfer through a portal, as a process of its own, so that it shares no interpreter with what a test measures.

big_transfer.py PORT CA_FILE PASSWORD set KEY BYTES | get COMMAND... [--rate BYTES_PER_SECOND] [--times N]
Prints one line of JSON: the seconds it took, how long the value or the reply was, and a digest of the value.
"""

import argparse
import hashlib
import json
import secrets
import time

from binary_content import random_bytes
from resp_client import Client, encode, tls_context

CHUNK = 1 << 20


def send_value(client, key, size):
    """SET `key` to `size` bytes that never repeat themselves for long, in pieces; returns the size and their digest."""
    client.send_raw(encode("SET", key, b"")[:-len(b"$0\r\n\r\n")] + b"$%d\r\n" % size)
    digest = hashlib.blake2b()
    for begin in range(0, size, CHUNK):
        piece = random_bytes(min(CHUNK, size - begin), f"{key}:{begin}")
        digest.update(piece)
        client.send_raw(piece)
    client.send_raw(b"\r\n")
    reply = client.read()
    if reply != "OK":
        raise AssertionError(f"SET answered {reply!r}")
    return size, digest.hexdigest()


def read_reply(client, words, rate, times):
    """Sends a command so many times; counts the bytes of the replies, which end where that of an ECHO behind them begins, and digests them:
    one reply without its first line and its end, several as they come."""
    end = encode(secrets.token_hex(16))[4:]  # the reply to ECHO: no value holds it
    client.send_raw(encode(*words) * times + encode("ECHO", end[5:-2]))
    space = bytearray(CHUNK)
    received, tail, begin, digest, head = 0, b"", time.monotonic(), hashlib.blake2b(), times == 1
    while not tail.endswith(end):
        size = client.socket.recv_into(space)
        if size == 0:
            raise AssertionError(f"closed after {received} bytes")
        received += size
        tail += space[:size]
        if head and b"\r\n" in tail:
            tail, head = tail[tail.index(b"\r\n") + 2:], False
        keep = len(end) + 2  # what may be the end, or a part of it
        if not head and len(tail) > keep:
            digest.update(tail[:-keep])
            tail = tail[-keep:]
        if rate:
            time.sleep(max(0, received / rate - (time.monotonic() - begin)))
    if times > 1:
        digest.update(tail[:2])
    return received - len(end), digest.hexdigest()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("ca_file")
    parser.add_argument("password")
    parser.add_argument("what", choices=["set", "get"])
    parser.add_argument("words", nargs="+")
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--times", type=int, default=1)
    wanted = parser.parse_args()
    with Client(wanted.port, context=tls_context(wanted.ca_file), password=wanted.password, timeout=120) as client:
        begin = time.monotonic()
        if wanted.what == "set":
            size, digest = send_value(client, wanted.words[0], int(wanted.words[1]))
        else:
            size, digest = read_reply(client, wanted.words, wanted.rate, wanted.times)
        print(json.dumps({"seconds": time.monotonic() - begin, "bytes": size, "digest": digest}))


if __name__ == "__main__":
    main()
