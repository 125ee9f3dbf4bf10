"""redis-py's asyncio client."""

import asyncio

import redis.asyncio
from redis.exceptions import ConnectionError, NoScriptError, ResponseError, WatchError

from report import (ALL_BYTES, CA_FILE, FOREIGN_CA_FILE, HOST, PASSWORD, PORT, RECORDING_PORT, SHARED_PORT, USERNAME, Unsupported,
                    equal, please, run, until_async)


def connect(port=PORT, ca_file=CA_FILE, **options):
    return redis.asyncio.Redis(host=HOST, port=port, username=USERNAME, password=PASSWORD, ssl=True, ssl_ca_certs=ca_file, **options)


client = connect()


async def opening():
    async with connect(RECORDING_PORT) as recorded:
        equal(True, await recorded.ping())


async def foreign_ca():
    async with connect(ca_file=FOREIGN_CA_FILE) as deceived:
        try:
            await deceived.ping()
        except ConnectionError as error:
            assert "CERTIFICATE_VERIFY_FAILED" in str(error), error
            return
    raise AssertionError("accepted")


async def binary_values():
    await client.set(ALL_BYTES, ALL_BYTES)
    equal(ALL_BYTES, await client.get(ALL_BYTES))
    await client.set("empty", b"")
    equal(b"", await client.get("empty"))


async def large_value():
    value = ALL_BYTES[:256] * 4096
    await client.set("large", value)
    equal(True, await client.get("large") == value)


async def pipeline():
    pipe = client.pipeline(transaction=False)
    for _ in range(10000):
        pipe.incr("counter")
    equal(list(range(1, 10001)), await pipe.execute())


async def transaction():
    await client.set("text", "abc")
    pipe = client.pipeline(transaction=True)
    pipe.set("a", 1).incr("a").incr("text").get("a")
    answers = await pipe.execute(raise_on_error=False)
    equal([True, 2, b"2"], [answers[0], answers[1], answers[3]])
    equal(True, isinstance(answers[2], ResponseError))


async def watch_conflict():
    async with client.pipeline() as pipe, connect() as another:
        await pipe.watch("watched")
        await another.set("watched", "by another")
        pipe.multi()
        pipe.set("watched", "by me")
        try:
            await pipe.execute()
        except WatchError:
            equal(b"by another", await client.get("watched"))
            return
    raise AssertionError("EXEC was not aborted")


async def pubsub():
    async with client.pubsub() as listener:
        await listener.subscribe("news")
        await listener.psubscribe("new*")
        for _ in range(2):
            await until_async("subscribed", lambda: listener.get_message(timeout=1))
        equal(2, await client.publish("news", "hello"))
        messages = [await until_async("message", lambda: listener.get_message(timeout=1)) for _ in range(2)]
        equal({("message", b"news", b"hello"), ("pmessage", b"news", b"hello")},
              {(message["type"], message["channel"], message["data"]) for message in messages})


async def blocking_pop():
    async def push():
        await asyncio.sleep(0.3)
        await client.rpush("queue", "job")
    pushing = asyncio.create_task(push())
    equal([b"queue", b"job"], list(await client.blpop(["queue"], timeout=10)))
    await pushing
    equal(None, await client.blpop(["queue"], timeout=1))


async def script():
    source = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}"
    equal([b"eval", b"x", 1], await client.eval(source, 1, "eval", "x"))
    try:
        await client.evalsha("0" * 40, 0)
        raise AssertionError("EVALSHA of an unknown script was answered")
    except NoScriptError:
        pass
    sha = await client.script_load(source + " -- loaded")
    equal([b"eval", b"y", 2], await client.evalsha(sha, 1, "eval", "y"))


async def scan():
    pipe = client.pipeline(transaction=False)
    for i in range(1200):
        pipe.set(f"scan:{i}" if i < 1000 else f"other:{i}", i)
    await pipe.execute()
    equal({b"scan:%d" % i for i in range(1000)}, {key async for key in client.scan_iter(match="scan:*", count=100)})


async def stream_group():
    entry = await client.xadd("stream", {"field": "value"})
    await client.xgroup_create("stream", "group", id="0")
    read = await client.xreadgroup("group", "consumer", {"stream": ">"})
    assert entry.decode() in repr(read) and "value" in repr(read), read
    equal(1, await client.xack("stream", "group", entry))
    equal(0, (await client.xpending("stream", "group"))["pending"])


async def resp3():
    async with connect(protocol=3, single_connection_client=True) as third:
        await third.hset("map", mapping={"a": 1})
        await third.zadd("sorted", {"a": 1.5})
        await third.sadd("set", "a")
        equal({b"a": b"1"}, await third.hgetall("map"))
        equal(1.5, await third.zscore("sorted", "a"))
        equal({b"a"}, set(await third.smembers("set")))
        equal(3, (await third.execute_command("HELLO"))[b"proto"])


def tracking():
    raise Unsupported("its asyncio client has no client-side cache")


async def leader_killed():
    async with connect(single_connection_client=True) as lasting, client.pubsub(ignore_subscribe_messages=True) as listener:
        await listener.subscribe("lasting")
        await listener.get_message(timeout=1)
        before = await lasting.client_id()
        await lasting.set("lasting", "1")
        please("kill_leader")
        equal(b"1", await lasting.get("lasting"))
        equal(2, await lasting.incr("lasting"))
        equal(before, await lasting.client_id())

        async def received():
            await lasting.publish("lasting", "still here")
            return await listener.get_message(timeout=0.1)
        equal(b"still here", (await until_async("a message after the leader's death", received))["data"])
        please("count_connections")


async def portal_killed():
    async with connect(SHARED_PORT) as shared:
        await shared.set("shared", "1")
        please("kill_portal")

        async def answered():
            return await shared.incr("after the portal") > 0
        await until_async("an answer by the other portal", answered, (ConnectionError,))
        equal(b"1", await shared.get("shared"))


run(redis.__version__, [opening, foreign_ca, binary_values, large_value, pipeline, transaction, watch_conflict, pubsub, blocking_pop,
                        script, scan, stream_group, resp3, tracking, leader_killed, portal_killed])
