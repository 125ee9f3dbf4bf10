package clients;

import static clients.Report.*;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.Consumer;
import io.lettuce.core.KeyValue;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.RedisURI;
import io.lettuce.core.ScanArgs;
import io.lettuce.core.ScanIterator;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.SslOptions;
import io.lettuce.core.StreamMessage;
import io.lettuce.core.TrackingArgs;
import io.lettuce.core.TransactionResult;
import io.lettuce.core.XReadArgs.StreamOffset;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.async.RedisAsyncCommands;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.protocol.ProtocolVersion;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import io.lettuce.core.support.caching.CacheAccessor;
import io.lettuce.core.support.caching.CacheFrontend;
import io.lettuce.core.support.caching.ClientSideCaching;
import java.io.File;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Lettuce: one connection that pipelines by itself; what blocks, watches or listens gets a connection of its own. */
final class LettuceProgram {
    private static final RedisClient library = trustingClient(CA_FILE);
    private static final StatefulRedisConnection<String, String> connection = library.connect(uri(PORT));
    private static final RedisCommands<String, String> client = connection.sync();

    private static RedisClient trustingClient(String caFile) {
        final RedisClient made = RedisClient.create();
        made.setOptions(ClientOptions.builder().protocolVersion(ProtocolVersion.RESP3)
                .sslOptions(SslOptions.builder().jdkSslProvider().trustManager(new File(caFile)).build()).build());
        return made;
    }

    private static RedisURI uri(int port) {
        return RedisURI.Builder.redis(HOST, port).withSsl(true).withAuthentication(USERNAME, PASSWORD)
                .withTimeout(Duration.ofSeconds(15)).build();
    }

    /** Remembers what it receives. */
    private static final class Listener extends RedisPubSubAdapter<String, String> implements AutoCloseable {
        final BlockingQueue<String> received = new LinkedBlockingQueue<>();
        final StatefulRedisPubSubConnection<String, String> connection = library.connectPubSub(uri(PORT));

        Listener() {
            connection.addListener(this);
        }

        @Override
        public void message(String channel, String text) {
            received.add("message " + channel + " " + text);
        }

        @Override
        public void message(String pattern, String channel, String text) {
            received.add("pmessage " + pattern + " " + channel + " " + text);
        }

        @Override
        public void close() {
            connection.close();
        }
    }

    private static void opening() {
        try (StatefulRedisConnection<String, String> recorded = library.connect(uri(RECORDING_PORT))) {
            equal("PONG", recorded.sync().ping());
        }
    }

    private static void foreignCa() {
        failsWith("PKIX path", () -> trustingClient(FOREIGN_CA_FILE).connect(uri(PORT)));
    }

    private static void binaryValues() {
        try (StatefulRedisConnection<byte[], byte[]> binary = library.connect(ByteArrayCodec.INSTANCE, uri(PORT))) {
            binary.sync().set(ALL_BYTES, ALL_BYTES);
            equal(ALL_BYTES, binary.sync().get(ALL_BYTES));
        }
        client.set("empty", "");
        equal("", client.get("empty"));
    }

    private static void largeValue() {
        try (StatefulRedisConnection<byte[], byte[]> binary = library.connect(ByteArrayCodec.INSTANCE, uri(PORT))) {
            binary.sync().set("large".getBytes(), LARGE);
            equal(LARGE, binary.sync().get("large".getBytes()));
        }
    }

    private static void pipeline() throws Exception {
        final RedisAsyncCommands<String, String> async = connection.async();
        final List<RedisFuture<Long>> answers = new ArrayList<>();
        connection.setAutoFlushCommands(false);
        for (int i = 0; i < 10_000; ++i) {
            answers.add(async.incr("counter"));
        }
        connection.flushCommands();
        connection.setAutoFlushCommands(true);
        for (int i = 0; i < 10_000; ++i) {
            equal(i + 1L, answers.get(i).get(15, TimeUnit.SECONDS));
        }
    }

    private static void transaction() {
        client.set("text", "abc");
        try (StatefulRedisConnection<String, String> own = library.connect(uri(PORT))) {
            final RedisCommands<String, String> multi = own.sync();
            multi.multi();
            multi.set("a", "1");
            multi.incr("a");
            multi.incr("text");
            multi.get("a");
            final TransactionResult answers = multi.exec();
            equal(2L, answers.get(1));
            equal("2", answers.get(3));
            equal(true, String.valueOf((Object) answers.get(2)).contains("not an integer"));
        }
    }

    private static void watchConflict() {
        try (StatefulRedisConnection<String, String> own = library.connect(uri(PORT))) {
            final RedisCommands<String, String> multi = own.sync();
            multi.watch("watched");
            client.set("watched", "by another");
            multi.multi();
            multi.set("watched", "by me");
            equal(true, multi.exec().wasDiscarded());
        }
        equal("by another", client.get("watched"));
    }

    private static void pubsub() throws Exception {
        try (Listener listener = new Listener()) {
            listener.connection.sync().subscribe("news");
            listener.connection.sync().psubscribe("new*");
            equal(2L, client.publish("news", "hello"));
            final Set<String> found = new HashSet<>();
            for (int i = 0; i < 2; ++i) {
                found.add(listener.received.poll(5, TimeUnit.SECONDS));
            }
            equal(Set.of("message news hello", "pmessage new* news hello"), found);
        }
    }

