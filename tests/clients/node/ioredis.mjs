// ioredis and its fork iovalkey, whose interface is the same: the first argument names the library.
import assert from "node:assert/strict";
import * as at from "./report.mjs";

const library = process.argv[2];
const { default: Redis } = await import(library);

function connect(options = {}) {
  const client = new Redis({
    host: at.host, port: at.port, username: at.username, password: at.password, tls: { ca: at.ca }, ...options,
  });
  client.on("error", (error) => (client.lastError = error));
  return client;
}

const client = connect();

await at.run(at.versionOf(library), {
  async opening() {
    const recorded = connect({ port: at.recordingPort });
    assert.equal(await recorded.ping(), "PONG");
    await recorded.quit();
  },
  async foreign_ca() {
    const deceived = connect({ tls: { ca: at.foreignCa }, retryStrategy: null });
    await assert.rejects(deceived.ping());
    assert.match(String(deceived.lastError), /certificate/);
  },
  async binary_values() {
    await client.set(at.allBytes, at.allBytes);
    assert.deepEqual(await client.getBuffer(at.allBytes), at.allBytes);
    await client.set("empty", "");
    assert.equal(await client.get("empty"), "");
  },
  async large_value() {
    await client.set("large", at.largeValue);
    assert.ok(at.largeValue.equals(await client.getBuffer("large")));
  },
  async pipeline() {
    const pipe = client.pipeline();
    for (let i = 0; i < 10000; ++i) pipe.incr("counter");
    const answers = await pipe.exec();
    assert.equal(answers.length, 10000);
    answers.forEach(([error, value], i) => assert.ok(error === null && value === i + 1));
  },
  async transaction() {
    await client.set("text", "abc");
    const [set, incr, wrong, get] = await client.multi().set("a", 1).incr("a").incr("text").get("a").exec();
    assert.deepEqual([set[1], incr[1], get[1]], ["OK", 2, "2"]);
    assert.match(wrong[0].message, /not an integer/);
  },
  async watch_conflict() {
    const watching = connect();
    await watching.watch("watched");
    await client.set("watched", "by another");
    assert.equal(await watching.multi().set("watched", "by me").exec(), null);
    assert.equal(await client.get("watched"), "by another");
    watching.disconnect();
  },
  async pubsub() {
    const listener = connect();
    const received = [];
    listener.on("message", (channel, text) => received.push(`message ${channel} ${text}`));
    listener.on("pmessage", (pattern, channel, text) => received.push(`pmessage ${pattern} ${channel} ${text}`));
    await listener.subscribe("news");
    await listener.psubscribe("new*");
    assert.equal(await client.publish("news", "hello"), 2);
    await at.until("both messages", () => received.length === 2);
    assert.deepEqual(received.sort(), ["message news hello", "pmessage new* news hello"]);
    listener.disconnect();
  },
  async blocking_pop() {
    const waiting = connect();
    const popped = waiting.blpop("queue", 10);
    await at.sleep(300);
    await client.rpush("queue", "job");
    assert.deepEqual(await popped, ["queue", "job"]);
    assert.equal(await waiting.blpop("queue", 1), null);
    waiting.disconnect();
  },
  async script() {
    const source = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";
    assert.deepEqual(await client.eval(source, 1, "eval", "x"), ["eval", "x", 1]);
    await assert.rejects(client.evalsha("0".repeat(40), 0), /^ReplyError: NOSCRIPT/);
    const sha = await client.script("LOAD", source + " -- loaded");
    assert.deepEqual(await client.evalsha(sha, 1, "eval", "y"), ["eval", "y", 2]);
  },
  async scan() {
    const pipe = client.pipeline();
    for (let i = 0; i < 1200; ++i) pipe.set(i < 1000 ? `scan:${i}` : `other:${i}`, i);
    await pipe.exec();
    const found = new Set();
    for await (const keys of client.scanStream({ match: "scan:*", count: 100 })) keys.forEach((key) => found.add(key));
    assert.equal(found.size, 1000);
  },
  async stream_group() {
    const id = await client.xadd("stream", "*", "field", "value");
    await client.xgroup("CREATE", "stream", "group", "0");
    const read = await client.xreadgroup("GROUP", "group", "consumer", "STREAMS", "stream", ">");
    assert.deepEqual(read, [["stream", [[id, ["field", "value"]]]]]);
    assert.equal(await client.xack("stream", "group", id), 1);
    assert.equal((await client.xpending("stream", "group"))[0], 0);
  },
  async resp3() {
    if (library !== "ioredis") throw new at.Unsupported("speaks RESP2 only");
    const third = connect({ protocol: 3, replyMapping: "resp3" });
    await third.hset("map", "a", 1);
    await third.zadd("sorted", 1.5, "a");
    await third.sadd("set", "a");
    assert.deepEqual({ ...(await third.hgetall("map")) }, { a: "1" });
    assert.equal(await third.zscore("sorted", "a"), 1.5);
    assert.deepEqual([...(await third.smembers("set"))], ["a"]);
    assert.equal((await third.call("HELLO")).proto, 3);
    third.disconnect();
  },
  async tracking() {
    throw new at.Unsupported("has no client-side cache");
  },
  async leader_killed() {
    const lasting = connect();
    const listener = connect();
    let messages = 0;
    listener.on("message", () => ++messages);
    await listener.subscribe("lasting");
    const before = await lasting.client("ID");
    await lasting.set("lasting", "1");
    let closed = 0;
    for (const connection of [lasting, listener]) connection.on("close", () => ++closed);
    await at.please("kill_leader");
    assert.equal(await lasting.get("lasting"), "1");
    assert.equal(await lasting.incr("lasting"), 2);
    assert.equal(await lasting.client("ID"), before);
    await at.until("a message after the leader's death", async () => (await lasting.publish("lasting", "still here")) && messages);
    assert.equal(closed, 0);
    await at.please("count_connections");
    lasting.disconnect();
    listener.disconnect();
  },
  async portal_killed() {
    const shared = connect({ port: at.sharedPort });
    await shared.set("shared", "1");
    await at.please("kill_portal");
    await at.until("an answer by the other portal", () => shared.incr("after the portal"), true);
    assert.equal(await shared.get("shared"), "1");
  },
});
