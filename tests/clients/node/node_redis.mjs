// node-redis, the package `redis`.
import assert from "node:assert/strict";
import { BasicClientSideCache, createClient, RESP_TYPES } from "redis";
import * as at from "./report.mjs";

async function connect({ port = at.port, ca = at.ca, ...options } = {}) {
  const client = createClient({
    username: at.username, password: at.password, ...options,
    socket: { host: at.host, port, tls: true, ca, ...options.socket },
  });
  client.on("error", (error) => (client.lastError = error));
  return await client.connect();
}

const client = await connect();
const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });

await at.run(at.versionOf("redis"), {
  async opening() {
    const recorded = await connect({ port: at.recordingPort });
    assert.equal(await recorded.ping(), "PONG");
    await recorded.close();
  },
  async foreign_ca() {
    await assert.rejects(connect({ ca: at.foreignCa, socket: { reconnectStrategy: false } }), /certificate/);
  },
  async binary_values() {
    await client.set(at.allBytes, at.allBytes);
    assert.deepEqual(await binary.get(at.allBytes), at.allBytes);
    await client.set("empty", "");
    assert.equal(await client.get("empty"), "");
  },
  async large_value() {
    await client.set("large", at.largeValue);
    assert.ok(at.largeValue.equals(await binary.get("large")));
  },
  async pipeline() {
    const pipe = client.multi();
    for (let i = 0; i < 10000; ++i) pipe.incr("counter");
    const answers = await pipe.execAsPipeline();
    assert.equal(answers.length, 10000);
    answers.forEach((value, i) => assert.equal(value, i + 1));
  },
  async transaction() {
    await client.set("text", "abc");
    const error = await client.multi().set("a", 1).incr("a").incr("text").get("a").exec().catch((reason) => reason);
    assert.deepEqual([error.replies[0], error.replies[1], error.replies[3]], ["OK", 2, "2"]);
    assert.match(error.replies[2].message, /not an integer/);
  },
  async watch_conflict() {
    const watching = await connect();
    await watching.watch("watched");
    await client.set("watched", "by another");
    await assert.rejects(watching.multi().set("watched", "by me").exec(), { name: "Error", message: /watched keys has been changed/ });
    assert.equal(await client.get("watched"), "by another");
    await watching.close();
  },
  async pubsub() {
    const listener = await connect();
    const received = [];
    await listener.subscribe("news", (text, channel) => received.push(`message ${channel} ${text}`));
    await listener.pSubscribe("new*", (text, channel) => received.push(`pmessage ${channel} ${text}`));
    assert.equal(await client.publish("news", "hello"), 2);
    await at.until("both messages", () => received.length === 2);
    assert.deepEqual(received.sort(), ["message news hello", "pmessage news hello"]);
    await listener.close();
  },
  async blocking_pop() {
    const waiting = await connect();
    const popped = waiting.blPop("queue", 10);
    await at.sleep(300);
    await client.rPush("queue", "job");
    assert.deepEqual({ ...(await popped) }, { key: "queue", element: "job" });
    assert.equal(await waiting.blPop("queue", 1), null);
    await waiting.close();
  },
  async script() {
    const source = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";
    assert.deepEqual(await client.eval(source, { keys: ["eval"], arguments: ["x"] }), ["eval", "x", 1]);
    await assert.rejects(client.evalSha("0".repeat(40)), /NOSCRIPT/);
    const sha = await client.scriptLoad(source + " -- loaded");
    assert.deepEqual(await client.evalSha(sha, { keys: ["eval"], arguments: ["y"] }), ["eval", "y", 2]);
  },
  async scan() {
    const pipe = client.multi();
    for (let i = 0; i < 1200; ++i) pipe.set(i < 1000 ? `scan:${i}` : `other:${i}`, i);
    await pipe.execAsPipeline();
    const found = new Set();
    for await (const keys of client.scanIterator({ MATCH: "scan:*", COUNT: 100 })) keys.forEach((key) => found.add(key));
    assert.equal(found.size, 1000);
  },
  async stream_group() {
    const id = await client.xAdd("stream", "*", { field: "value" });
    await client.xGroupCreate("stream", "group", "0");
    const read = await client.xReadGroup("group", "consumer", { key: "stream", id: ">" });
    assert.equal(read[0].messages[0].id, id);
    assert.equal(read[0].messages[0].message.field, "value");
    assert.equal(await client.xAck("stream", "group", id), 1);
    assert.equal((await client.xPending("stream", "group")).pending, 0);
  },
  async resp3() {
    const third = await connect({ RESP: 3 });
    await third.hSet("map", "a", 1);
    await third.zAdd("sorted", { value: "a", score: 1.5 });
    await third.sAdd("set", "a");
    const asMap = third.withTypeMapping({ [RESP_TYPES.MAP]: Map, [RESP_TYPES.SET]: Set });
    assert.deepEqual(await asMap.hGetAll("map"), new Map([["a", "1"]]));
    assert.equal(await third.zScore("sorted", "a"), 1.5);
    assert.deepEqual(await asMap.sMembers("set"), new Set(["a"]));
    assert.equal((await third.hello()).proto, 3);
    await third.close();
  },
  async tracking() {
    await client.set("cached", "1");
    const cache = new BasicClientSideCache();
    const counted = await connect({ RESP: 3, clientSideCache: cache });
    await counted.get("cached");
    await counted.get("cached");
    assert.equal(cache.stats().hitCount, 1);
    await client.set("cached", "2");
    await at.until("the new value", async () => (await counted.get("cached")) === "2");
    await counted.close();
  },
  async leader_killed() {
    const lasting = await connect();
    const listener = await connect();
    let messages = 0;
    await listener.subscribe("lasting", () => ++messages);
    const before = await lasting.clientId();
    await lasting.set("lasting", "1");
    let reconnects = 0;
    for (const connection of [lasting, listener]) connection.on("reconnecting", () => ++reconnects);
    await at.please("kill_leader");
    assert.equal(await lasting.get("lasting"), "1");
    assert.equal(await lasting.incr("lasting"), 2);
    assert.equal(await lasting.clientId(), before);
    await at.until("a message after the leader's death", async () => (await lasting.publish("lasting", "still here")) && messages);
    assert.equal(reconnects, 0);
    await at.please("count_connections");
    lasting.destroy();
    listener.destroy();
  },
  async portal_killed() {
    const shared = await connect({ port: at.sharedPort });
    await shared.set("shared", "1");
    await at.please("kill_portal");
    await at.until("an answer by the other portal", () => shared.incr("after the portal"), true);
    assert.equal(await shared.get("shared"), "1");
  },
});
