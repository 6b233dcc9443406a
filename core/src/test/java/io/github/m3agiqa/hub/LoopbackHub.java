package io.github.m3agiqa.hub;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A hub on this machine: an API that lists repositories, and large files that it redirects to a server of their own, as the
 * real one does.
 */
final class LoopbackHub implements AutoCloseable {
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int LARGE = 1000;

    /** What is done with a request for a file's bytes, or for a listing. */
    interface Behaviour {
        /**
         * Answers, or leaves it to the hub.
         *
         * @param number of the request for any file, or any listing, from 0
         * @return whether it has answered
         */
        boolean answers(HttpExchange exchange, int number, byte[] content) throws IOException;
    }

    private final HttpServer api = server();
    private final HttpServer storage = server();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Map<String, Map<String, byte[]>> repositories = new TreeMap<>();
    private final List<String> requests = Collections.synchronizedList(new ArrayList<>());
    private volatile String commit = COMMIT;
    private volatile Behaviour behaviour = (_, _, _) -> false;
    private volatile Behaviour listingBehaviour = (_, _, _) -> false;
    private int files;
    private int listings;

    LoopbackHub() {
        serve(api, true);
        serve(storage, false);
    }

    private void serve(HttpServer server, boolean isApi) {
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            requests.add("%s %s token %s range %s"
                    .formatted(
                            isApi ? "api" : "storage",
                            exchange.getRequestURI(),
                            exchange.getRequestHeaders().containsKey("Authorization") ? "sent" : "kept",
                            exchange.getRequestHeaders().getFirst("Range")));
            try (exchange) {
                answer(isApi, exchange);
            }
        });
        server.start();
    }

    private static HttpServer server() {
        try {
            return HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void put(String repository, String file, byte[] content) {
        repositories.computeIfAbsent(repository, _ -> new TreeMap<>()).put(file, content);
    }

    void behave(Behaviour newBehaviour) {
        behaviour = newBehaviour;
    }

    void behaveInListings(Behaviour newBehaviour) {
        listingBehaviour = newBehaviour;
    }

    void commit(String newCommit) {
        commit = newCommit;
    }

    URI url() {
        return URI.create("http://127.0.0.1:" + api.getAddress().getPort());
    }

    List<String> requests() {
        return List.copyOf(requests);
    }

    private void answer(boolean isApi, HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        for (Map.Entry<String, Map<String, byte[]>> repository : repositories.entrySet()) {
            if (path.startsWith("/api/models/%s/revision/".formatted(repository.getKey()))) {
                answerListing(exchange, listing(repository.getValue()).getBytes(StandardCharsets.UTF_8));
                return;
            }
            String files = "/%s/resolve/%s/".formatted(repository.getKey(), commit);
            if (path.startsWith(files)) {
                byte[] content = repository.getValue().get(path.substring(files.length()));
                if (content != null && isApi && content.length >= LARGE) {
                    exchange.getResponseHeaders()
                            .set(
                                    "Location",
                                    "http://127.0.0.1:" + storage.getAddress().getPort() + path);
                    send(exchange, 302, new byte[0], 0);
                } else if (content != null) {
                    file(exchange, content);
                } else {
                    send(exchange, 404, new byte[0], 0);
                }
                return;
            }
        }
        send(exchange, 404, new byte[0], 0);
    }

    private void file(HttpExchange exchange, byte[] content) throws IOException {
        int number;
        synchronized (this) {
            number = files++;
        }
        if (!behaviour.answers(exchange, number, content)) {
            send(exchange, from(exchange) > 0 ? 206 : 200, content, from(exchange));
        }
    }

    private void answerListing(HttpExchange exchange, byte[] listing) throws IOException {
        int number;
        synchronized (this) {
            number = listings++;
        }
        if (!listingBehaviour.answers(exchange, number, listing)) {
            send(exchange, 200, listing, 0);
        }
    }

    /** Where the wanted range begins. */
    static int from(HttpExchange exchange) {
        String range = exchange.getRequestHeaders().getFirst("Range");
        return range == null ? 0 : Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
    }

    static void send(HttpExchange exchange, int status, byte[] content, int from) throws IOException {
        byte[] part = Arrays.copyOfRange(content, from, content.length);
        exchange.sendResponseHeaders(status, part.length == 0 ? -1 : part.length);
        exchange.getResponseBody().write(part);
    }

    private String listing(Map<String, byte[]> content) {
        ObjectNode answer = JSON.createObjectNode();
        answer.put("sha", commit);
        ArrayNode siblings = answer.putArray("siblings");
        content.forEach((name, bytes) -> {
            ObjectNode file = siblings.addObject();
            file.put("rfilename", name);
            file.put("size", bytes.length);
            file.put("blobId", hash("SHA-1", ("blob " + bytes.length + "\0").getBytes(StandardCharsets.UTF_8), bytes));
            if (bytes.length >= LARGE) {
                file.putObject("lfs").put("sha256", hash("SHA-256", bytes)).put("size", bytes.length);
            }
        });
        return answer.toString();
    }

    private static String hash(String algorithm, byte[]... parts) {
        try {
            MessageDigest digest = MessageDigest.getInstance(algorithm);
            for (byte[] part : parts) {
                digest.update(part);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        api.stop(0);
        storage.stop(0);
        threads.shutdownNow();
    }
}
