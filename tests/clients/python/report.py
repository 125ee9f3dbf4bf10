"""What the Python programs share: where to connect, the lines that the driver reads, waiting."""

import asyncio
import inspect
import os
import sys
import time
import traceback

HOST = os.environ["PORTAL_HOST"]
PORT = int(os.environ["PORTAL_PORT"])
SHARED_PORT = int(os.environ["SHARED_PORT"])
RECORDING_PORT = int(os.environ["RECORDING_PORT"])
CA_FILE = os.environ["CA_FILE"]
FOREIGN_CA_FILE = os.environ["FOREIGN_CA_FILE"]
USERNAME = os.environ["REDIS_USERNAME"]
PASSWORD = os.environ["REDIS_PASSWORD"]

ALL_BYTES = bytes(range(256)) + b"\r\n$-1\r\n"
WAIT = 15.0  # seconds for what happens in well under one


class Unsupported(Exception):
    """The client library has no such thing."""


def please(word):
    print(f"please {word}", flush=True)
    if sys.stdin.readline() != "done\n":
        raise SystemExit("the driver is gone")


def equal(expected, found):
    if expected != found:
        raise AssertionError(f"expected {expected!r:.200}, found {found!r:.200}")


def until(what, attempt, errors=()):
    """Calls attempt() until it answers something true; `errors` count as not yet."""
    end = time.monotonic() + WAIT
    while True:
        try:
            if answer := attempt():
                return answer
        except errors as error:
            what = f"{what.split(' (')[0]} ({error!r})"
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {WAIT} s")
        time.sleep(0.02)


async def until_async(what, attempt, errors=()):
    """`until` for an attempt that is a coroutine function."""
    end = time.monotonic() + WAIT
    while True:
        try:
            if answer := await attempt():
                return answer
        except errors as error:
            what = f"{what.split(' (')[0]} ({error!r})"
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {WAIT} s")
        await asyncio.sleep(0.02)


async def _run(scenarios):
    for scenario in scenarios:
        name = scenario.__name__
        try:
            answer = scenario()
            if inspect.isawaitable(answer):
                await asyncio.wait_for(answer, 3 * WAIT)
            print(f"ok {name}", flush=True)
        except Unsupported as reason:
            print(f"unsupported {name}: {reason}", flush=True)
        except Exception as error:
            traceback.print_exc()
            print(f"failed {name}: {error!r:.300}".replace("\n", " "), flush=True)


def run(version, scenarios):
    """Runs each scenario, a function or a coroutine function that raises when something is wrong, under its own name."""
    print(f"version {version}", flush=True)
    asyncio.run(_run(scenarios))
