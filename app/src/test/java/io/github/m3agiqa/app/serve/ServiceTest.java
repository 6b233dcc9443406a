package io.github.m3agiqa.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.app.result.AssessmentJson;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.scoring.ScoringOptions;
import io.github.m3agiqa.testing.TestModels;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a real service with the tiny model answers, and that it does as it promised. */
class ServiceTest extends RunningService {
    @TempDir
    private Path folder;

    private final CountDownLatch busy = new CountDownLatch(1);
    private final CompletableFuture<Void> held = new CompletableFuture<>();

    /** A service whose thread has its first image, and goes on once it is no longer held. */
    private Service heldService(int queue, Duration timeout) throws InterruptedException {
        Service service = new Service(
                Service.Offer.of(scorer, ModelFolder.open(TestModels.tiny()).manifest()),
                settings(null, queue, timeout),
                scorer.request(WarmUp.image()),
                scorer::together,
                requests -> {
                    busy.countDown();
                    held.join();
                    return scorer.scoreTogether(requests);
                });
        busy.await();
        return service;
    }

    private List<CompletableFuture<HttpResponse<String>>> sendAll(Service to, int count) {
        HttpRequest request = json(to, "/v1/score", request(IMAGE, "a")).build();
        return Stream.generate(() -> http.sendAsync(request, BodyHandlers.ofString()))
                .limit(count)
                .toList();
    }

    @Test
    void scoresAsTheLibraryDoes() throws Exception {
        Assessment alone = scorer.score(ImagePrompt.of("a.png", IMAGE, "a \"hill\" <b>&amp;</b>"));

        HttpResponse<String> byJson = send(json(service, "/v1/score", request(IMAGE, "a \"hill\" <b>&amp;</b>")));
        HttpResponse<String> byForm = send(
                multipart(service, "/v1/score", form(Map.of("prompt", "a \"hill\" <b>&amp;</b>"), IMAGE, "a.png")));

        for (HttpResponse<String> response : List.of(byJson, byForm)) {
            ObjectNode answer = (ObjectNode) JSON.readTree(response.body());
            ObjectNode expected = (ObjectNode) JSON.readTree(AssessmentJson.line(alone));
            answer.remove("elapsedMillis");
            expected.remove("elapsedMillis");
            assertThat(answer).isEqualTo(expected);
        }
    }

    @Test
    void scoresWhatIsAskedFor() throws Exception {
        JsonNode some = JSON.readTree(send(multipart(
                        service,
                        "/v1/score",
                        form(Map.of("prompt", "a", "aspects", "quality", "describe", "false"), IMAGE, "a.png")))
                .body());
        assertThat(some.path("aspects").propertyStream().map(Map.Entry::getKey)).containsExactly("quality");
        assertThat(some.at("/aspects/quality").has("description")).isFalse();

        JsonNode without = JSON.readTree(
                send(json(service, "/v1/score", request(IMAGE, ""))).body());
        assertThat(without.at("/aspects/correspondence/error/code").asText()).isEqualTo("PROMPT_MISSING");
        assertThat(without.at("/aspects/correspondence/score").isNull()).isTrue();
    }

    @Test
    void streamsRoundsAndWords() throws Exception {
        HttpResponse<String> response = http.send(
                multipart(service, "/v1/score/stream", form(Map.of("prompt", "a hill"), IMAGE, "a.png"))
                        .build(),
                BodyHandlers.ofString());

        assertThat(response.headers().firstValue("Content-Type").orElse("")).startsWith("text/event-stream");
        List<Map.Entry<String, JsonNode>> events = events(response.body());
        assertThat(events.getFirst().getKey()).isEqualTo("stage");
        assertThat(events)
                .anyMatch(event -> event.getValue().path("question").asText().contains("a hill"));
        Map.Entry<String, JsonNode> last = events.getLast();
        assertThat(last.getKey()).isEqualTo("result");
        assertThat(validate(
                        openApi.at("/paths/~1v1~1score/post/responses/200/content/application~1json/schema"),
                        last.getValue().toString()))
                .isEmpty();
        for (String aspect : List.of("quality", "correspondence", "authenticity")) {
            StringBuilder said = new StringBuilder();
            events.stream()
                    .filter(event -> event.getKey().equals("token"))
                    .filter(event -> event.getValue().path("aspect").asText().equals(aspect))
                    .forEach(event -> said.append(event.getValue().path("text").asText()));
            assertThat(said.toString())
                    .isEqualTo(last.getValue()
                            .at("/aspects/%s/description".formatted(aspect))
                            .asText());
        }
    }

