"""The clients of the fault lab: `workload.py SETTINGS.json HISTORY` runs them until SIGTERM and writes what they saw.

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
REFUSALS = ("NOLEADER", "LOADING", "READONLY", "MASTERDOWN", "NOREPLICAS", "MISCONF", "EXECABORT", "CLUSTERDOWN", "TRYAGAIN",
            "UNPROVEN")


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
        self.front = number % len(settings["fronts"])
        self.writer = None
        self.done = []
        self.serial = 0
        self.stopping = False

    async def run(self):
        plan = (self.registers, self.counts, self.queue, self.lists)[self.number % 4]
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
            if isinstance(result, ReplyError):
                error = str(result).split(" ")[0]
                outcome = REFUSED if error in REFUSALS else DOUBT
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
        if (self.number // 4) % 2 == 0:
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


async def run(settings, path):
    context = ssl.create_default_context(cafile=settings["ca_file"]) if settings["ca_file"] else None
    clients = [Client(number, settings, context) for number in range(settings["clients"])]

    def stop():
        for each in clients:
            each.stopping = True

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    await asyncio.gather(*(each.run() for each in clients))
    history.save([op for each in clients for op in each.done], path)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        asyncio.run(run(json.load(file), sys.argv[2]))
