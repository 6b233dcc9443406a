package io.github.m3agiqa.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.testing.TestModels;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The command as people start and stop it. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class ServeCommandTest {
    @TempDir
    private Path folder;

    @Test
    void saysThatThePortIsTaken() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Command command = Command.run(
                    "serve", "--model", TestModels.tiny().toString(), "--port", String.valueOf(taken.getLocalPort()));

            assertThat(command.exitCode()).isEqualTo(ExitCode.INPUT);
            assertThat(command.err()).contains("127.0.0.1:%d cannot be listened on".formatted(taken.getLocalPort()));
        }
        for (String[] wrong : new String[][] {{"--queue", "0"}, {"--port", "99999"}, {"--port", "-1"}}) {
            assertThat(Command.run("serve", "--model", TestModels.tiny().toString(), wrong[0], wrong[1])
                            .exitCode())
                    .isEqualTo(ExitCode.USAGE);
        }
    }

    @Test
    void namesAnAddressOfIpv6AsUrlsDo() {
        assertThat(ServeCommand.url("::1", 8080)).isEqualTo("http://[::1]:8080/");
        assertThat(ServeCommand.url("127.0.0.1", 8080)).isEqualTo("http://127.0.0.1:8080/");
    }

    /** {@code --api-key "$KEY"} without a KEY would guard nothing, and no header carries some others. */
    @ParameterizedTest
    @ValueSource(strings = {"", " ", "schlüssel", "a\nb"})
    void refusesAKeyThatNobodyCanShow(String key) {
        Command command =
                Command.run("serve", "--model", folder.resolve("none").toString(), "--port", "0", "--api-key", key);

        assertThat(command.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(command.err()).contains("the API key must not be empty");
    }

    @Test
    void saysThatTheModelHasNoneOfTheAspects() {
        Path model = TestModels.tinyWith(
                folder.resolve("model"), manifest -> ((ObjectNode) manifest.path("aspects")).remove("authenticity"));

        Command command = Command.run("serve", "--model", model.toString(), "--port", "0", "--aspects", "authenticity");

        assertThat(command.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(command.err()).contains("scores none of the aspects asked for");
    }

    @Test
    void endsOnSigtermWithWhatItHasAccepted() throws Exception {
        Process child = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:+UseSerialGC",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        "serve",
                        "--model",
                        TestModels.tiny().toAbsolutePath().toString(),
                        "--max-new-tokens",
                        "6",
                        "--port",
                        "0"))
                .redirectErrorStream(true)
                .start();
        try (BufferedReader told = child.inputReader(StandardCharsets.UTF_8)) {
            String line = told.readLine();
            while (line != null && !line.contains(" at http://")) {
                line = told.readLine();
            }
            URI service = URI.create(String.valueOf(line).replaceFirst(".* at ", ""));
            byte[] image = Files.readAllBytes(Command.draw(folder.resolve("a.png"), 1));
            String body = "{\"image\": \"%s\", \"prompt\": \"a\"}"
                    .formatted(Base64.getEncoder().encodeToString(image));
            HttpRequest request = HttpRequest.newBuilder(service.resolve("/v1/score/stream"))
                    .header("Content-Type", "application/json")
                    .POST(BodyPublishers.ofString(body))
                    .build();
            try (HttpClient http = HttpClient.newHttpClient()) {
                Iterator<String> lines =
                        http.send(request, BodyHandlers.ofLines()).body().iterator();
                assertThat(lines.next()).startsWith("event: "); // it was accepted

                child.destroy();

                List<String> rest = new ArrayList<>();
                lines.forEachRemaining(rest::add);
                assertThat(rest).contains("event: result");
            }
            assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
        } finally {
            child.destroyForcibly();
        }
    }
}
