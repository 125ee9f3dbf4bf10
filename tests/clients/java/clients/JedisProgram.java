package clients;

import static clients.Report.*;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLParameters;
import redis.clients.jedis.AbstractTransaction;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.Pipeline;
import redis.clients.jedis.Protocol;
import redis.clients.jedis.RedisClient;
import redis.clients.jedis.Response;
import redis.clients.jedis.StreamEntryID;
import redis.clients.jedis.csc.Cache;
import redis.clients.jedis.csc.CacheConfig;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.params.ScanParams;
import redis.clients.jedis.params.XReadGroupParams;
import redis.clients.jedis.resps.ScanResult;
import redis.clients.jedis.resps.StreamEntry;

/** Jedis: RedisClient, which has a pool, and Jedis, which is one connection. */
final class JedisProgram {
    private static final RedisClient client = pool(PORT, config(CA_FILE));

    private static JedisClientConfig config(String caFile) {
        return settings(caFile).build();
    }

    private static DefaultJedisClientConfig.Builder settings(String caFile) {
        try {
            final SSLParameters verifiedName = new SSLParameters();
            verifiedName.setEndpointIdentificationAlgorithm("HTTPS"); // else Jedis takes any name that the CA has signed
            return DefaultJedisClientConfig.builder().user(USERNAME).password(PASSWORD).timeoutMillis(15_000).ssl(true)
                    .sslSocketFactory(trusting(caFile).getSocketFactory()).sslParameters(verifiedName);
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }

    private static RedisClient pool(int port, JedisClientConfig config) {
        return RedisClient.builder().hostAndPort(HOST, port).clientConfig(config).build();
    }

    private static Jedis one(int port, String caFile) {
        return new Jedis(new HostAndPort(HOST, port), config(caFile));
    }

    /** Remembers what it receives; closed by unsubscribing. */
    private static final class Listener extends JedisPubSub implements AutoCloseable {
        final BlockingQueue<String> received = new LinkedBlockingQueue<>();
        private final BlockingQueue<String> subscribed = new LinkedBlockingQueue<>();
        private final Thread thread;

        Listener(String channel, String... patterns) throws InterruptedException {
            thread = later(0, () -> {
                try (Jedis connection = one(PORT, CA_FILE)) {
                    connection.subscribe(this, channel);
                } catch (JedisConnectionException error) {
                    received.add("lost: " + error);
                }
            });
            subscribed.poll(5, TimeUnit.SECONDS);
            if (patterns.length > 0) {
                psubscribe(patterns);
                subscribed.poll(5, TimeUnit.SECONDS);
            }
        }

        @Override
        public void onSubscribe(String channel, int count) {
            subscribed.add(channel);
        }

        @Override
        public void onPSubscribe(String pattern, int count) {
            subscribed.add(pattern);
        }

        @Override
        public void onMessage(String channel, String text) {
            received.add("message " + channel + " " + text);
        }

        @Override
        public void onPMessage(String pattern, String channel, String text) {
            received.add("pmessage " + pattern + " " + channel + " " + text);
        }

        @Override
        public void close() throws InterruptedException {
            unsubscribe();
            punsubscribe();
            thread.join(5000);
        }
    }

    private static void opening() {
        try (Jedis recorded = one(RECORDING_PORT, CA_FILE)) {
            equal("PONG", recorded.ping());
        }
    }

    private static void foreignCa() {
        failsWith("PKIX path", () -> one(PORT, FOREIGN_CA_FILE).ping());
    }

    private static void binaryValues() {
        client.set(ALL_BYTES, ALL_BYTES);
        equal(ALL_BYTES, client.get(ALL_BYTES));
        client.set("empty", "");
        equal("", client.get("empty"));
    }

    private static void largeValue() {
        final byte[] key = "large".getBytes(StandardCharsets.UTF_8);
        client.set(key, LARGE);
        equal(LARGE, client.get(key));
    }

    private static void pipeline() {
        final List<Response<Long>> answers = new ArrayList<>();
        try (Pipeline pipe = client.pipelined()) {
            for (int i = 0; i < 10_000; ++i) {
                answers.add(pipe.incr("counter"));
            }
        }
        for (int i = 0; i < 10_000; ++i) {
            equal(i + 1L, answers.get(i).get());
        }
    }

    private static void transaction() {
        client.set("text", "abc");
        try (AbstractTransaction multi = client.multi()) {
            multi.set("a", "1");
            final Response<Long> incr = multi.incr("a");
            final Response<Long> wrong = multi.incr("text");
            final Response<String> get = multi.get("a");
            equal(4, multi.exec().size());
            equal(2L, incr.get());
            equal("2", get.get());
            failsWith("not an integer", wrong::get);
        }
    }

    private static void watchConflict() {
        try (AbstractTransaction multi = client.transaction(false)) {
            multi.watch("watched");
            client.set("watched", "by another");
            multi.multi();
            multi.set("watched", "by me");
            equal(null, multi.exec());
        }
        equal("by another", client.get("watched"));
    }

    private static void pubsub() throws Exception {
        try (Listener listener = new Listener("news", "new*")) {
            equal(2L, client.publish("news", "hello"));
            final Set<String> found = new HashSet<>();
            for (int i = 0; i < 2; ++i) {
                found.add(listener.received.poll(5, TimeUnit.SECONDS));
            }
            equal(Set.of("message news hello", "pmessage new* news hello"), found);
        }
    }

    private static void blockingPop() {
        later(300, () -> client.rpush("queue", "job"));
        equal(List.of("queue", "job"), client.blpop(10, "queue"));
        equal(null, client.blpop(1, "queue"));
    }

    private static void script() {
        final String source = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";
        equal(List.of("eval", "x", 1L), client.eval(source, 1, "eval", "x"));
        failsWith("NOSCRIPT", () -> client.evalsha("0".repeat(40)));
        final String sha = client.scriptLoad(source + " -- loaded");
        equal(List.of("eval", "y", 2L), client.evalsha(sha, 1, "eval", "y"));
    }

    private static void scan() {
        try (Pipeline pipe = client.pipelined()) {
            for (int i = 0; i < 1200; ++i) {
                pipe.set((i < 1000 ? "scan:" : "other:") + i, "1");
            }
        }
        final Set<String> found = new HashSet<>();
        String cursor = ScanParams.SCAN_POINTER_START;
        do {
            final ScanResult<String> page = client.scan(cursor, new ScanParams().match("scan:*").count(100));
            found.addAll(page.getResult());
            cursor = page.getCursor();
        } while (!cursor.equals(ScanParams.SCAN_POINTER_START));
        equal(1000, found.size());
    }

    private static void streamGroup() {
        final StreamEntryID id = client.xadd("stream", StreamEntryID.NEW_ENTRY, Map.of("field", "value"));
        client.xgroupCreate("stream", "group", new StreamEntryID("0-0"), false);
        final List<Map.Entry<String, List<StreamEntry>>> read = client.xreadGroup(
                "group", "consumer", new XReadGroupParams(), Map.of("stream", StreamEntryID.XREADGROUP_UNDELIVERED_ENTRY));
        equal(id, read.get(0).getValue().get(0).getID());
        equal(Map.of("field", "value"), read.get(0).getValue().get(0).getFields());
        equal(1L, client.xack("stream", "group", id));
        equal(0L, client.xpending("stream", "group").getTotal());
    }

    private static void resp3() {
        try (RedisClient third = pool(PORT, settings(CA_FILE).resp3().build())) {
            third.hset("map", "a", "1");
            third.zadd("sorted", 1.5, "a");
            third.sadd("set", "a");
            equal(Map.of("a", "1"), third.hgetAll("map"));
            equal(1.5, third.zscore("sorted", "a"));
            equal(1.5, third.sendCommand(Protocol.Command.ZSCORE, "sorted", "a"));
            equal(Set.of("a"), third.smembers("set"));
        }
    }

    private static void tracking() throws Exception {
        final RedisClient caching = RedisClient.builder().hostAndPort(HOST, PORT).clientConfig(settings(CA_FILE).resp3().build())
                .cacheConfig(CacheConfig.builder().maxSize(100).build()).build();
        try (caching) {
            final Cache cache = caching.getCache();
            client.set("cached", "1");
            equal("1", caching.get("cached"));
            equal("1", caching.get("cached"));
            equal(1L, cache.getStats().getHitCount());
            client.set("cached", "2");
            until("the new value", () -> "2".equals(caching.get("cached")));
        } catch (RuntimeException error) {
            if (String.valueOf(error.getMessage()).contains("Redis 7.4")) {
                throw new Unsupported("its cache refuses Redis before 7.4");
            }
            throw error;
        }
    }

    private static void leaderKilled() throws Exception {
        try (Jedis lasting = one(PORT, CA_FILE); Listener listener = new Listener("lasting")) {
            final long before = lasting.clientId();
            lasting.set("lasting", "1");
            please("kill_leader");
            equal("1", lasting.get("lasting"));
            equal(2L, lasting.incr("lasting"));
            equal(before, lasting.clientId());
            until("a message after the leader's death", () -> {
                lasting.publish("lasting", "still here");
                final String message = listener.received.poll(50, TimeUnit.MILLISECONDS);
                if (message != null) {
                    equal("message lasting still here", message);
                }
                return message != null;
            });
            please("count_connections");
        }
    }

    private static void portalKilled() throws Exception {
        try (RedisClient shared = pool(SHARED_PORT, config(CA_FILE))) {
            shared.set("shared", "1");
            please("kill_portal");
            until("an answer by the other portal", () -> {
                try {
                    return shared.incr("after the portal") > 0;
                } catch (JedisConnectionException notYet) {
                    return false;
                }
            });
            equal("1", shared.get("shared"));
        }
    }

    public static void main(String[] arguments) throws Exception {
        final Map<String, Scenario> scenarios = new LinkedHashMap<>();
        scenarios.put("opening", JedisProgram::opening);
        scenarios.put("foreign_ca", JedisProgram::foreignCa);
        scenarios.put("binary_values", JedisProgram::binaryValues);
        scenarios.put("large_value", JedisProgram::largeValue);
        scenarios.put("pipeline", JedisProgram::pipeline);
        scenarios.put("transaction", JedisProgram::transaction);
        scenarios.put("watch_conflict", JedisProgram::watchConflict);
        scenarios.put("pubsub", JedisProgram::pubsub);
        scenarios.put("blocking_pop", JedisProgram::blockingPop);
        scenarios.put("script", JedisProgram::script);
        scenarios.put("scan", JedisProgram::scan);
        scenarios.put("stream_group", JedisProgram::streamGroup);
        scenarios.put("resp3", JedisProgram::resp3);
        scenarios.put("tracking", JedisProgram::tracking);
        scenarios.put("leader_killed", JedisProgram::leaderKilled);
        scenarios.put("portal_killed", JedisProgram::portalKilled);
        run(versionOf("redis.clients", "jedis"), scenarios);
    }
}
