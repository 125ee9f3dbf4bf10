package clients;

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.Callable;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** What the Java programs share: where to connect, the lines that the driver reads, waiting. */
final class Report {
    static final String HOST = System.getenv("PORTAL_HOST");
    static final int PORT = Integer.parseInt(System.getenv("PORTAL_PORT"));
    static final int SHARED_PORT = Integer.parseInt(System.getenv("SHARED_PORT"));
    static final int RECORDING_PORT = Integer.parseInt(System.getenv("RECORDING_PORT"));
    static final String CA_FILE = System.getenv("CA_FILE");
    static final String FOREIGN_CA_FILE = System.getenv("FOREIGN_CA_FILE");
    static final String USERNAME = System.getenv("REDIS_USERNAME");
    static final String PASSWORD = System.getenv("REDIS_PASSWORD");

    static final byte[] ALL_BYTES = allBytes();
    static final byte[] LARGE = new byte[1 << 20];

    private static final long WAIT = 15_000; // milliseconds for what happens in well under one second
    private static final BufferedReader INPUT = new BufferedReader(new InputStreamReader(System.in));

    static {
        for (int i = 0; i < LARGE.length; ++i) {
            LARGE[i] = (byte) i;
        }
    }

    /** Throws when something is wrong. */
    interface Scenario {
        void run() throws Exception;
    }

    /** The client library has no such thing. */
    static final class Unsupported extends RuntimeException {
        Unsupported(String reason) {
            super(reason);
        }
    }

    private Report() {}

    private static byte[] allBytes() {
        final byte[] tail = "\r\n$-1\r\n".getBytes(StandardCharsets.UTF_8);
        final byte[] all = new byte[256 + tail.length];
        for (int i = 0; i < 256; ++i) {
            all[i] = (byte) i;
        }
        System.arraycopy(tail, 0, all, 256, tail.length);
        return all;
    }

    static SSLContext trusting(String caFile) throws Exception {
        final KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (FileInputStream pem = new FileInputStream(caFile)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        final TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        final SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    static void equal(Object expected, Object found) {
        if (!Objects.deepEquals(expected, found)) {
            throw new AssertionError(String.format("expected %.200s, found %.200s", expected, found));
        }
    }

    /** Wants an error that has the part in its own text or in that of a cause. */
    static void failsWith(String part, Scenario action) {
        try {
            action.run();
        } catch (Exception error) {
            for (Throwable cause = error; cause != null; cause = cause.getCause()) {
                if (String.valueOf(cause.getMessage()).contains(part)) {
                    return;
                }
            }
            throw new AssertionError("expected an error with " + part, error);
        }
        throw new AssertionError("expected an error with " + part);
    }

    static void please(String word) throws Exception {
        System.out.println("please " + word);
        equal("done", INPUT.readLine());
    }

    static void until(String what, Callable<Boolean> attempt) throws Exception {
        final long end = System.currentTimeMillis() + WAIT;
        while (!attempt.call()) {
            if (System.currentTimeMillis() > end) {
                throw new AssertionError(what + ": not within " + WAIT + " ms");
            }
            Thread.sleep(20);
        }
    }

    static Thread later(long milliseconds, Scenario action) {
        final Thread thread = new Thread(() -> {
            try {
                Thread.sleep(milliseconds);
                action.run();
            } catch (Exception error) {
                error.printStackTrace();
            }
        });
        thread.start();
        return thread;
    }

    /** The version that Maven has written into the library's jar. */
    static String versionOf(String group, String artifact) throws Exception {
        final Properties properties = new Properties();
        properties.load(Report.class.getResourceAsStream("/META-INF/maven/" + group + "/" + artifact + "/pom.properties"));
        return properties.getProperty("version");
    }

    static void run(String version, Map<String, Scenario> scenarios) {
        System.out.println("version " + version);
        scenarios.forEach((name, scenario) -> {
            try {
                scenario.run();
                System.out.println("ok " + name);
            } catch (Unsupported reason) {
                System.out.println("unsupported " + name + ": " + reason.getMessage());
            } catch (Throwable problem) {
                problem.printStackTrace();
                System.out.println("failed " + name + ": " + String.format("%.300s", problem).replace('\n', ' '));
            }
        });
        System.exit(0); // whatever threads a library has left
    }
}
