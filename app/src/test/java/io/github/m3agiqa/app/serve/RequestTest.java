package io.github.m3agiqa.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a real service with the tiny model reads as a request, what it refuses, and in which words. */
class RequestTest extends RunningService {
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
        "Content-Length: 9000000000, false, HTTP/1.1 413", // and never sends it, which is waited for a few seconds
    })
    void whoSendsTooMuchIsTold(String head, boolean sends, String answer) throws Exception {
        Service guarded = service(scorer, "secret", 4, Duration.ofSeconds(60));
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), guarded.port())) {
            socket.setSoTimeout(15_000);
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

    @Test
    void aBodyMayBeCalledWhatItIs() throws Exception {
        HttpRequest.Builder request =
                json(service, "/v1/score", request(IMAGE, "a")).header("Content-Encoding", "identity");

        assertThat(send(request).statusCode()).isEqualTo(200);
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

    /** Sends a form with an image, and before it a part. */
    private HttpResponse<String> sendWith(String disposition, byte[] content) throws IOException, InterruptedException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        part(body, disposition, content);
        body.write(form(Map.of(), IMAGE, "a.png"));
        return send(multipart(service, "/v1/score", body.toByteArray()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\r\nContent-Type: text/plain; charset=nonsense"})
    void textOfAnotherEncodingIsRefused(String type) throws Exception {
        HttpResponse<String> response =
                sendWith("name=\"prompt\"" + type, "ein Kätzchen".getBytes(StandardCharsets.ISO_8859_1));

        assertProblem(response, 400, "REQUEST_INVALID");
        assertThat(response.body()).contains("the field prompt is no text in UTF-8");
    }

    @Test
    void textOfAnEncodingThatItNamesIsRead() throws Exception {
        HttpResponse<String> response = sendWith(
                "name=\"prompt\"\r\nContent-Type: text/plain; charset=ISO-8859-1",
                "ein Kätzchen".getBytes(StandardCharsets.ISO_8859_1));

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
        HttpResponse<String> response = sendWith("filename=\"a.png\"", IMAGE);

        assertProblem(response, 400, "REQUEST_INVALID");
        assertThat(response.body()).contains("a part has no name");
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
