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
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.scoring.ScoringOptions;
import io.github.m3agiqa.testing.DrawnImages;
import io.github.m3agiqa.testing.TestModels;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;

/** A real service with the tiny model, and what its tests talk to it with. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
abstract class RunningService {
    static final ObjectMapper JSON = new ObjectMapper();
    static final byte[] IMAGE = DrawnImages.encode(DrawnImages.landscape(60, 40, 1), "png");
    static final String BOUNDARY = "----m3agiqa";
    static final int MAX_BYTES = 1 << 20;

    static Scorer scorer;
    static Service service;
    static JsonNode openApi;

    final HttpClient http = HttpClient.newHttpClient();

    @BeforeAll
    static void start() throws Exception {
        ModelFolder model = ModelFolder.open(TestModels.tiny());
        scorer = Scorer.open(model, ScoringOptions.DEFAULT.withMaxNewTokens(6));
        service = service(scorer, null, 64, Duration.ofSeconds(60));
        openApi = new YAMLMapper().readTree(RunningService.class.getResourceAsStream("openapi.yaml"));
        awaitUntil(service::ready);
    }

    static Service service(Scorer scorer, @Nullable String apiKey, int queue, Duration timeout) {
        return new Service(scorer, ModelFolder.open(TestModels.tiny()).manifest(), settings(apiKey, queue, timeout));
    }

    static Service.Settings settings(@Nullable String apiKey, int queue, Duration timeout) {
        return new Service.Settings("127.0.0.1", 0, apiKey, queue, 1, timeout, MAX_BYTES);
    }

    static void awaitUntil(Callable<Boolean> holds) throws Exception {
        while (!holds.call()) {
            TimeUnit.MILLISECONDS.sleep(5);
        }
    }

    @AfterAll
    static void stop() {
        service.close();
        scorer.close();
    }

    static URI uri(Service of, String path) {
        return URI.create("http://127.0.0.1:%d%s".formatted(of.port(), path));
    }

    static HttpRequest.Builder json(Service of, String path, String body) {
        return HttpRequest.newBuilder(uri(of, path))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body));
    }

    static String request(byte[] image, String prompt) {
        ObjectNode body = JSON.createObjectNode();
        body.put("image", Base64.getEncoder().encodeToString(image));
        body.put("prompt", prompt).put("name", "a.png");
        return body.toString();
    }

    static byte[] form(Map<String, String> fields, byte[] image, String name) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Map.Entry<String, String> field : fields.entrySet()) {
            part(out, "name=\"%s\"".formatted(field.getKey()), field.getValue().getBytes(StandardCharsets.UTF_8));
        }
        part(out, "name=\"image\"; filename=\"%s\"".formatted(name), image);
        out.write("--%s--\r\n".formatted(BOUNDARY).getBytes(StandardCharsets.UTF_8));
        return out.toByteArray();
    }

    /** @param disposition its parameters, and headers after it */
    static void part(ByteArrayOutputStream out, String disposition, byte[] content) throws IOException {
        String head = "--%s\r\nContent-Disposition: form-data; %s\r\n\r\n".formatted(BOUNDARY, disposition);
        out.write(head.getBytes(StandardCharsets.UTF_8));
        out.write(content);
        out.write("\r\n".getBytes(StandardCharsets.UTF_8));
    }

    static HttpRequest.Builder multipart(Service of, String path, byte[] body) {
        return HttpRequest.newBuilder(uri(of, path))
                .header("Content-Type", "multipart/form-data; boundary=" + BOUNDARY)
                .POST(BodyPublishers.ofByteArray(body));
    }

    /** Sends a request, and checks the answer against the OpenAPI document. */
    HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
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
    static List<String> validate(JsonNode schema, String answer) throws IOException {
        ObjectNode whole = schema.deepCopy();
        whole.set("components", openApi.path("components"));
        Schema compiled = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                .getSchema(whole.toString());
        return compiled.validate(JSON.readTree(answer).toString(), InputFormat.JSON).stream()
                .map(Object::toString)
                .toList();
    }

    static void assertProblem(HttpResponse<String> response, int status, String code) throws IOException {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        assertThat(response.headers().firstValue("Content-Type")).contains("application/problem+json");
        JsonNode problem = JSON.readTree(response.body());
        assertThat(problem.path("code").asText()).isEqualTo(code);
        assertThat(problem.path("detail").asText())
                .isNotBlank()
                .doesNotContain(
                        "Exception", "java.", "fasterxml", "Feature", "Constraints", "/home", "/tmp", "target/");
    }

    static List<Map.Entry<String, JsonNode>> events(String stream) throws IOException {
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
}
