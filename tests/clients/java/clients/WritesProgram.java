package clients;

import static clients.Report.*;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import javax.net.ssl.SSLParameters;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.RedisClient;
import redis.clients.jedis.exceptions.JedisDataException;

/** Jedis with its default settings, for run_writes.py: each worker has a client of its own, counts up its counter and pushes its ids. */
final class WritesProgram {
    private static final int WORKERS = 50;
    private static final int PAUSE = 5; // milliseconds
    private static volatile boolean stop;

    private interface Write {
        Object run();
    }

    private static final class Worker extends Thread {
        private final int number;
        private int tried;
        private final List<Integer> failed = new ArrayList<>();
        private final List<String> values = new ArrayList<>();
        private final Map<String, Integer> errors = new TreeMap<>();

        Worker(int number) {
            this.number = number;
            setDaemon(true);
        }

        private static RedisClient connect() {
            try {
                final SSLParameters verifiedName = new SSLParameters();
                verifiedName.setEndpointIdentificationAlgorithm("HTTPS");
                return RedisClient.builder().hostAndPort(HOST, PORT).clientConfig(DefaultJedisClientConfig.builder().user(USERNAME)
                        .password(PASSWORD).ssl(true).sslSocketFactory(trusting(CA_FILE).getSocketFactory())
                        .sslParameters(verifiedName).build()).build();
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        }

        /** What the write answered, null for an error. */
        private Object attempt(Write write) {
            try {
                return write.run();
            } catch (RuntimeException error) {
                final boolean answered = error instanceof JedisDataException;
                final String name = answered ? error.getMessage().split(" ")[0] : error.getClass().getSimpleName();
                synchronized (this) {
                    errors.merge(name, 1, Integer::sum);
                }
                return null;
            }
        }

        @Override
        public void run() {
            final RedisClient client = connect();
            while (!stop) {
                final Object value = attempt(() -> client.incr("counter:" + number));
                synchronized (this) {
                    values.add(String.valueOf(value));
                    failed.add(++tried);
                }
                if (attempt(() -> client.rpush("ids:" + number, String.valueOf(tried))) != null) {
                    synchronized (this) {
                        failed.remove(failed.size() - 1);
                    }
                }
                try {
                    Thread.sleep(PAUSE);
                } catch (InterruptedException error) {
                    return;
                }
            }
        }

        synchronized String json() {
            final String counted = errors.entrySet().stream().map(entry -> "\"" + entry.getKey() + "\": " + entry.getValue())
                    .collect(Collectors.joining(", "));
            return "{\"tried\": " + tried + ", \"failed\": " + failed + ", \"values\": " + values + ", \"errors\": {" + counted + "}}";
        }
    }

    public static void main(String[] arguments) throws Exception {
        final List<Worker> workers = new ArrayList<>();
        for (int number = 0; number < WORKERS; ++number) {
            workers.add(new Worker(number));
            workers.get(number).start();
        }
        System.out.println("version " + versionOf("redis.clients", "jedis"));
        System.in.read();
        stop = true;
        final long deadline = System.currentTimeMillis() + 20_000;
        for (final Worker worker : workers) {
            worker.join(Math.max(1, deadline - System.currentTimeMillis()));
        }
        System.out.println(workers.stream().map(Worker::json).collect(Collectors.joining(", ", "[", "]")));
    }
}
