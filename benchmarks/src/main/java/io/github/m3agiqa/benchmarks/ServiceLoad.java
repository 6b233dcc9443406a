package io.github.m3agiqa.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.benchmarks.TestList.TestImage;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.DatasetReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Many clients ask a running service at once; every answer must equal the one that its request got alone. */
@Command(
        name = "load",
        description = "Asks a running service from many clients at once, and compares each answer with the one that"
                + " the same request got alone. Prints Markdown.",
        mixinStandardHelpOptions = true,
        footer = {"", "Example:", "  m3agiqa serve --queue 16 & benchmarks/run load --clients 64 --seconds 120 --pid $!"
        })
final class ServiceLoad implements Callable<Integer> {
    private static final int OK = 200;
    private static final int TOO_MANY = 429;
    private static final ObjectMapper JSON = new ObjectMapper();

    @Option(names = "--url", description = "The service (default: ${DEFAULT-VALUE}).")
    private URI url = URI.create("http://127.0.0.1:8080");

    @Option(names = "--dataset", paramLabel = "FOLDER", description = "Its images (default: ${DEFAULT-VALUE}).")
    private Path dataset = Path.of("datasets", "agiqa-3k");

    @Option(names = "--clients", description = "How many ask at once (default: ${DEFAULT-VALUE}).")
    private int clients = 64;

    @Option(names = "--seconds", description = "How long (default: ${DEFAULT-VALUE}).")
    private int seconds = 120;

    @Option(names = "--images", description = "How many different requests (default: ${DEFAULT-VALUE}).")
    private int images = 32;

    @Option(names = "--describe", description = "Ask for descriptions too.")
    private boolean describe;

    @Option(names = "--pid", description = "The service's process, for its memory.")
    private @Nullable Long pid;

    private final HttpClient http = HttpClient.newHttpClient();
    private final Map<Integer, AtomicInteger> statuses = new ConcurrentHashMap<>();
    private final ConcurrentLinkedQueue<Long> nanos = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<String> wrong = new ConcurrentLinkedQueue<>();

    @Override
    public Integer call() throws Exception {
        Dataset data = DatasetReader.read(dataset);
        List<String> bodies = new ArrayList<>();
        for (TestImage image : TestList.read(data, Aspect.QUALITY).draw(images, 1)) {
            bodies.add(body(image));
        }
        List<JsonNode> alone = new ArrayList<>();
        long begun = System.nanoTime();
        for (String body : bodies) {
            alone.add(answer(ask(body)));
        }
        double aloneSeconds = (System.nanoTime() - begun) / 1e9 / bodies.size();
        List<Long> memory = new ArrayList<>();
        try (ExecutorService asking = Executors.newVirtualThreadPerTaskExecutor()) {
            long end = System.nanoTime() + seconds * 1_000_000_000L;
            List<Future<?>> running = new ArrayList<>();
            for (int client = 0; client < clients; client++) {
                int first = client;
                running.add(asking.submit(() -> {
                    for (int i = first; System.nanoTime() < end; i++) {
                        askAndCompare(bodies.get(i % bodies.size()), alone.get(i % bodies.size()));
                    }
                    return null;
                }));
            }
            while (System.nanoTime() < end) {
                if (pid != null) {
                    memory.add(ResidentMemory.mebibytes(pid));
                }
                Thread.sleep(Duration.ofSeconds(5));
            }
            for (Future<?> client : running) {
                client.get();
            }
        }
        print(aloneSeconds, memory);
        return wrong.isEmpty() ? 0 : 1;
    }

    private String body(TestImage image) throws IOException {
        ObjectNode body = JSON.createObjectNode();
        body.put("image", Base64.getEncoder().encodeToString(Files.readAllBytes(image.file())));
        body.put("prompt", image.prompt()).put("describe", describe);
        return body.toString();
    }

    private HttpResponse<String> ask(String body) throws IOException, InterruptedException {
        return http.send(
                HttpRequest.newBuilder(url.resolve("/v1/score"))
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(body))
                        .build(),
                BodyHandlers.ofString());
    }

    /** What was found out, without how long it took. */
    private static JsonNode answer(HttpResponse<String> response) throws IOException {
        if (response.statusCode() != OK) {
            throw new IOException("the service answered %d: %s".formatted(response.statusCode(), response.body()));
        }
        ObjectNode answer = (ObjectNode) JSON.readTree(response.body());
        answer.remove("elapsedMillis");
        return answer;
    }

    private void askAndCompare(String body, JsonNode expected) throws IOException, InterruptedException {
        long start = System.nanoTime();
        HttpResponse<String> response = ask(body);
        statuses.computeIfAbsent(response.statusCode(), _ -> new AtomicInteger())
                .incrementAndGet();
        if (response.statusCode() == OK) {
            nanos.add(System.nanoTime() - start);
            JsonNode found = answer(response);
            if (!found.equals(expected)) {
                wrong.add("expected %s, got %s".formatted(expected, found));
            }
        } else if (response.statusCode() == TOO_MANY) {
            Thread.sleep(Duration.ofSeconds(
                    response.headers().firstValueAsLong("Retry-After").orElse(1)));
        } else {
            wrong.add("status %d: %s".formatted(response.statusCode(), response.body()));
        }
    }

    private void print(double aloneSeconds, List<Long> memory) {
        long[] sorted = nanos.stream().mapToLong(Long::longValue).sorted().toArray();
        System.out.printf(
                Locale.ROOT,
                """
                %d clients, %d s, %d different requests, %s.

                | | |
                | --- | ---: |
                | answers by status | %s |
                | answers that differ from the same request alone | %d |
                | answers a second | %.2f |
                | one request alone, mean | %.0f ms |
                | latency p50, p90, p99, most | %s |
                """,
                clients,
                seconds,
                images,
                describe ? "with descriptions" : "scores only",
                statuses,
                wrong.size(),
                sorted.length / (double) seconds,
                1000 * aloneSeconds,
                quantiles(sorted));
        if (!memory.isEmpty()) {
            int third = Math.max(1, memory.size() / 3);
            System.out.printf(
                    "| memory, most in the first third and in the last | %d MiB, %d MiB |%n",
                    most(memory.subList(0, third)), most(memory.subList(memory.size() - third, memory.size())));
        }
        wrong.stream().limit(3).forEach(System.out::println);
    }

    private static String quantiles(long... sorted) {
        if (sorted.length == 0) {
            return "none";
        }
        return String.join(
                ", ",
                Arrays.stream(new double[] {0.5, 0.9, 0.99, 1})
                        .mapToObj(part -> "%.1f s".formatted(sorted[(int) Math.ceil(part * sorted.length) - 1] / 1e9))
                        .toList());
    }

    private static long most(List<Long> numbers) {
        return numbers.stream().mapToLong(Long::longValue).max().orElseThrow();
    }
}
