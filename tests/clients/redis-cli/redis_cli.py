"""redis-cli, driven through its standard input and output as a person or a script would."""

import fcntl
import os
import re
import select
import subprocess
import sys
import time
import traceback

WAIT = 15.0  # seconds for what happens in well under one


def arguments(port="PORTAL_PORT", ca_file="CA_FILE"):
    return ["redis-cli", "--tls", "--cacert", os.environ[ca_file], "-h", os.environ["PORTAL_HOST"], "-p", os.environ[port],
            "--user", os.environ["REDIS_USERNAME"], "--no-auth-warning"]


ENVIRONMENT = {**os.environ, "REDISCLI_AUTH": os.environ["REDIS_PASSWORD"]}


def cli(*words, data=None, **where):
    """What one call prints, as bytes, without the newline at its end."""
    ended = subprocess.run([*arguments(**where), *words], env=ENVIRONMENT, input=data, capture_output=True, timeout=WAIT)
    return (ended.stdout + ended.stderr).removesuffix(b"\n")


class Dialogue:
    """One redis-cli, so one connection, that is given lines."""

    def __init__(self, *words, **where):
        self.process = subprocess.Popen([*arguments(**where), *words], env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        output = self.process.stdout.fileno()
        fcntl.fcntl(output, fcntl.F_SETFL, fcntl.fcntl(output, fcntl.F_GETFL) | os.O_NONBLOCK)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def lines(self, count, patience=WAIT):
        """The next so many lines; fewer when patience ends."""
        found, end = b"", time.monotonic() + patience
        while found.count(b"\n") < count and select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
            found += self.process.stdout.read() or b""
            if self.process.poll() is not None:
                break
        return found.decode().splitlines()

    def say(self, line, count=1):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        return self.lines(count)


def equal(expected, found):
    if expected != found:
        raise AssertionError(f"expected {expected!r:.200}, found {found!r:.200}")


def please(word):
    print(f"please {word}", flush=True)
    if sys.stdin.readline() != "done\n":
        raise SystemExit("the driver is gone")


def encoded(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def opening():
    equal(b"PONG", cli("PING", port="RECORDING_PORT"))


def foreign_ca():
    equal(True, b"certificate verify failed" in cli("PING", ca_file="FOREIGN_CA_FILE"))


def binary_values():
    value = bytes(range(256)) + b"\r\n$-1\r\n"
    equal(b"OK", cli("-x", "SET", "binary", data=value))
    equal(value, cli("GET", "binary"))
    equal(b"OK", cli("SET", "empty", ""))
    equal(b"", cli("GET", "empty"))


def large_value():
    value = bytes(range(256)) * 4096
    equal(b"OK", cli("-x", "SET", "large", data=value))
    equal(True, cli("GET", "large") == value)


def pipeline():
    printed = cli("--pipe", data=encoded(b"INCR", b"counter") * 10000)
    equal(True, b"errors: 0, replies: 10000" in printed)
    equal(b"10000", cli("GET", "counter"))


def transaction():
    cli("SET", "text", "abc")
    answered = cli(data=b"MULTI\nSET a 1\nINCR a\nINCR text\nGET a\nEXEC\n").splitlines()
    equal([b"OK", *[b"QUEUED"] * 4, b"OK", b"2", b"ERR value is not an integer or out of range", b"2"],
          [line for line in answered if line])


def watch_conflict():
    with Dialogue("--no-raw") as watching:
        equal(["OK"], watching.say("WATCH watched"))
        cli("SET", "watched", "by another")
        watching.say("MULTI")
        watching.say("SET watched by-me")
        equal(["(nil)"], watching.say("EXEC"))
    equal(b"by another", cli("GET", "watched"))


def pubsub():
    with Dialogue("SUBSCRIBE", "news") as first, Dialogue("PSUBSCRIBE", "new*") as second:
        equal(["subscribe", "news", "1"], first.lines(3))
        equal(["psubscribe", "new*", "1"], second.lines(3))
        equal(b"2", cli("PUBLISH", "news", "hello"))
        equal(["message", "news", "hello"], first.lines(3))
        equal(["pmessage", "new*", "news", "hello"], second.lines(4))


def blocking_pop():
    with Dialogue("BLPOP", "queue", "10") as waiting:
        equal([], waiting.lines(1, patience=0.3))
        cli("RPUSH", "queue", "job")
        equal(["queue", "job"], waiting.lines(2))
    equal(b"(nil)", cli("--no-raw", "BLPOP", "queue", "1"))


def script():
    source = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}"
    equal(b"eval\nx\n1", cli("EVAL", source, "1", "eval", "x"))
    equal(True, cli("EVALSHA", "0" * 40, "0").startswith(b"NOSCRIPT"))
    sha = cli("SCRIPT", "LOAD", source + " -- loaded").decode()
    equal(b"eval\ny\n2", cli("EVALSHA", sha, "1", "eval", "y"))


def scan():
    cli("--pipe", data=b"".join(encoded(b"SET", b"%s:%d" % (b"scan" if i < 1000 else b"other", i), b"1") for i in range(1200)))
    equal({b"scan:%d" % i for i in range(1000)}, set(cli("--scan", "--pattern", "scan:*").splitlines()))


def stream_group():
    entry = cli("XADD", "stream", "*", "field", "value")
    equal(b"OK", cli("XGROUP", "CREATE", "stream", "group", "0"))
    equal([b"stream", entry, b"field", b"value"],
          cli("XREADGROUP", "GROUP", "group", "consumer", "STREAMS", "stream", ">").splitlines())
    equal(b"1", cli("XACK", "stream", "group", entry))
    equal(b"0", cli("XPENDING", "stream", "group").splitlines()[0])


def resp3():
    cli("HSET", "map", "a", "1")
    cli("ZADD", "sorted", "1.5", "a")
    cli("SADD", "set", "a")
    equal(b'1# "a" => "1"', cli("-3", "--no-raw", "HGETALL", "map"))
    equal(b"(double) 1.5", cli("-3", "--no-raw", "ZSCORE", "sorted", "a"))
    equal(b'1~ "a"', cli("-3", "--no-raw", "SMEMBERS", "set"))


def tracking():
    # It keeps no cache, but shows the invalidations, which it reads with the next reply.
    with Dialogue("-3", "--no-raw", "--show-pushes", "yes") as watching:
        watching.say("CLIENT TRACKING ON")
        cli("SET", "cached", "1")
        equal(['"1"'], watching.say("GET cached"))
        cli("SET", "cached", "2")
        end = time.monotonic() + WAIT
        while not re.search(r'invalidate.*cached', " ".join(watching.say("PING"))):
            if time.monotonic() > end:
                raise AssertionError("no invalidation")


def leader_killed():
    with Dialogue() as lasting, Dialogue("SUBSCRIBE", "lasting") as listener:
        equal("subscribe", listener.lines(3)[0])
        before = lasting.say("CLIENT ID")
        equal(["OK"], lasting.say("SET lasting 1"))
        please("kill_leader")
        equal(["1"], lasting.say("GET lasting"))
        equal(["2"], lasting.say("INCR lasting"))
        equal(before, lasting.say("CLIENT ID"))
        end = time.monotonic() + WAIT
        while not (message := listener.lines(3, patience=0.1)):
            lasting.say("PUBLISH lasting still-here")
            if time.monotonic() > end:
                raise AssertionError("no message after the leader's death")
        equal(["message", "lasting", "still-here"], message[:3])
        please("count_connections")


def portal_killed():
    with Dialogue(port="SHARED_PORT") as shared:
        equal(["OK"], shared.say("SET shared 1"))
        please("kill_portal")
        end = time.monotonic() + WAIT
        while not shared.say("INCR after-the-portal")[-1].isdigit():
            if time.monotonic() > end:
                raise AssertionError("no answer by the other portal")
        equal("1", shared.say("GET shared")[-1])


print("version", subprocess.run(["redis-cli", "--version"], capture_output=True, text=True).stdout.split()[1])
for scenario in (opening, foreign_ca, binary_values, large_value, pipeline, transaction, watch_conflict, pubsub, blocking_pop, script,
                 scan, stream_group, resp3, tracking, leader_killed, portal_killed):
    try:
        scenario()
        print("ok", scenario.__name__, flush=True)
    except Exception as error:
        traceback.print_exc()
        print(f"failed {scenario.__name__}: {error!r:.300}".replace("\n", " "), flush=True)
