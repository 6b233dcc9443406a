package io.github.m3agiqa.testing;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A server on this machine that answers as Gemini's and OpenAI's do, or fails as they may. */
public final class Provider implements AutoCloseable {
    /** What is done with one request. */
    public interface Behaviour {
        void answer(HttpExchange exchange, int number) throws IOException;
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<String> requests = Collections.synchronizedList(new ArrayList<>());
    private final List<String> keys = Collections.synchronizedList(new ArrayList<>());

    public Provider(Behaviour behaviour) {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            int number;
            synchronized (requests) {
                number = requests.size();
                requests.add(exchange.getRequestURI() + "\n" + body);
                keys.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization"))
                        + exchange.getRequestHeaders().getFirst("x-goog-api-key"));
            }
            behaviour.answer(exchange, number);
            exchange.close();
        });
        server.start();
    }

    public String url(String path) {
        return "http://127.0.0.1:%d%s".formatted(server.getAddress().getPort(), path);
    }

    public List<String> requests() {
        return List.copyOf(requests);
    }

    public List<String> keys() {
        return List.copyOf(keys);
    }

    public static void send(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    /** A reply as OpenAI sends it. */
    public static String openAi(String content, String finish) {
        return """
                {"id": "1", "object": "chat.completion", "created": 1, "model": "m",
                 "choices": [{"index": 0, "message": {"role": "assistant", "content": %s}, "finish_reason": "%s"}],
                 "usage": {"prompt_tokens": 300, "completion_tokens": 40, "total_tokens": 340}}
                """.formatted(quoted(content), finish);
    }

    /** A reply as Gemini sends it. */
    public static String gemini(String content, String finish) {
        return """
                {"candidates": [{"content": {"parts": [{"text": %s}], "role": "model"}, "finishReason": "%s", "index": 0}],
                 "usageMetadata": {"promptTokenCount": 300, "candidatesTokenCount": 40, "totalTokenCount": 340},
                 "modelVersion": "m"}
                """.formatted(quoted(content), finish);
    }

    public static String description(String text) {
        return "{\"description\": %s, \"refused\": false}".formatted(quoted(text));
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
