package io.github.m3agiqa.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.ConversationFile;
import io.github.m3agiqa.testing.Provider;
import io.github.m3agiqa.testing.TestModels;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A teacher is asked, and its words become conversations; nothing is asked twice, and no key gets out. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class DistillCommandTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String KEY = "sk-never-to-be-seen";

    @TempDir
    private Path folder;

    private Path dataset;
    private Path store;

    @BeforeEach
    void draw() throws IOException {
        dataset = Files.createDirectories(folder.resolve("own"));
        store = folder.resolve("store");
        Files.createDirectory(dataset.resolve("images"));
        for (int i = 0; i < 4; i++) {
            Command.draw(dataset.resolve("images/%d.png".formatted(i)), i);
        }
        Files.writeString(dataset.resolve("data.csv"), """
                name,prompt,mos_quality,mos_correspondence
                0.png,a hill,0.5,4.9
                1.png,ein Hügel 日本,4.2,1.5
                2.png,a sea,2.999,2
                3.png,a wood,3.2,3
                """);
    }

    private static void answer(HttpExchange exchange, int number) throws IOException {
        Provider.send(
                exchange, 200, Provider.openAi(Provider.description("Description %d.".formatted(number)), "stop"));
    }

    private List<String> asking(String url, String... more) {
        List<String> arguments = new ArrayList<>(List.of("distill", "ask", "--dataset", dataset.toString()));
        arguments.addAll(List.of("--store", store.toString(), "--api", "openai", "--endpoint", url));
        arguments.addAll(List.of("--teacher", "m", "--aspects", "quality"));
        arguments.addAll(List.of(more));
        return arguments;
    }

    private Command ask(Provider provider, String... more) {
        return Command.run(asking(provider.url("/v1"), more).toArray(String[]::new));
    }

    private List<Conversation> export(String aspect, String... more) {
        Path output = folder.resolve(aspect + ".json");
        List<String> arguments = new ArrayList<>(List.of("distill", "export", "--store", store.toString()));
        arguments.addAll(List.of("--dataset", dataset.toString(), "--aspect", aspect, "--output", output.toString()));
        arguments.addAll(List.of(more));
        Command command = Command.run(arguments.toArray(String[]::new));
        assertThat(command.exitCode()).as(command.err()).isZero();
        return ConversationFile.read(output);
    }

    @Test
    void whatIsAnsweredIsNotAskedAgainAndBecomesConversations() {
        try (Provider provider = new Provider(DistillCommandTest::answer)) {
            assertThat(ask(provider, "--no-key", "--limit", "2").exitCode()).isZero();
            Command second = ask(provider, "--no-key", "--aspects", "correspondence");

            assertThat(second.exitCode()).as(second.err()).isZero();
            assertThat(second.err()).contains("8 questions", "now 6 answered, 0 failed, 0 open", "8 requests");
            assertThat(provider.requests()).hasSize(8);
        }
        List<Conversation> quality = export("quality");
        assertThat(quality).extracting(Conversation::image).startsWith("images/0.png", "images/1.png");
        assertThat(quality).extracting(Conversation::ratingWord).containsExactly("bad", "excellent", "fair", "good");
        assertThat(quality).extracting(Conversation::teacherSawMos).containsOnly(false);
        assertThat(quality).extracting(Conversation::teacherDescription).allMatch(text -> text.startsWith("Desc"));
        assertThat(quality.get(1).describeRequest())
                .isEqualTo("Take a close look at this AI-generated image and tell me everything you can about what you"
                        + " see. It's original prompt is: 'ein Hügel 日本'. Could you please help to analyze the"
                        + " image's quality?");
        assertThat(export("correspondence"))
                .extracting(Conversation::ratingWord)
                .containsExactly("excellent", "poor", "fair", "good");
    }

    @Test
    void aRevealedScoreIsMarkedAndTheStudentIsNotTold() {
        try (Provider provider = new Provider(DistillCommandTest::answer)) {
            assertThat(ask(provider, "--no-key", "--reveal-mos").exitCode()).isZero();
            assertThat(provider.requests()).anyMatch(request -> request.contains("with 4.20 on a scale from 0 to 5"));
        }
        List<Conversation> quality = export("quality");
        assertThat(quality).extracting(Conversation::teacherSawMos).containsOnly(true);
        assertThat(quality)
                .extracting(Conversation::describeRequest)
                .allMatch(request -> request.startsWith("Take a close look"));
    }

    @Test
    void imagesAreSmallerOnlyAsTold() throws IOException {
        try (Provider provider = new Provider(DistillCommandTest::answer)) {
            assertThat(ask(provider, "--no-key", "--limit", "1").exitCode()).isZero();
            assertThat(ask(provider, "--no-key", "--limit", "1", "--max-side", "30")
                            .exitCode())
                    .isZero();

            assertThat(sent(provider.requests().get(0))).isEqualTo(Files.readAllBytes(dataset.resolve("images/0.png")));
            var small = ImageIO.read(
                    new ByteArrayInputStream(sent(provider.requests().get(1))));
            assertThat(List.of(small.getWidth(), small.getHeight())).isEqualTo(List.of(30, 20));
        }
    }

    private static byte[] sent(String request) throws IOException {
        JsonNode body = JSON.readTree(request.substring(request.indexOf('\n')));
        String url = body.at("/messages/0/content/1/image_url/url").asText();
        return Base64.getDecoder().decode(url.substring(url.indexOf(',') + 1));
    }

    @Test
    void aDryRunAsksNothing() {
        try (Provider provider = new Provider(DistillCommandTest::answer)) {
            Command command = ask(
                    provider,
                    "--dry-run",
                    "--aspects",
                    "correspondence",
                    "--price-input",
                    "1",
                    "--price-output",
                    "1000");

            assertThat(command.exitCode()).as(command.err()).isZero();
            // 85 tokens and a tile of 170 an image of 60 by 40; 250 tokens an answer
            assertThat(command.out()).contains("8 questions about 4 images", "2000 to write", "about 2.00 to pay");
            assertThat(provider.requests()).isEmpty();
        }
    }

    /** A server that has no such model at first. */
    private static Provider repairedAfter(int requests) {
        return new Provider((exchange, number) -> {
            if (number < requests) {
                Provider.send(exchange, 404, "{\"error\": {\"message\": \"model m not found\"}}");
            } else {
                answer(exchange, number);
            }
        });
    }

    @Test
    void onlyTheQuestionsOfARunAreAskedAgain() {
        try (Provider provider = repairedAfter(4)) {
            ask(provider, "--no-key");
            assertThat(ask(provider, "--dry-run").out()).contains("0 questions about 0 images");
            assertThat(ask(provider, "--dry-run", "--retry-failed").out()).contains("4 questions about 4 images");
            ask(provider, "--no-key", "--retry-failed", "--max-side", "30"); // another teacher
            assertThat(provider.requests()).hasSize(8);
            ask(provider, "--no-key");
            assertThat(provider.requests()).as("nothing was opened again").hasSize(8);

            Command again = ask(provider, "--no-key", "--retry-failed");

            assertThat(again.exitCode()).as(again.err()).isZero();
            assertThat(again.err()).contains("now 4 answered, 0 failed");
        }
    }

    @Test
    void whatFailedBeforeIsNotAnswered() {
        try (Provider provider = repairedAfter(2)) {
            Command first = ask(provider, "--no-key", "--limit", "2");
            assertThat(first.exitCode()).isEqualTo(ExitCode.SOME_FAILED);
            assertThat(first.err()).containsOnlyOnce("HTTP 404 model m not found");

            Command second = ask(provider, "--no-key", "--limit", "3");

            assertThat(second.exitCode()).as(second.err()).isEqualTo(ExitCode.SOME_FAILED);
            assertThat(second.err())
                    .contains("2 failed before (--retry-failed asks them again); now 1 answered, 0 failed, 0 open");
            assertThat(ask(provider, "--dry-run").out())
                    .contains("1 questions about 1 images, 1 more answered already, 2 failed before");
        }
    }

    @Test
    void aModelOfOursThatFailedBeforeHasNotAnswered() throws IOException {
        byte[] whole = Files.readAllBytes(dataset.resolve("images/0.png"));
        Files.write(dataset.resolve("images/0.png"), Arrays.copyOf(whole, whole.length / 2));
        List<String> arguments = new ArrayList<>(List.of("distill", "ask", "--dataset", dataset.toString()));
        arguments.addAll(
                List.of("--store", store.toString(), "--api", "local", "--aspects", "quality", "--limit", "1"));
        arguments.addAll(List.of("--model", TestModels.tiny().toString(), "--max-new-tokens", "6"));

        assertThat(Command.run(arguments.toArray(String[]::new)).exitCode()).isEqualTo(ExitCode.SOME_FAILED);
        Command second = Command.run(arguments.toArray(String[]::new));

        assertThat(second.exitCode()).as(second.err()).isEqualTo(ExitCode.SOME_FAILED);
        assertThat(second.err()).contains("1 failed before");
    }

    @Test
    void saysWhatIsMissing() {
        assertThat(Command.run("distill").exitCode()).isEqualTo(ExitCode.USAGE);
        Command noKey = Command.run(
                asking("http://127.0.0.1:1/v1", "--keys", "NO_SUCH_KEY").toArray(String[]::new));
        assertThat(noKey.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(noKey.err()).contains("NO_SUCH_KEY", "--no-key");
        Command noEndpoint = Command.run(
                "distill",
                "ask",
                "--dataset",
                dataset.toString(),
                "--store",
                store.toString(),
                "--api",
                "gemini",
                "--aspects",
                "quality");
        assertThat(noEndpoint.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(noEndpoint.err()).contains("--endpoint", "--teacher");
        for (String endpoint : List.of("notaurl", "ftp://127.0.0.1/v1", "http:///v1", "http://a b/v1")) {
            Command noUrl = Command.run(asking(endpoint, "--no-key").toArray(String[]::new));
            assertThat(noUrl.exitCode()).as(endpoint).isEqualTo(ExitCode.USAGE);
            assertThat(noUrl.err()).contains("--endpoint " + endpoint);
        }
        Command noStore =
                Command.run("distill", "report", "--dataset", dataset.toString(), "--store", folder + "/none");
        assertThat(noStore.exitCode()).isEqualTo(ExitCode.INPUT);
        assertThat(noStore.err()).contains("none is no store");
    }

    @Test
    void aTeacherThatNeverAnswersIsAFailureForGood() {
        Command command = Command.run(
                asking("http://127.0.0.1:1/v1", "--no-key", "--retries", "0").toArray(String[]::new));
        assertThat(command.exitCode()).isEqualTo(ExitCode.REMOTE);
        assertThat(command.err())
                .contains("4 failed (4 connection lost), 4 open")
                .containsOnlyOnce("the connection to http://127.0.0.1:1/v1 failed");
    }

    @Test
    void keysGetNowhere() throws Exception {
        try (Provider provider = new Provider((exchange, number) -> {
            if (number == 0) {
                Provider.send(exchange, 400, "{\"error\": {\"message\": \"not with %s\"}}".formatted(KEY));
            } else if (number == 1) {
                Provider.send(exchange, 401, "{\"error\": {\"message\": \"wrong key %s\"}}".formatted(KEY));
            } else {
                answer(exchange, number);
            }
        })) {
            Path log = folder.resolve("log.txt");
            List<String> command = new ArrayList<>(List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "--enable-native-access=ALL-UNNAMED",
                    "-cp",
                    System.getProperty("java.class.path"),
                    Main.class.getName()));
            command.addAll(asking(provider.url("/v1"), "--keys", "FIRST,SECOND", "--concurrency", "1"));
            ProcessBuilder child =
                    new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
            child.environment().put("FIRST", KEY);
            child.environment().put("SECOND", KEY);

            assertThat(child.start().waitFor()).as(Files.readString(log)).isEqualTo(ExitCode.SOME_FAILED);

            assertThat(provider.keys()).hasSizeGreaterThan(3).allMatch(key -> key.contains(KEY));
            assertThat(Files.readString(log))
                    .contains("HTTP 400 not with ***", "a key is left out: HTTP 401 wrong key ***", "1 rejected");
            Command.run("distill", "report", "--dataset", dataset.toString(), "--store", store.toString());
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.filter(Files::isRegularFile).toList()) {
                    assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
                            .as(file.toString())
                            .doesNotContain(KEY);
                }
            }
            assertThat(store.resolve("report.html")).content().contains("data:image/jpeg", "Description");
        }
    }

    @Test
    void conversationsAreImportedAndExportedWithoutLoss() throws IOException {
        Path file = folder.resolve("published.json");
        Conversation whole = Conversation.told(
                        "7", "all/1.png", "<image>\nLook.", "It is \"good\".", "Rate.", "poor", true)
                .withResponses("Own words.", "fair");
        Conversation bare = Conversation.asking("a", "2.png", "Look.", "Rate.", null);
        ConversationFile.write(file, List.of(bare, whole));
        String[] taking = {"distill", "import", "--store", store.toString(), "--aspect", "quality", file.toString()};
        assertThat(Command.run(taking).err()).contains("2 conversations, 2 of them new");
        assertThat(Command.run(taking).err()).contains("2 conversations, 0 of them new");

        assertThat(export("quality", "--keep-words")).containsExactly(bare, whole);
        assertThat(Files.readString(folder.resolve("quality.json"))).isEqualTo(Files.readString(file));
        assertThat(export("quality")).extracting(Conversation::ratingWord).containsExactly("fair", "excellent");

        try (Provider provider = new Provider(DistillCommandTest::answer)) {
            assertThat(ask(provider, "--no-key").err()).contains("2 questions, 2 answered by imported conversations");
        }
    }

    /** What the teacher said of two images, and a tuned model of one. */
    @Test
    void reportsLookAtTheTeacherOrAtAModelsOwnWords() throws IOException {
        Path file = folder.resolve("described.json");
        Conversation told =
                Conversation.told("7", "1.png", "Look.", "Told in a very few words.", "Rate.", "poor", true);
        ConversationFile.write(
                file,
                List.of(
                        told.withResponses("Its own words.", "fair"),
                        Conversation.told("8", "2.png", "Look.", "Told once more.", "Rate.", "poor", true)));
        Command.run("distill", "import", "--store", store.toString(), "--aspect", "quality", file.toString());
        List<String> report =
                List.of("distill", "report", "--dataset", dataset.toString(), "--store", store.toString());

        assertThat(Command.run(report.toArray(String[]::new)).out()).contains("quality: 2 descriptions");
        assertThat(store.resolve("report.html"))
                .content()
                .contains("what teachers said of", "Told in a very few words.")
                .doesNotContain("Its own words.");

        List<String> own = new ArrayList<>(report);
        own.add("--responses");
        assertThat(Command.run(own.toArray(String[]::new)).out())
                .contains("quality: 1 descriptions of 3 words (median), 0 duplicates");
        assertThat(store.resolve("report.html"))
                .content()
                .contains("what a tuned model said of", "Its own words.")
                .doesNotContain("Told in");
    }

    @Test
    void aModelOfOursIsATeacherToo() {
        Command command = Command.run(
                "distill",
                "ask",
                "--dataset",
                dataset.toString(),
                "--store",
                store.toString(),
                "--api",
                "local",
                "--model",
                TestModels.tiny().toString(),
                "--max-new-tokens",
                "6",
                "--aspects",
                "quality,correspondence");

        assertThat(command.exitCode()).as(command.err()).isZero();
        assertThat(export("quality"))
                .hasSize(4)
                .allMatch(one -> !one.teacherDescription().isBlank());
        assertThat(export("correspondence")).hasSize(4);
    }
}