    private String metrics(Service of) throws IOException, InterruptedException {
        return send(HttpRequest.newBuilder(uri(of, "/metrics"))).body();
    }

    /** A request is counted once it has been answered. */
    private void awaitMetrics(Service of, String line) throws Exception {
        awaitUntil(() -> metrics(of).contains(line));
    }

    @Test
    void saysHowItIs() throws Exception {
        assertThat(send(HttpRequest.newBuilder(uri(service, "/health/live"))).body())
                .contains("live");
        assertThat(send(HttpRequest.newBuilder(uri(service, "/health/ready"))).body())
                .contains("ready");
        assertThat(send(HttpRequest.newBuilder(uri(service, "/v1/models"))).body())
                .contains("quality", "correspondence", "authenticity");
        send(json(service, "/v1/score", request(IMAGE, "a")));
        awaitMetrics(service, "m3agiqa_requests_total{endpoint=\"/v1/score\",status=\"200\"}");
        assertThat(metrics(service)).contains("m3agiqa_score_bucket", "m3agiqa_queue 0");
        HttpResponse<String> page =
                http.send(HttpRequest.newBuilder(uri(service, "/")).build(), BodyHandlers.ofString());
        assertThat(page.body()).contains("How good is this image?");
        assertThat(page.headers().firstValue("Content-Security-Policy").orElse(""))
                .contains("default-src 'none'");
        HttpResponse<String> document =
                http.send(HttpRequest.newBuilder(uri(service, "/openapi.yaml")).build(), BodyHandlers.ofString());
        assertThat(document.body()).startsWith("openapi: 3.1.0");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"/", "/page.js", "/page.css", "/openapi.yaml", "/v1/models", "/health/live", "/health/ready"})
    void headSaysWhatGetDoes(String path) throws Exception {
        HttpResponse<String> get =
                http.send(HttpRequest.newBuilder(uri(service, path)).build(), BodyHandlers.ofString());
        HttpResponse<String> head =
                http.send(HttpRequest.newBuilder(uri(service, path)).HEAD().build(), BodyHandlers.ofString());

        assertThat(head.statusCode()).isEqualTo(200);
        assertThat(head.headers().firstValue("Content-Type"))
                .isPresent()
                .isEqualTo(get.headers().firstValue("Content-Type"));
        String length = String.valueOf(get.body().getBytes(StandardCharsets.UTF_8).length);
        assertThat(head.headers().firstValue("Content-Length").orElse(length)).isEqualTo(length);
    }

    @Test
    void whatIsNotThereIsAProblemToo() throws Exception {
        for (String path : List.of("/v1/none", "/none.html", "/../pom.xml", "/v1/score/../../x")) {
            HttpResponse<String> response =
                    http.send(HttpRequest.newBuilder(uri(service, path)).build(), BodyHandlers.ofString());
            assertThat(response.statusCode()).isBetween(400, 405);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "GET, /v1/score, POST",
        "PUT, /v1/score, POST",
        "OPTIONS, /v1/score, POST",
        "PATCH, /v1/score/stream, POST",
        "DELETE, /v1/models, 'GET, HEAD'",
        "POST, /health/live, 'GET, HEAD'",
        "POST, /, 'GET, HEAD'"
    })
    void anotherMethodIsNotAllowed(String method, String path, String allowed) throws Exception {
        for (String accepted : List.of("*/*", "text/html")) {
            HttpResponse<String> response = send(HttpRequest.newBuilder(uri(service, path))
                    .header("Accept", accepted)
                    .method(method, BodyPublishers.noBody()));

            assertProblem(response, 405, "METHOD_NOT_ALLOWED");
            assertThat(response.headers().firstValue("Allow")).contains(allowed);
        }
    }

    /** What never comes to a handler. */
    @ParameterizedTest
    @CsvSource({
        "GET /%2e%2e/x HTTP/1.1, 400",
        "GET /nope%ff%zz HTTP/1.1, 400",
        "OPTIONS /%2e%2e/x HTTP/1.1, 400",
        "a line of garbage, 400",
        "GET / HTTP/1.1|Content-Length: many, 400",
        "GET / HTTP/1.1|X-Long: {long}, 431",
        "GET / HTTP/3.7, 505",
    })
    void whatCannotBeReadIsAProblemToo(String head, int status) throws Exception {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), service.port())) {
            socket.setSoTimeout(30_000);
            String sent = head.replace("|", "\r\n").replace("{long}", "x".repeat(8192));
            socket.getOutputStream()
                    .write("%s\r\nHost: x\r\nConnection: close\r\n\r\n"
                            .formatted(sent)
                            .getBytes(StandardCharsets.US_ASCII));
            StringBuilder told = new StringBuilder();
            int last;
            do {
                last = socket.getInputStream().read();
                told.append((char) last);
            } while (last != '}' && last >= 0); // the end of a problem; the connection may be reset after it
            String answer = told.toString();

            assertThat(answer)
                    .startsWith("HTTP/1.1 %d ".formatted(status))
                    .contains(
                            "\r\nContent-Type: application/problem+json\r\n",
                            "\r\nContent-Security-Policy: default-src 'none'",
                            "\r\nX-Content-Type-Options: nosniff\r\n");
            String body = answer.substring(answer.indexOf("\r\n\r\n"));
            assertThat(validate(openApi.at("/components/schemas/Problem"), body))
                    .isEmpty();
            assertThat(JSON.readTree(body).path("code").asText()).isEqualTo("REQUEST_INVALID");
        }
        awaitMetrics(service, "m3agiqa_requests_total{endpoint=\"other\",status=\"%d\"}".formatted(status));
    }

    /** It is asked to score quality and authenticity, and its model has no authenticity. */
    @Test
    void offersWhatItScores() throws Exception {
        ModelFolder model = ModelFolder.open(TestModels.tinyWith(
                folder.resolve("model"), manifest -> ((ObjectNode) manifest.path("aspects")).remove("authenticity")));
        ScoringOptions some =
                ScoringOptions.DEFAULT.withMaxNewTokens(6).withAspects(Set.of(Aspect.QUALITY, Aspect.AUTHENTICITY));
        try (Scorer partial = Scorer.open(model, some);
                Service offering = new Service(partial, model.manifest(), settings(null, 4, Duration.ofSeconds(60)))) {
            awaitUntil(() -> !send(HttpRequest.newBuilder(uri(offering, "/health/ready")))
                    .body()
                    .contains("is being read"));

            assertThat(offering.ready()).isTrue();
            JsonNode models = JSON.readTree(
                    send(HttpRequest.newBuilder(uri(offering, "/v1/models"))).body());
            assertThat(models.at("/models/0/aspects")).isEqualTo(JSON.readTree("[\"quality\"]"));
            byte[] asked = form(Map.of("prompt", "a", "aspects", "correspondence,authenticity"), IMAGE, "a.png");
            JsonNode answer =
                    JSON.readTree(send(multipart(offering, "/v1/score", asked)).body());
            assertThat(answer.at("/aspects/correspondence/error/message").asText())
                    .endsWith("was opened without its aspect correspondence");
            assertThat(answer.at("/aspects/authenticity/error/message").asText())
                    .endsWith("has no aspect authenticity");
        }
    }

    @Test
    void theKeyGuardsWhatCosts() throws Exception {
        Service guarded = service(scorer, "secret", 8, Duration.ofSeconds(30));
        try {
            assertProblem(send(json(guarded, "/v1/score", request(IMAGE, "a"))), 401, "UNAUTHORIZED");
            assertProblem(
                    send(json(guarded, "/v1/score", request(IMAGE, "a")).header("Authorization", "Bearer wrong")),
                    401,
                    "UNAUTHORIZED");
            assertThat(send(json(guarded, "/v1/score", request(IMAGE, "a")).header("Authorization", "Bearer secret"))
                            .statusCode())
                    .isEqualTo(200);
            assertThat(send(HttpRequest.newBuilder(uri(guarded, "/v1/models")).header("Authorization", "bearer secret"))
                            .statusCode())
                    .as("the name of a scheme is in any case (RFC 9110, 11.1)")
                    .isEqualTo(200);
            assertThat(send(HttpRequest.newBuilder(uri(guarded, "/health/live")))
                            .statusCode())
                    .isEqualTo(200);
        } finally {
            guarded.close();
        }
    }

    @Test
    void aFullQueueRefusesAtOnceAndTheRestIsAnswered() throws Exception {
        Service small = heldService(2, Duration.ofSeconds(60));
        try {
            List<CompletableFuture<HttpResponse<String>>> all = sendAll(small, 24);
            awaitUntil(() -> all.stream().filter(CompletableFuture::isDone).count() == 22);
            for (CompletableFuture<HttpResponse<String>> one : all) {
                if (one.isDone()) {
                    assertProblem(one.get(), 429, "OVERLOADED");
                    assertThat(one.get().headers().firstValue("Retry-After")).isPresent();
                }
            }
            List<CompletableFuture<HttpResponse<String>>> accepted =
                    all.stream().filter(one -> !one.isDone()).toList();
            held.complete(null);

            assertThat(accepted).hasSize(2);
            for (CompletableFuture<HttpResponse<String>> one : accepted) {
                assertThat(one.get().statusCode()).isEqualTo(200);
            }
        } finally {
            held.complete(null);
            small.close();
        }
    }

    @Test
    void whatTakesTooLongEndsInTime() throws Exception {
        Service hasty = heldService(8, Duration.ofSeconds(2));
        try {
            assertProblem(send(json(hasty, "/v1/score", request(IMAGE, "a"))), 504, "TIMEOUT");
        } finally {
            held.complete(null);
            hasty.close();
        }
    }

    @Test
    void whatWasAcceptedIsFinishedWhenItEnds() throws Exception {
        Service ending = heldService(16, Duration.ofSeconds(60));
        List<CompletableFuture<HttpResponse<String>>> accepted = sendAll(ending, 8);
        awaitMetrics(ending, "m3agiqa_queue 8");
        Thread end = Thread.ofPlatform().start(ending::close);
        awaitUntil(() -> end.getState() == Thread.State.TIMED_WAITING); // for the queue's thread
        held.complete(null);

        for (CompletableFuture<HttpResponse<String>> one : accepted) {
            assertThat(one.get().statusCode()).isEqualTo(200);
        }
        end.join();
    }

    @Test
    void isReadyOnlyOnceAnImageWasScored() throws Exception {
        Service broken = new Service(
                Service.Offer.of(scorer, ModelFolder.open(TestModels.tiny()).manifest()),
                settings(null, 4, Duration.ofSeconds(60)),
                scorer.request(ImagePrompt.of("no-image.png", new byte[3], "a hill")),
                scorer::together,
                scorer::scoreTogether);
        try {
            awaitUntil(() -> send(HttpRequest.newBuilder(uri(broken, "/health/ready")))
                    .body()
                    .contains("could not be scored"));
            assertThat(broken.ready()).isFalse();
            HttpRequest head =
                    HttpRequest.newBuilder(uri(broken, "/health/ready")).HEAD().build();
            assertThat(http.send(head, BodyHandlers.ofString()).statusCode()).isEqualTo(503);
        } finally {
            broken.close();
        }
        assertThat(broken.idle()).isTrue();
    }

    @Test
    void isNotReadyAgainWhileItEnds() throws Exception {
        Service ending = heldService(4, Duration.ofSeconds(60));
        Thread end = Thread.ofPlatform().start(ending::close);
        awaitUntil(() -> end.getState() == Thread.State.TIMED_WAITING); // for the queue's thread
        held.complete(null);
        end.join();

        assertThat(ending.ready()).isFalse();
    }

    /** One client waits and hears that its stream goes on; another one leaves, which is no failure. */
    @Test
    void aStreamIsNeverSilentForLong() throws Exception {
        Service slow = heldService(4, Duration.ofSeconds(60));
        try (Socket waiting = new Socket(InetAddress.getLoopbackAddress(), slow.port())) {
            waiting.setSoTimeout(30_000);
            askForStream(waiting);
            try (Socket leaving = new Socket(InetAddress.getLoopbackAddress(), slow.port())) {
                askForStream(leaving);
                awaitMetrics(slow, "m3agiqa_queue 2");
                leaving.setSoLinger(true, 0);
            }
            BufferedReader told =
                    new BufferedReader(new InputStreamReader(waiting.getInputStream(), StandardCharsets.UTF_8));

            assertThat(told.lines().filter(line -> line.startsWith(":")).findFirst())
                    .isPresent();
            awaitMetrics(slow, "m3agiqa_cancelled_total 1.0");
            held.complete(null);
            assertThat(told.lines().anyMatch("event: result"::equals)).isTrue();
            send(json(slow, "/v1/score", request(IMAGE, "a"))); // after which the other one's end is known
            assertThat(metrics(slow)).doesNotContain("TIMEOUT");
        } finally {
            held.complete(null);
            slow.close();
        }
    }

    private static void askForStream(Socket socket) throws IOException {
        byte[] body = request(IMAGE, "a").getBytes(StandardCharsets.UTF_8);
        OutputStream out = socket.getOutputStream();
        out.write(
                "POST /v1/score/stream HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                        .formatted(body.length)
                        .getBytes(StandardCharsets.US_ASCII));
        out.write(body);
    }
}
