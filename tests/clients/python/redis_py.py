"""redis-py and its fork valkey-py, whose interface is the same: the first argument names the library."""

import importlib
import sys
import threading

from report import (ALL_BYTES, CA_FILE, FOREIGN_CA_FILE, HOST, PASSWORD, PORT, RECORDING_PORT, SHARED_PORT, USERNAME, Unsupported,
                    equal, please, run, until)

LIBRARY = sys.argv[1]
library = importlib.import_module(LIBRARY)
exceptions = importlib.import_module(LIBRARY + ".exceptions")
Client = library.Redis if LIBRARY == "redis" else library.Valkey


def connect(port=PORT, ca_file=CA_FILE, **options):
    return Client(host=HOST, port=port, username=USERNAME, password=PASSWORD, ssl=True, ssl_ca_certs=ca_file, **options)


client = connect()


def later(seconds, action, *arguments):
    timer = threading.Timer(seconds, action, arguments)
    timer.start()
    return timer


def opening():
    with connect(RECORDING_PORT) as recorded:
        equal(True, recorded.ping())


def foreign_ca():
    try:
        connect(ca_file=FOREIGN_CA_FILE).ping()
    except exceptions.ConnectionError as error:
        assert "CERTIFICATE_VERIFY_FAILED" in str(error), error
        return
    raise AssertionError("accepted")


def binary_values():
    client.set(ALL_BYTES, ALL_BYTES)
    equal(ALL_BYTES, client.get(ALL_BYTES))
    client.set("empty", b"")
    equal(b"", client.get("empty"))


def large_value():
    value = ALL_BYTES[:256] * 4096
    client.set("large", value)
    equal(True, client.get("large") == value)


def pipeline():
    pipe = client.pipeline(transaction=False)
    for _ in range(10000):
        pipe.incr("counter")
    equal(list(range(1, 10001)), pipe.execute())


def transaction():
    client.set("text", "abc")
    pipe = client.pipeline(transaction=True)
    pipe.set("a", 1).incr("a").incr("text").get("a")
    answers = pipe.execute(raise_on_error=False)
    equal([True, 2, b"2"], [answers[0], answers[1], answers[3]])
    equal(True, isinstance(answers[2], exceptions.ResponseError))


def watch_conflict():
    with client.pipeline() as pipe:
        pipe.watch("watched")
        connect().set("watched", "by another")
        pipe.multi()
        pipe.set("watched", "by me")
        try:
            pipe.execute()
        except exceptions.WatchError:
            equal(b"by another", client.get("watched"))
            return
    raise AssertionError("EXEC was not aborted")


def pubsub():
    with client.pubsub() as listener:
        listener.subscribe("news")
        listener.psubscribe("new*")
        for _ in range(2):
            until("subscribed", lambda: listener.get_message(timeout=1))
        equal(2, client.publish("news", "hello"))
        messages = [until("message", lambda: listener.get_message(timeout=1)) for _ in range(2)]
        equal({("message", b"news", b"hello"), ("pmessage", b"news", b"hello")},
              {(message["type"], message["channel"], message["data"]) for message in messages})


def blocking_pop():
    pushed = later(0.3, lambda: connect().rpush("queue", "job"))
    equal([b"queue", b"job"], list(client.blpop(["queue"], timeout=10)))
    pushed.join()
    equal(None, client.blpop(["queue"], timeout=1))


def script():
    source = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}"
    equal([b"eval", b"x", 1], client.eval(source, 1, "eval", "x"))
    other = source + " -- loaded"
    try:
        client.evalsha("0" * 40, 0)
        raise AssertionError("EVALSHA of an unknown script was answered")
    except exceptions.NoScriptError:
        pass
    equal([b"eval", b"y", 2], client.evalsha(client.script_load(other), 1, "eval", "y"))


def scan():
    with client.pipeline(transaction=False) as pipe:
        for i in range(1000):
            pipe.set(f"scan:{i}", i)
        for i in range(200):
            pipe.set(f"other:{i}", i)
        pipe.execute()
    equal({b"scan:%d" % i for i in range(1000)}, set(client.scan_iter(match="scan:*", count=100)))


def stream_group():
    entry = client.xadd("stream", {"field": "value"})
    client.xgroup_create("stream", "group", id="0")
    read = client.xreadgroup("group", "consumer", {"stream": ">"})
    pairs = list(read.items()) if isinstance(read, dict) else read
    equal("stream", pairs[0][0].decode())
    assert entry.decode() in repr(pairs) and "value" in repr(pairs), pairs
    equal(1, client.xack("stream", "group", entry))
    equal(0, client.xpending("stream", "group")["pending"])


def resp3():
    with connect(protocol=3, single_connection_client=True) as third:
        third.hset("map", mapping={"a": 1})
        third.zadd("sorted", {"a": 1.5})
        third.sadd("set", "a")
        equal({b"a": b"1"}, third.hgetall("map"))
        equal(1.5, third.zscore("sorted", "a"))
        equal({b"a"}, set(third.smembers("set")))
        equal(3, third.execute_command("HELLO")[b"proto"])


def tracking():
    try:
        CacheConfig = importlib.import_module(LIBRARY + ".cache").CacheConfig
    except (ImportError, AttributeError):
        raise Unsupported(f"{library.__name__} has no client-side cache") from None
    with connect(protocol=3, cache_config=CacheConfig()) as caching:
        client.set("cached", "1")
        try:
            equal(b"1", caching.get("cached"))
        except exceptions.ConnectionError as error:
            if "supported by Redis 7.4" in str(error):
                raise Unsupported("its cache refuses Redis before 7.4") from None
            raise
        equal(1, caching.get_cache().size)
        client.set("cached", "2")
        until("the new value", lambda: caching.get("cached") == b"2")


def leader_killed():
    with connect(single_connection_client=True) as lasting, client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe("lasting")
        listener.get_message(timeout=1)
        before = lasting.client_id()
        lasting.set("lasting", "1")
        please("kill_leader")
        equal(b"1", lasting.get("lasting"))
        equal(2, lasting.incr("lasting"))
        equal(before, lasting.client_id())

        def received():
            lasting.publish("lasting", "still here")
            return listener.get_message(timeout=0.1)
        equal(b"still here", until("a message after the leader's death", received)["data"])
        please("count_connections")


def portal_killed():
    with connect(SHARED_PORT) as shared:
        shared.set("shared", "1")
        please("kill_portal")
        until("an answer by the other portal", lambda: shared.incr("after the portal") > 0, (exceptions.ConnectionError,))
        equal(b"1", shared.get("shared"))


run(library.__version__, [opening, foreign_ca, binary_values, large_value, pipeline, transaction, watch_conflict, pubsub, blocking_pop,
                          script, scan, stream_group, resp3, tracking, leader_killed, portal_killed])
