"""valkey-glide, its asyncio client: a Rust core on one connection, so what blocks or watches gets a client of its own."""

import asyncio
import importlib.metadata

from glide import (AdvancedGlideClientConfiguration, Batch, ClientSideCache, ClosingError, ConnectionError, GlideClient,
                   GlideClientConfiguration, NodeAddress, RequestError, Script, ServerCredentials, TimeoutError,
                   TlsAdvancedConfiguration)

from report import (ALL_BYTES, CA_FILE, FOREIGN_CA_FILE, HOST, PASSWORD, PORT, RECORDING_PORT, SHARED_PORT, USERNAME, equal, please,
                    run, until_async)


async def connect(port=PORT, ca_file=CA_FILE, **options):
    with open(ca_file, "rb") as file:
        tls = TlsAdvancedConfiguration(root_pem_cacerts=file.read())
    return await GlideClient.create(GlideClientConfiguration(
        [NodeAddress(HOST, port)], use_tls=True, credentials=ServerCredentials(PASSWORD, USERNAME), request_timeout=15000,
        advanced_config=AdvancedGlideClientConfiguration(connection_timeout=5000, tls_config=tls), **options))


async def opening():
    recorded = await connect(RECORDING_PORT)
    equal(b"PONG", await recorded.ping())
    await recorded.close()


async def foreign_ca():
    try:
        await connect(ca_file=FOREIGN_CA_FILE)
    except ClosingError:  # it tries until its connection timeout and does not say why
        return
    raise AssertionError("accepted")


async def binary_values():
    client = await connect()
    await client.set(ALL_BYTES, ALL_BYTES)
    equal(ALL_BYTES, await client.get(ALL_BYTES))
    await client.set("empty", "")
    equal(b"", await client.get("empty"))


async def large_value():
    client = await connect()
    value = ALL_BYTES[:256] * 4096
    await client.set("large", value)
    equal(True, await client.get("large") == value)


async def pipeline():
    client = await connect()
    batch = Batch(is_atomic=False)
    for _ in range(10000):
        batch.incr("counter")
    equal(list(range(1, 10001)), await client.exec(batch, raise_on_error=True))


async def transaction():
    client = await connect()
    await client.set("text", "abc")
    batch = Batch(is_atomic=True)
    batch.set("a", "1")
    batch.incr("a")
    batch.incr("text")
    batch.get("a")
    answers = await client.exec(batch, raise_on_error=False)
    equal(["OK", 2, b"2"], [answers[0], answers[1], answers[3]])
    equal(True, isinstance(answers[2], RequestError))


async def watch_conflict():
    watching, another = await connect(), await connect()
    await watching.watch(["watched"])
    await another.set("watched", "by another")
    batch = Batch(is_atomic=True)
    batch.set("watched", "by me")
    equal(None, await watching.exec(batch, raise_on_error=True))
    equal(b"by another", await another.get("watched"))


async def pubsub():
    listener, client = await connect(), await connect()
    await listener.subscribe({"news"}, timeout_ms=5000)
    await listener.psubscribe({"new*"}, timeout_ms=5000)
    equal(2, await client.publish("hello", "news"))
    messages = [await asyncio.wait_for(listener.get_pubsub_message(), 5) for _ in range(2)]
    equal({(b"news", b"hello", None), (b"news", b"hello", b"new*")},
          {(message.channel, message.message, message.pattern) for message in messages})


async def blocking_pop():
    waiting, client = await connect(), await connect()

    async def push():
        await asyncio.sleep(0.3)
        await client.rpush("queue", ["job"])
    pushing = asyncio.create_task(push())
    equal([b"queue", b"job"], await waiting.blpop(["queue"], 10))
    await pushing
    equal(None, await waiting.blpop(["queue"], 1))


async def script():
    client = await connect()
    source = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}"
    equal([b"eval", b"x", 1], await client.custom_command(["EVAL", source, "1", "eval", "x"]))
    try:
        await client.custom_command(["EVALSHA", "0" * 40, "0"])
        raise AssertionError("EVALSHA of an unknown script was answered")
    except RequestError as error:
        assert "NOSCRIPT" in str(error) or "NoScriptError" in str(error), error
    # Its Script sends EVALSHA first, and loads the script when that is answered by NOSCRIPT.
    equal([b"eval", b"y", 2], await client.invoke_script(Script(source + " -- loaded"), keys=["eval"], args=["y"]))


async def scan():
    client = await connect()
    batch = Batch(is_atomic=False)
    for i in range(1200):
        batch.set(f"scan:{i}" if i < 1000 else f"other:{i}", "1")
    await client.exec(batch, raise_on_error=True)
    found, cursor = set(), b"0"
    while True:
        cursor, keys = await client.scan(cursor, match="scan:*", count=100)
        found.update(keys)
        if cursor == b"0":
            break
    equal({b"scan:%d" % i for i in range(1000)}, found)


async def stream_group():
    client = await connect()
    entry = await client.xadd("stream", [("field", "value")])
    await client.xgroup_create("stream", "group", "0")
    equal({b"stream": {entry: [[b"field", b"value"]]}}, await client.xreadgroup({"stream": ">"}, "group", "consumer"))
    equal(1, await client.xack("stream", "group", [entry]))
    equal(0, (await client.xpending("stream", "group"))[0])


async def resp3():
    client = await connect()
    await client.hset("map", {"a": "1"})
    await client.zadd("sorted", {"a": 1.5})
    await client.sadd("set", ["a"])
    equal({b"a": b"1"}, await client.hgetall("map"))
    equal(1.5, await client.zscore("sorted", "a"))
    equal({b"a"}, await client.smembers("set"))
    equal(3, (await client.custom_command(["HELLO"]))[b"proto"])


async def tracking():
    cache = ClientSideCache.create(max_cache_kb=1024, entry_ttl_ms=0, enable_metrics=True, server_assisted=True)
    caching, client = await connect(client_side_cache=cache), await connect()
    await client.set("cached", "1")
    for _ in range(2):
        equal(b"1", await caching.get("cached"))
    equal(0.5, caching.get_cache_hit_rate())
    await client.set("cached", "2")

    async def fresh():
        return await caching.get("cached") == b"2"
    await until_async("the new value", fresh)
    await caching.close()


async def leader_killed():
    lasting, listener = await connect(), await connect()
    await listener.subscribe({"lasting"}, timeout_ms=5000)
    before = await lasting.client_id()
    await lasting.set("lasting", "1")
    please("kill_leader")
    equal(b"1", await lasting.get("lasting"))
    equal(2, await lasting.incr("lasting"))
    equal(before, await lasting.client_id())

    async def received():
        await lasting.publish("still here", "lasting")
        return listener.try_get_pubsub_message()
    equal(b"still here", (await until_async("a message after the leader's death", received)).message)
    please("count_connections")


async def portal_killed():
    shared = await connect(SHARED_PORT)
    await shared.set("shared", "1")
    please("kill_portal")

    async def answered():
        return await shared.incr("after the portal") > 0
    await until_async("an answer by the other portal", answered, (ConnectionError, TimeoutError, RequestError))
    equal(b"1", await shared.get("shared"))


run(importlib.metadata.version("valkey-glide"), [
    opening, foreign_ca, binary_values, large_value, pipeline, transaction, watch_conflict, pubsub, blocking_pop, script, scan,
    stream_group, resp3, tracking, leader_killed, portal_killed])
