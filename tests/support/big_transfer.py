"""One large transfer through a portal, as a process of its own, so that it shares no interpreter with what a test measures.

big_transfer.py PORT CA_FILE PASSWORD set KEY BYTES | get COMMAND... [--rate BYTES_PER_SECOND] [--times N]
Prints one line of JSON: the seconds it took and how long the value or the reply was.
"""

import argparse
import json
import time

from resp_client import Client, encode, tls_context

CHUNK = 1 << 20


def send_value(client, key, size):
    """SET `key` to `size` zero bytes, in pieces; returns the size."""
    client.send_raw(encode("SET", key, b"")[:-len(b"$0\r\n\r\n")] + b"$%d\r\n" % size)
    zeros = bytes(CHUNK)
    for begin in range(0, size, CHUNK):
        client.send_raw(zeros[:min(CHUNK, size - begin)])
    client.send_raw(b"\r\n")
    reply = client.read()
    if reply != "OK":
        raise AssertionError(f"SET answered {reply!r}")
    return size


def read_reply(client, words, rate, times):
    """Sends a command so many times and counts the bytes of the replies, which end where that of a PING behind them begins."""
    end = b"+PONG\r\n"
    client.send_raw(encode(*words) * times + encode("PING"))
    space = bytearray(CHUNK)
    received, tail, begin = 0, b"", time.monotonic()
    while tail != end:
        size = client.socket.recv_into(space)
        if size == 0:
            raise AssertionError(f"closed after {received} bytes")
        received += size
        tail = (tail + space[max(0, size - len(end)):size])[-len(end):]
        if rate:
            time.sleep(max(0, received / rate - (time.monotonic() - begin)))
    return received - len(end)


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
            size = send_value(client, wanted.words[0], int(wanted.words[1]))
        else:
            size = read_reply(client, wanted.words, wanted.rate, wanted.times)
        print(json.dumps({"seconds": time.monotonic() - begin, "bytes": size}))


if __name__ == "__main__":
    main()
