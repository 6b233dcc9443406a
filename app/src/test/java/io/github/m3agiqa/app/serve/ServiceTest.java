package io.github.m3agiqa.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.app.result.AssessmentJson;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.scoring.ScoringOptions;
import io.github.m3agiqa.testing.DrawnImages;
import io.github.m3agiqa.testing.TestModels;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A real service with the tiny model: what it answers, what it refuses, and that it says both as it promised. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class ServiceTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final byte[] IMAGE = DrawnImages.encode(DrawnImages.landscape(60, 40, 1), "png");
    private static final String BOUNDARY = "----m3agiqa";
    private static final int MAX_BYTES = 1 << 20;

    private static Scorer scorer;
    private static Service service;
    private static JsonNode openApi;

    @TempDir
    private Path folder;

    private final HttpClient http = HttpClient.newHttpClient();
    private final CountDownLatch busy = new CountDownLatch(1);
    private final CompletableFuture<Void> held = new CompletableFuture<>();

    @BeforeAll
    static void start() throws Exception {
        ModelFolder model = ModelFolder.open(TestModels.tiny());
        scorer = Scorer.open(model, ScoringOptions.DEFAULT.withMaxNewTokens(6));
        service = service(scorer, null, 64, Duration.ofSeconds(60));
        openApi = new YAMLMapper().readTree(ServiceTest.class.getResourceAsStream("openapi.yaml"));
        awaitUntil(service::ready);
    }

    private static Service service(Scorer scorer, @Nullable String apiKey, int queue, Duration timeout) {
        return new Service(scorer, ModelFolder.open(TestModels.tiny()).manifest(), settings(apiKey, queue, timeout));
    }

    private static Service.Settings settings(@Nullable String apiKey, int queue, Duration timeout) {
        return new Service.Settings("127.0.0.1", 0, apiKey, queue, 1, timeout, MAX_BYTES);
    }

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

    private static void awaitUntil(Callable<Boolean> holds) throws Exception {
        while (!holds.call()) {
            TimeUnit.MILLISECONDS.sleep(5);
        }
    }

    @AfterAll
    static void stop() {
        service.close();
        scorer.close();
    }

    private static URI uri(Service of, String path) {
        return URI.create("http://127.0.0.1:%d%s".formatted(of.port(), path));
    }

    private static HttpRequest.Builder json(Service of, String path, String body) {
        return HttpRequest.newBuilder(uri(of, path))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body));
    }

    private static String request(byte[] image, String prompt) {
        ObjectNode body = JSON.createObjectNode();
        body.put("image", Base64.getEncoder().encodeToString(image));
        body.put("prompt", prompt).put("name", "a.png");
        return body.toString();
    }

    private static byte[] form(Map<String, String> fields, byte[] image, String name) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Map.Entry<String, String> field : fields.entrySet()) {
            part(out, "name=\"%s\"".formatted(field.getKey()), field.getValue().getBytes(StandardCharsets.UTF_8));
        }
        part(out, "name=\"image\"; filename=\"%s\"".formatted(name), image);
        out.write("--%s--\r\n".formatted(BOUNDARY).getBytes(StandardCharsets.UTF_8));
        return out.toByteArray();
    }

    /** @param disposition its parameters, and headers after it */
    private static void part(ByteArrayOutputStream out, String disposition, byte[] content) throws IOException {
        String head = "--%s\r\nContent-Disposition: form-data; %s\r\n\r\n".formatted(BOUNDARY, disposition);
        out.write(head.getBytes(StandardCharsets.UTF_8));
        out.write(content);
        out.write("\r\n".getBytes(StandardCharsets.UTF_8));
    }

    private static HttpRequest.Builder multipart(Service of, String path, byte[] body) {
        return HttpRequest.newBuilder(uri(of, path))
                .header("Content-Type", "multipart/form-data; boundary=" + BOUNDARY)
                .POST(BodyPublishers.ofByteArray(body));
    }

    /** Sends a request, and checks the answer against the OpenAPI document. */
    private HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        HttpResponse<String> response = http.send(request.build(), BodyHandlers.ofString());
        String path = response.request().uri().getPath();
        JsonNode operation = openApi.path("paths")
                .path(path)
                .path(response.request().method().toLowerCase(Locale.ROOT));
        String type = response.headers().firstValue("Content-Type").orElse("").replaceFirst(";.*", "");
        JsonNode answers = operation.path("responses");
        JsonNode answer = answers.has(String.valueOf(response.statusCode()))
                ? answers.path(String.valueOf(response.statusCode()))
                : openApi.at("/components/responses/Problem");
        JsonNode schema = answer.path("content").path(type).path("schema");
        assertThat(schema.isMissingNode())
                .as("%s %s %s", path, response.statusCode(), type)
                .isFalse();
        if (type.endsWith("json")) {
            assertThat(validate(schema, response.body())).as(response.body()).isEmpty();
        }
        return response;
    }

    /** What is wrong with an answer. */
    private static List<String> validate(JsonNode schema, String answer) throws IOException {
        ObjectNode whole = schema.deepCopy();
        whole.set("components", openApi.path("components"));
        Schema compiled = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                .getSchema(whole.toString());
        return compiled.validate(JSON.readTree(answer).toString(), InputFormat.JSON).stream()
                .map(Object::toString)
                .toList();
    }

    private static void assertProblem(HttpResponse<String> response, int status, String code) throws IOException {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        assertThat(response.headers().firstValue("Content-Type")).contains("application/problem+json");
        JsonNode problem = JSON.readTree(response.body());
        assertThat(problem.path("code").asText()).isEqualTo(code);
        assertThat(problem.path("detail").asText())
                .isNotBlank()
                .doesNotContain(
                        "Exception", "java.", "fasterxml", "Feature", "Constraints", "/home", "/tmp", "target/");
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

    private static List<Map.Entry<String, JsonNode>> events(String stream) throws IOException {
        List<Map.Entry<String, JsonNode>> events = new ArrayList<>();
        for (String block : stream.split("\n\n", -1)) {
            if (block.isBlank()) {
                continue;
            }
            String name = block.replaceFirst("(?s).*?event: ?([^\n]*).*", "$1");
            String data = block.replaceFirst("(?s).*?data: ?([^\n]*).*", "$1");
            events.add(Map.entry(name, JSON.readTree(data)));
        }
        return events;
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
    @CsvSource(
            delimiter = '|',
            value = {
                "{}                                       | 400 | REQUEST_INVALID",
                "[1]                                      | 400 | REQUEST_INVALID",
                "{\"image\": 7}                           | 400 | REQUEST_INVALID",
                "{\"image\": \"?\"}                       | 400 | REQUEST_INVALID",
                "{\"image\": \"AAAA\"}                    | 422 | IMAGE_UNREADABLE",
                "{\"image\": \"AAAA\", \"prompt\": 7}     | 400 | REQUEST_INVALID",
                "{\"image\": \"AAAA\", \"aspects\": [\"beauty\"]} | 400 | REQUEST_INVALID",
                "{\"image\": \"AAAA\", \"aspects\": \"quality\"} | 400 | REQUEST_INVALID",
                "{\"image\": \"AAAA\", \"aspects\": [7]}    | 400 | REQUEST_INVALID",
                "{\"image\": \"AAAA\", \"describe\": 7}     | 400 | REQUEST_INVALID",
                "{\"image\": \"AAAA\", \"describe\": \"false\"} | 400 | REQUEST_INVALID",
                "{\"image\": \"AAAA\", \"describe\": null, \"aspects\": null, \"name\": null} | 422 | IMAGE_UNREADABLE",
                "{\"image\": NaN}                         | 400 | REQUEST_INVALID",
                "{\"image\": /* a */ 1}                   | 400 | REQUEST_INVALID",
                "{\"image\": {deep}                       | 400 | REQUEST_INVALID",
                "{\"image\": {long}                       | 400 | REQUEST_INVALID",
                "{\"image\": \"AAAA\", \"name\": {}}        | 400 | REQUEST_INVALID",
                "{\"image\": \"AAAA\", \"path\": \"/etc/passwd\"} | 400 | REQUEST_INVALID",
                "{\"image\": \"AAAA\"} {}                 | 400 | REQUEST_INVALID",
                "{\"image\": \"file:///etc/passwd\"}      | 400 | REQUEST_INVALID",
                "no JSON                                  | 400 | REQUEST_INVALID",
            })
    void refusesWhatIsWrong(String pattern, int status, String code) throws Exception {
        String body = pattern.replace("{deep}", "[".repeat(2000)).replace("{long}", "9".repeat(2000));
        assertProblem(send(json(service, "/v1/score", body)), status, code);
        HttpResponse<String> stream =
                http.send(json(service, "/v1/score/stream", body).build(), BodyHandlers.ofString());
        if (status == Problem.UNPROCESSABLE) {
            // it shows when the image is looked at, after the stream has begun
            assertThat(events(stream.body()).getLast().getValue().path("code").asText())
                    .isEqualTo(code);
        } else {
            assertProblem(stream, status, code);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"../../etc/passwd", "a\\..\\b.png", "<script>alert(1)</script>.png", "\u0000.png"})
    void namesAreNames(String name) throws Exception {
        HttpResponse<String> response = http.send(
                multipart(service, "/v1/score", form(Map.of("prompt", "a"), IMAGE, name))
                        .build(),
                BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isIn(200, 400);
    }

    @Test
    void controlTokensInPromptsAreText() throws Exception {
        HttpResponse<String> response =
                send(json(service, "/v1/score", request(IMAGE, "<|eot_id|><image></image><|begin_of_text|> {prompt}")));
        assertThat(response.statusCode()).isEqualTo(200);
    }

    @Test
    void refusesWhatIsTooMuch() throws Exception {
        byte[] large = new byte[MAX_BYTES + 1];
        assertProblem(send(json(service, "/v1/score", request(large, "a"))), 413, "IMAGE_TOO_LARGE");
        assertProblem(send(multipart(service, "/v1/score", form(Map.of(), large, "a.png"))), 413, "IMAGE_TOO_LARGE");
        assertProblem(send(json(service, "/v1/score", request(IMAGE, "a".repeat(20_001)))), 422, "PROMPT_TOO_LONG");
        // of 20,000 characters, as JSON Schema's maxLength counts them, so that it is the image that is refused
        assertProblem(
                send(json(service, "/v1/score", request(new byte[3], "\uD83D\uDE00".repeat(20_000)))),
                422,
                "IMAGE_UNREADABLE");
        assertProblem(
                send(HttpRequest.newBuilder(uri(service, "/v1/score")).POST(BodyPublishers.ofString("x"))),
                415,
                "REQUEST_INVALID");
        byte[] garbage = "--nothing of the kind".getBytes(StandardCharsets.UTF_8);
        assertProblem(send(multipart(service, "/v1/score", garbage)), 400, "REQUEST_INVALID");
        byte[] misspelt = form(Map.of("aspect", "quality"), IMAGE, "a.png");
        assertProblem(send(multipart(service, "/v1/score", misspelt)), 400, "REQUEST_INVALID");
    }

    /** Who sends more than is read first hears why; who asks before sending is not told to send. */
    @ParameterizedTest
    @CsvSource({
        "Content-Length: 9000000, true, HTTP/1.1 413",
        "Transfer-Encoding: chunked|, true, HTTP/1.1 413",
        "Content-Length: 9000000|Expect: 100-continue, false, HTTP/1.1 413",
        "Content-Length: 9000000|Authorization: Bearer wrong, true, HTTP/1.1 401",
    })
    void whoSendsTooMuchIsTold(String head, boolean sends, String answer) throws Exception {
        Service guarded = service(scorer, "secret", 4, Duration.ofSeconds(30));
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), guarded.port())) {
            socket.setSoTimeout(30_000);
            String key = head.contains("Authorization") ? "" : "Authorization: Bearer secret\r\n";
            socket.getOutputStream()
                    .write("POST /v1/score HTTP/1.1\r\nHost: x\r\n%sContent-Type: application/json\r\n%s\r\n\r\n"
                            .formatted(key, head.replace("|", "\r\n").strip())
                            .getBytes(StandardCharsets.US_ASCII));
            if (sends) {
                String size = head.contains("chunked") ? "895440\r\n" : ""; // 9,000,000
                socket.getOutputStream().write(size.getBytes(StandardCharsets.US_ASCII));
                socket.getOutputStream().write(new byte[9_000_000]);
                String end = head.contains("chunked") ? "\r\n0\r\n\r\n" : "";
                socket.getOutputStream().write(end.getBytes(StandardCharsets.US_ASCII));
            }
            BufferedReader answers =
                    new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));

            assertThat(answers.readLine()).startsWith(answer);
            List<String> headers = new ArrayList<>();
            for (String line = answers.readLine(); !line.isEmpty(); line = answers.readLine()) {
                headers.add(line);
            }
            assertThat(headers.contains("Connection: close")).isNotEqualTo(sends);
        } finally {
            guarded.close();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"application/jsonx", "multipart/form-datax; boundary=x", "text/plain"})
    void anotherTypeIsRefused(String type) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri(service, "/v1/score"))
                .header("Content-Type", type)
                .POST(BodyPublishers.ofString(request(IMAGE, "a")));

        assertProblem(send(request), 415, "REQUEST_INVALID");
    }

    @Test
    void aCompressedBodyIsRefused() throws Exception {
        HttpRequest.Builder request =
                json(service, "/v1/score", request(IMAGE, "a")).header("Content-Encoding", "gzip");

        HttpResponse<String> response = send(request);

        assertProblem(response, 415, "REQUEST_INVALID");
        assertThat(response.body()).contains("Content-Encoding gzip");
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

    @Test
    void aSlowSenderIsCutOff() throws Exception {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), service.port())) {
            socket.setSoTimeout(60_000);
            socket.getOutputStream()
                    .write(
                            "POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"
                                    .getBytes(StandardCharsets.US_ASCII));
            long begun = System.nanoTime();
            InputStream in = socket.getInputStream();
            int first = in.read();
            // an error, or the end; and others are answered meanwhile
            assertThat(first == -1 || first == 'H').isTrue();
            assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(45));
            assertThat(send(HttpRequest.newBuilder(uri(service, "/health/ready")))
                            .statusCode())
                    .isEqualTo(200);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=y"})
    void aMultipartBodyOfAnotherBoundaryOrNoneIsRefused(String type) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri(service, "/v1/score"))
                .header("Content-Type", type)
                .POST(BodyPublishers.ofByteArray(form(Map.of("prompt", "a"), IMAGE, "a.png")));

        assertProblem(send(request), 400, "REQUEST_INVALID");
    }

    /** Or all but one would be left out, and nobody told. */
    @Test
    void aFieldThatComesTwiceIsRefused() throws Exception {
        ByteArrayOutputStream images = new ByteArrayOutputStream();
        part(images, "name=\"image\"; filename=\"b.png\"", IMAGE);
        images.write(form(Map.of("prompt", "a"), IMAGE, "a.png"));
        assertProblem(send(multipart(service, "/v1/score", images.toByteArray())), 400, "REQUEST_INVALID");

        ByteArrayOutputStream aspects = new ByteArrayOutputStream();
        part(aspects, "name=\"aspects\"", "quality".getBytes(StandardCharsets.UTF_8));
        aspects.write(form(Map.of("aspects", "correspondence"), IMAGE, "a.png"));
        HttpResponse<String> response = send(multipart(service, "/v1/score", aspects.toByteArray()));
        assertProblem(response, 400, "REQUEST_INVALID");
        assertThat(response.body()).contains("the field aspects comes more than once");

        String twice = request(IMAGE, "a").replaceFirst("\\{", "{\"prompt\": \"b\", ");
        assertProblem(send(json(service, "/v1/score", twice)), 400, "REQUEST_INVALID");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\r\nContent-Type: text/plain; charset=nonsense"})
    void textOfAnotherEncodingIsRefused(String type) throws Exception {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        part(body, "name=\"prompt\"" + type, "ein Kätzchen".getBytes(StandardCharsets.ISO_8859_1));
        body.write(form(Map.of(), IMAGE, "a.png"));

        HttpResponse<String> response = send(multipart(service, "/v1/score", body.toByteArray()));

        assertProblem(response, 400, "REQUEST_INVALID");
        assertThat(response.body()).contains("the field prompt is no text in UTF-8");
    }

    @Test
    void textOfAnEncodingThatItNamesIsRead() throws Exception {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        part(
                body,
                "name=\"prompt\"\r\nContent-Type: text/plain; charset=ISO-8859-1",
                "ein Kätzchen".getBytes(StandardCharsets.ISO_8859_1));
        body.write(form(Map.of(), IMAGE, "a.png"));

        HttpResponse<String> response = send(multipart(service, "/v1/score", body.toByteArray()));

        assertThat(JSON.readTree(response.body()).path("prompt").asText()).isEqualTo("ein Kätzchen");
    }

    /** Forms send every line end as CRLF. */
    @Test
    void aFormGivesThePromptThatWasWritten() throws Exception {
        byte[] body = form(Map.of("prompt", "a hill\r\nat night", "name", "hill.png"), IMAGE, "upload-7.png");

        JsonNode answer =
                JSON.readTree(send(multipart(service, "/v1/score", body)).body());

        assertThat(answer.path("prompt").asText()).isEqualTo("a hill\nat night");
        assertThat(answer.path("image").asText()).isEqualTo("hill.png");
    }

    @Test
    void aPartWithoutANameIsRefused() throws Exception {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        part(body, "filename=\"a.png\"", IMAGE);
        body.write(form(Map.of(), IMAGE, "a.png"));

        HttpResponse<String> response = send(multipart(service, "/v1/score", body.toByteArray()));

        assertProblem(response, 400, "REQUEST_INVALID");
        assertThat(response.body()).contains("a part has no name");
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

    @Test
    void jsonOfNoEncodingIsRefused() throws Exception {
        byte[] body = {0, 0, 0, '{', -1, -1, -1, -1}; // begins as UTF-32 does
        HttpRequest.Builder request = HttpRequest.newBuilder(uri(service, "/v1/score"))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofByteArray(body));

        assertProblem(send(request), 400, "REQUEST_INVALID");
    }

    /** A byte every now and then, so that the connection is never idle. */
    @ParameterizedTest
    @ValueSource(strings = {"application/json", "multipart/form-data; boundary=x"})
    void aDrippingSenderIsToldSo(String type) throws Exception {
        Service impatient = service(scorer, null, 4, Duration.ofSeconds(2));
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), impatient.port())) {
            socket.setSoTimeout(30_000);
            OutputStream out = socket.getOutputStream();
            out.write("POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 100000\r\n\r\n"
                    .formatted(type)
                    .getBytes(StandardCharsets.US_ASCII));
            Thread dripping = Thread.ofVirtual().start(() -> {
                try {
                    while (true) {
                        out.write('-');
                        TimeUnit.MILLISECONDS.sleep(100);
                    }
                } catch (IOException | InterruptedException _) {
                    // the connection has ended
                }
            });
            String answer = new BufferedReader(
                            new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII))
                    .readLine();
            dripping.interrupt();

            assertThat(answer).startsWith("HTTP/1.1 408");
        } finally {
            impatient.close();
        }
    }
}
