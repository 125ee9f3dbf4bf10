"""The clients of the fault lab: `workload.py SETTINGS.json HISTORY` runs them until SIGTERM and writes what they saw. Prints
"running" once each has had an answer.

Each client has one TLS connection to one of the fronts and one operation on its way; when the connection ends it takes the
next front. Runs on the lab's client host. Standard library only.
"""

import asyncio
import json
import random
import signal
import ssl
import sys
import time

import history
from history import DOUBT, OK, REFUSED, Operation

PATIENCE = 30.0  # seconds to wait for one reply
# Errors that promise that nothing was done, and the words with which NOPROOF says so. Any other error leaves it open.
REFUSALS = ("NOLEADER", "LOADING", "READONLY", "MASTERDOWN", "NOREPLICAS", "MISCONF", "EXECABORT")
NOT_EXECUTED = "not executed"


# What clients do: client n has plan n, the next client the next one, and so on round.
PLANS = ("registers", "counts", "queue", "lists", "shared")


class ReplyError(Exception):
    pass


def encode(words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


async def read_reply(reader):
    line = (await reader.readuntil(b"\r\n"))[:-2]
    kind, rest = line[:1], line[1:]
    if kind == b"-":
        return ReplyError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == b"-1" else (await reader.readexactly(int(rest) + 2))[:-2].decode()
    if kind == b"*":
        return None if rest == b"-1" else [await read_reply(reader) for _ in range(int(rest))]
    return rest.decode()


class Client:
    """One client: its plan is a generator of operations, its record a list."""

    def __init__(self, number, settings, context):
        self.number = number
        self.settings = settings
        self.context = context
        self.random = random.Random(settings["seed"] * 1000 + number)
        self.front = number // len(PLANS) % len(settings["fronts"])  # so that each plan runs through each front
        self.writer = None
        self.done = []
        self.serial = 0
        self.stopping = False

    async def run(self):
        plan = getattr(self, PLANS[self.number % len(PLANS)])
        while not self.stopping:
            if self.writer is None and not await self.connect():
                await asyncio.sleep(0.05)
                continue
            await plan()
            await asyncio.sleep(self.settings["pause"])
        self.disconnect()

    async def connect(self):
        host, port = self.settings["fronts"][self.front]
        try:
            self.reader, self.writer = await asyncio.wait_for(
                asyncio.open_connection(host, port, ssl=self.context, server_hostname=host if self.context else None), 5)
            self.writer.write(encode(["AUTH", self.settings["password"]]))
            reply = await asyncio.wait_for(read_reply(self.reader), PATIENCE)
            if reply == "OK":
                now = time.monotonic()
                self.done.append(Operation(self.number, "connect", "", None, OK, None, now, now))
                return True
        except (OSError, ssl.SSLError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            pass
        self.disconnect()
        self.front = (self.front + 1) % len(self.settings["fronts"])
        return False

    def disconnect(self):
        if self.writer is not None:
            self.writer.transport.abort()
            self.writer = None

    async def operate(self, kind, key, value, *commands):
        """Sends the commands in one piece; the outcome is that of the last reply."""
        if self.writer is None:
            return None
        start = time.monotonic()
        outcome, result, error = DOUBT, None, ""
        try:
            self.writer.write(b"".join(encode(words) for words in commands))
            for _ in commands:
                result = await asyncio.wait_for(read_reply(self.reader), PATIENCE)
            if isinstance(result, list):  # of a transaction: one command that failed speaks for all
                result = next((each for each in result if isinstance(each, ReplyError)), result)
            if isinstance(result, ReplyError):
                error = str(result).split(" ")[0]
                outcome = REFUSED if error in REFUSALS or NOT_EXECUTED in str(result) else DOUBT
                result = None
            else:
                outcome = OK
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
            error = "closed"
        except asyncio.TimeoutError:
            error = "timeout"
        if error in ("closed", "timeout"):
            self.disconnect()
            self.front = (self.front + 1) % len(self.settings["fronts"])
        self.done.append(Operation(self.number, kind, key, value, outcome, result, start, time.monotonic(), error))
        return outcome

    def unique(self):
        self.serial += 1
        return f"{self.number}.{self.serial}"

    # ---- plans: what one client does, step by step

    async def registers(self):
        key = f"register:{self.random.randrange(4)}"
        if self.random.random() < 0.5:
            value = self.unique()
            await self.operate("write", key, value, ["SET", key, value])
        else:
            await self.operate("read", key, None, ["GET", key])

    async def counts(self):
        if self.random.random() < 0.7:
            await self.operate("count", f"counter:{self.number}", None, ["INCR", f"counter:{self.number}"])
        else:
            key = f"pair:{self.number}"
            await self.operate("transfer", key, None, ["MULTI"], ["INCR", key + ":a"], ["INCR", key + ":b"], ["EXEC"])

    async def queue(self):
        key = "queue:0"
        if self.number // (2 * len(PLANS)) % 2 == 0:
            value = self.unique()
            await self.operate("push", key, value, ["RPUSH", key, value])
        else:
            start = len(self.done)
            if await self.operate("pop", key, None, ["BLPOP", key, "1"]) == OK and self.done[start].result:
                self.done[start].result = self.done[start].result[1]

    async def lists(self):
        value = self.unique()
        if self.random.random() < 0.6:
            await self.operate("append", f"list:{self.number}", value, ["RPUSH", f"list:{self.number}", value])
        else:
            await self.operate("add", f"set:{self.number}", value, ["SADD", f"set:{self.number}", value])

    async def shared(self):
        """Counters that several clients count up: by INCR, and by reading and writing under WATCH."""
        if self.random.random() < 0.5:
            await self.operate("share", "shared:0", None, ["INCR", "shared:0"])
            return
        key = "watched:0"
        if await self.operate("look", key, None, ["WATCH", key], ["GET", key]) != OK:
            return
        value = int(self.done[-1].result or 0) + 1
        if await self.operate("swap", key, value, ["MULTI"], ["SET", key, value], ["EXEC"]) == OK:
            self.done[-1].result = value if self.done[-1].result is not None else None


async def run(settings, path):
    context = ssl.create_default_context(cafile=settings["ca_file"]) if settings["ca_file"] else None
    clients = [Client(number, settings, context) for number in range(settings["clients"])]

    def stop():
        for each in clients:
            each.stopping = True

    async def tell_when_all_run():
        while not all(any(op.outcome == OK and op.kind != "connect" for op in each.done) for each in clients):
            await asyncio.sleep(0.02)
        print("running", flush=True)

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    telling = asyncio.create_task(tell_when_all_run())
    await asyncio.gather(*(each.run() for each in clients))
    telling.cancel()
    history.save([op for each in clients for op in each.done], path)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        asyncio.run(run(json.load(file), sys.argv[2]))