    private static void blockingPop() {
        try (StatefulRedisConnection<String, String> own = library.connect(uri(PORT))) {
            later(300, () -> client.rpush("queue", "job"));
            equal(KeyValue.just("queue", "job"), own.sync().blpop(10, "queue"));
            equal(null, own.sync().blpop(1, "queue"));
        }
    }

    private static void script() {
        final String source = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";
        final String[] keys = {"eval"};
        equal(List.of("eval", "x", 1L), client.eval(source, ScriptOutputType.MULTI, keys, "x"));
        failsWith("NOSCRIPT", () -> client.evalsha("0".repeat(40), ScriptOutputType.MULTI));
        final String sha = client.scriptLoad(source + " -- loaded");
        equal(List.of("eval", "y", 2L), client.evalsha(sha, ScriptOutputType.MULTI, keys, "y"));
    }

    private static void scan() throws Exception {
        RedisFuture<String> last = null;
        for (int i = 0; i < 1200; ++i) {
            last = connection.async().set((i < 1000 ? "scan:" : "other:") + i, "1");
        }
        last.get(15, TimeUnit.SECONDS);
        final Set<String> found = new HashSet<>();
        ScanIterator.scan(client, ScanArgs.Builder.matches("scan:*").limit(100)).forEachRemaining(found::add);
        equal(1000, found.size());
    }

    private static void streamGroup() {
        final String id = client.xadd("stream", Map.of("field", "value"));
        client.xgroupCreate(StreamOffset.from("stream", "0"), "group");
        final List<StreamMessage<String, String>> read =
                client.xreadgroup(Consumer.from("group", "consumer"), StreamOffset.lastConsumed("stream"));
        equal(id, read.get(0).getId());
        equal(Map.of("field", "value"), read.get(0).getBody());
        equal(1L, client.xack("stream", "group", id));
        equal(0L, client.xpending("stream", "group").getCount());
    }

    private static void resp3() {
        client.hset("map", "a", "1");
        client.zadd("sorted", 1.5, "a");
        client.sadd("set", "a");
        equal(Map.of("a", "1"), client.hgetall("map"));
        equal(1.5, client.zscore("sorted", "a"));
        equal(Set.of("a"), client.smembers("set"));
        equal(true, client.clientInfo().contains("resp=3"));
    }

    private static void tracking() throws Exception {
        try (StatefulRedisConnection<String, String> own = library.connect(uri(PORT))) {
            final Map<String, String> cache = new ConcurrentHashMap<>();
            final CacheFrontend<String, String> caching =
                    ClientSideCaching.enable(CacheAccessor.forMap(cache), own, TrackingArgs.Builder.enabled());
            client.set("cached", "1");
            equal("1", caching.get("cached"));
            equal("1", cache.get("cached"));
            client.set("cached", "2");
            until("the new value", () -> "2".equals(caching.get("cached")));
        }
    }

    private static void leaderKilled() throws Exception {
        try (StatefulRedisConnection<String, String> own = library.connect(uri(PORT)); Listener listener = new Listener()) {
            final RedisCommands<String, String> lasting = own.sync();
            listener.connection.sync().subscribe("lasting");
            final long before = lasting.clientId();
            lasting.set("lasting", "1");
            please("kill_leader");
            equal("1", lasting.get("lasting"));
            equal(2L, lasting.incr("lasting"));
            equal(before, lasting.clientId());
            until("a message after the leader's death", () -> {
                lasting.publish("lasting", "still here");
                return listener.received.poll(50, TimeUnit.MILLISECONDS) != null;
            });
            please("count_connections");
        }
    }

    private static void portalKilled() throws Exception {
        try (StatefulRedisConnection<String, String> shared = library.connect(uri(SHARED_PORT))) {
            shared.sync().set("shared", "1");
            please("kill_portal");
            until("an answer by the other portal", () -> {
                try {
                    return shared.sync().incr("after the portal") > 0;
                } catch (io.lettuce.core.RedisException notYet) {
                    return false;
                }
            });
            equal("1", shared.sync().get("shared"));
        }
    }

    public static void main(String[] arguments) throws Exception {
        final Map<String, Scenario> scenarios = new LinkedHashMap<>();
        scenarios.put("opening", LettuceProgram::opening);
        scenarios.put("foreign_ca", LettuceProgram::foreignCa);
        scenarios.put("binary_values", LettuceProgram::binaryValues);
        scenarios.put("large_value", LettuceProgram::largeValue);
        scenarios.put("pipeline", LettuceProgram::pipeline);
        scenarios.put("transaction", LettuceProgram::transaction);
        scenarios.put("watch_conflict", LettuceProgram::watchConflict);
        scenarios.put("pubsub", LettuceProgram::pubsub);
        scenarios.put("blocking_pop", LettuceProgram::blockingPop);
        scenarios.put("script", LettuceProgram::script);
        scenarios.put("scan", LettuceProgram::scan);
        scenarios.put("stream_group", LettuceProgram::streamGroup);
        scenarios.put("resp3", LettuceProgram::resp3);
        scenarios.put("tracking", LettuceProgram::tracking);
        scenarios.put("leader_killed", LettuceProgram::leaderKilled);
        scenarios.put("portal_killed", LettuceProgram::portalKilled);
        run(versionOf("io.lettuce", "lettuce-core"), scenarios);
    }
}
