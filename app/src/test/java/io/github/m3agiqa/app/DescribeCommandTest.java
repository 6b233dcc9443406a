package io.github.m3agiqa.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.ConversationFile;
import io.github.m3agiqa.testing.Goldens;
import io.github.m3agiqa.testing.TestModels;
import io.github.m3agiqa.weights.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A tuned model's own answers: what is written, what fails, and going on after a stop. */
class DescribeCommandTest {
    @TempDir
    private Path folder;

    private Path dataset;
    private Path output;

    @BeforeEach
    void draw() throws IOException {
        dataset = Files.createDirectory(folder.resolve("own"));
        Files.createDirectory(dataset.resolve("images"));
        output = folder.resolve("answers.json");
        for (int i = 0; i < 4; i++) {
            Command.draw(dataset.resolve("images/%d.png".formatted(i)), i);
        }
        Files.writeString(dataset.resolve("data.csv"), """
                name,prompt,mos_quality
                0.png,"a ""hill"", in
                two lines",0.5
                1.png,ein Hügel 日本,4.2
                2.png,a sea,2.999
                3.png,a wood,
                """);
    }

    /** Runs the command on the tiny model and for quality, unless told otherwise. */
    private Command describe(Path target, String... more) {
        List<String> given = List.of(more);
        List<String> arguments = new ArrayList<>(List.of("describe", "--dtype", "fp32", "--max-new-tokens", "6"));
        arguments.addAll(List.of("--dataset", dataset.toString(), "--output", target.toString()));
        if (!given.contains("--model")) {
            arguments.addAll(List.of("--model", TestModels.tiny().toString()));
        }
        if (!given.contains("--aspect")) {
            arguments.addAll(List.of("--aspect", "quality"));
        }
        arguments.addAll(given);
        return Command.run(arguments.toArray(String[]::new));
    }

    @Test
    void asksTheModelsQuestionsAboutEveryImage() throws IOException {
        Command command = describe(output, "--aspect", "correspondence");

        assertThat(command.exitCode()).isZero();
        assertThat(command.out()).isEmpty();
        assertThat(command.err()).contains("4 images: 0 tried before, 0 without an answer; conversations in " + output);
        List<Conversation> conversations = ConversationFile.read(output);
        assertThat(conversations).extracting(Conversation::id).containsExactly("0", "1", "2", "3");
        assertThat(conversations).extracting(Conversation::image).startsWith("images/0.png", "images/1.png");
        assertThat(conversations.get(1).describeRequest()).contains("ein Hügel 日本");
        assertThat(conversations).allSatisfy(conversation -> {
            assertThat(conversation.response0()).isNotBlank();
            assertThat(conversation.response1()).isNotNull();
        });
        JsonNode messages = new ObjectMapper().readTree(output.toFile()).get(0).path("conversations");
        assertThat(messages.get(1).path("content").isNull()).isTrue();
        assertThat(messages.get(3).path("content").isNull()).isTrue();
    }

    @Test
    void theRatingWordIsThatOfPeoplesScore() throws IOException {
        describe(output);

        JsonNode items = new ObjectMapper().readTree(output.toFile());
        assertThat(items.valueStream()
                        .map(item -> item.path("conversations")
                                .path(3)
                                .path("content")
                                .asText("none")))
                .containsExactly("bad", "excellent", "fair", "none");
    }

    @Test
    void answersTheRequestsOfAConversationFile() {
        List<Conversation> asked = List.of(
                Conversation.asking("7", "/far/away/2.png", "<image>\nWhat is this?", "Rate it.", "good")
                        .withResponses("someone else's", "poor"),
                Conversation.asking("8", "0.png", "And this?", "Rate it.", null));
        Path file = folder.resolve("asked.json");
        ConversationFile.write(file, asked);

        assertThat(describe(output, "--conversations", file.toString()).exitCode())
                .isZero();

        List<Conversation> answered = ConversationFile.read(output);
        assertThat(answered)
                .extracting(conversation -> conversation.withResponses(null, null))
                .isEqualTo(asked.stream()
                        .map(conversation -> conversation.withResponses(null, null))
                        .toList());
        assertThat(answered.getFirst().response0()).isNotBlank().isNotEqualTo("someone else's");
        assertThat(answered.getFirst().response0())
                .isNotEqualTo(answered.getLast().response0());
    }

    /** The authors' own answers give way to the model's; all else stays as they published it. */
    @Test
    @Tag("shared")
    void answersThePublishedConversations() {
        dataset = Goldens.shared("datasets/agiqa-3k");
        List<Conversation> published = ConversationFile.read(dataset.resolve("conversations/quality_test.json"))
                .subList(0, 8);
        Path file = folder.resolve("published.json");
        ConversationFile.write(file, published);

        assertThat(describe(output, "--conversations", file.toString()).exitCode())
                .isZero();

        List<Conversation> answered = ConversationFile.read(output);
        for (int i = 0; i < published.size(); i++) {
            Conversation before = published.get(i);
            Conversation after = answered.get(i);
            assertThat(after.withResponses(before.response0(), before.response1()))
                    .isEqualTo(before);
            assertThat(after.response0()).isNotBlank().isNotEqualTo(before.response0());
        }
    }

    @Test
    void whatFailedIsListedAndHasNoAnswer() throws IOException {
        Files.writeString(dataset.resolve("images/1.png"), "no image");

        Command command = describe(output);

        assertThat(command.exitCode()).isEqualTo(1);
        assertThat(command.err())
                .contains("1.png: IMAGE_UNREADABLE: ")
                .contains("4 images: 0 tried before, 1 without an answer");
        List<Conversation> conversations = ConversationFile.read(output);
        assertThat(conversations).hasSize(4);
        assertThat(conversations.get(1).response0()).isNull();
        assertThat(conversations.get(1).response1()).isNull();
        assertThat(conversations.get(2).response0()).isNotBlank();

        Command again = describe(output);
        assertThat(again.exitCode()).isEqualTo(1);
        assertThat(again.err()).contains("4 images: 4 tried before, 1 without an answer");

        Command.draw(dataset.resolve("images/1.png"), 9);
        Command retried = describe(output, "--retry-failed");
        assertThat(retried.exitCode()).isZero();
        assertThat(retried.err()).contains("4 images: 3 tried before, 0 without an answer");
        Path fresh = folder.resolve("fresh.json");
        describe(fresh);
        assertThat(output).hasSameTextualContentAs(fresh);
        assertThat(Files.readAllLines(answers(output))).isEqualTo(Files.readAllLines(answers(fresh)));
    }

    private static Path answers(Path target) {
        return target.resolveSibling(target.getFileName() + ".answers.jsonl");
    }

    /** Cut anywhere, a second run ends as an undisturbed one. */
    @Test
    void goesOnWhereverItWasCutOff() throws IOException {
        Files.writeString(dataset.resolve("images/3.png"), "no image");
        describe(output);
        String whole = Files.readString(output);
        byte[] bytes = Files.readAllBytes(answers(output));
        Path cut = folder.resolve("cut.json");

        for (int length = 0; length <= bytes.length; length += Math.max(1, bytes.length / 16)) {
            Files.write(answers(cut), Arrays.copyOf(bytes, length));
            Files.deleteIfExists(cut);
            Command command = describe(cut);
            assertThat(command.exitCode()).as("cut to %d bytes", length).isEqualTo(1);
            assertThat(command.err()).as("cut to %d bytes", length).contains("4 images: ");
            assertThat(Files.readString(cut)).as("cut to %d bytes", length).isEqualTo(whole);
            assertThat(answers(cut)).as("cut to %d bytes", length).hasBinaryContent(bytes);
        }
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(Path::toString)).noneMatch(name -> name.endsWith(".partial"));
        }
    }

    /** Killed by SIGKILL while it writes, time and again. */
    @Test
    @Timeout(value = 10, unit = TimeUnit.MINUTES)
    void goesOnAfterAKill() throws Exception {
        StringBuilder list = new StringBuilder("name,prompt,mos_quality\n");
        for (int i = 0; i < 60; i++) {
            Command.draw(dataset.resolve("images/%d.png".formatted(i)), i);
            list.append("%d.png,prompt %d,3\n".formatted(i, i));
        }
        Files.writeString(dataset.resolve("data.csv"), list);

        for (int kill = 0; kill < 3; kill++) {
            long before = Files.exists(answers(output)) ? Files.size(answers(output)) : 0;
            Process run = start();
            while (run.isAlive() && (!Files.exists(answers(output)) || Files.size(answers(output)) <= before + 500)) {
                TimeUnit.MILLISECONDS.sleep(1);
            }
            assertThat(run.isAlive())
                    .as("the run outlived its kill number %d", kill)
                    .isTrue();
            run.destroyForcibly().waitFor();
            assertThat(output).doesNotExist();
        }
        assertThat(start().waitFor()).isZero();

        Path undisturbed = folder.resolve("undisturbed.json");
        assertThat(describe(undisturbed).exitCode()).isZero();
        assertThat(output).hasSameTextualContentAs(undisturbed);
        assertThat(ConversationFile.read(output)).hasSize(60);
    }

    private Process start() throws IOException {
        return new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        "describe",
                        "--model",
                        TestModels.tiny().toAbsolutePath().toString(),
                        "--dataset",
                        dataset.toString(),
                        "--output",
                        output.toString(),
                        "--aspect",
                        "quality",
                        "--dtype",
                        "fp32",
                        "--max-new-tokens",
                        "6"))
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log.txt").toFile())
                .start();
    }

    /** A model that was tuned anew has its old name; its answers must not be mixed with those from before. */
    @Test
    void refusesToMixModels() throws IOException {
        Path model = TestModels.tinyWith(folder.resolve("model"), _ -> {});
        assertThat(describe(output, "--model", model.toString()).exitCode()).isZero();
        Path weights = model.resolve("adapter/adapter_model.safetensors");
        byte[] tuned = Files.readAllBytes(weights);
        tuned[tuned.length - 1] ^= 1;
        Files.write(weights, tuned);
        try (SafetensorsFile file = new SafetensorsFile(weights)) {
            assertThat(file.tensors()).isNotEmpty();
        }

        Command command = describe(output, "--model", model.toString());

        assertThat(command.exitCode()).isEqualTo(3);
        assertThat(command.err()).contains("other settings", "weights was ");
        assertThat(describe(output, "--model", model.toString(), "--beams", "1").err())
                .contains("beams was as the model has it and is 1");
    }

    @Test
    void refusesToMixDatasets() throws IOException {
        describe(output);
        Files.writeString(dataset.resolve("data.csv"), "name,prompt,mos_quality\n1.png,another prompt,3\n");

        Command command = describe(output, "--aspect", "quality");

        assertThat(command.exitCode()).isEqualTo(3);
        assertThat(command.err()).contains("answers what was not asked about images/0.png; use another --output");
    }

    @Test
    void refusesToOverwriteWhatItDidNotWrite() throws IOException {
        Files.writeString(output, "[]");

        Command command = describe(output);

        assertThat(command.exitCode()).isEqualTo(3);
        assertThat(command.err()).contains("answers.json is there already and was not made by this command");
        assertThat(output).hasContent("[]");
        Files.delete(output);
        Files.writeString(answers(output), "{\"image\": \"a.png\"}\n");
        assertThat(describe(output).err()).contains("answers.jsonl holds what is no result");
    }

    /** Before the model is opened, and so before hours are lost. */
    @Test
    void looksForEveryImageFirst() throws IOException {
        Files.delete(dataset.resolve("images/2.png"));
        Command missing = describe(output);
        assertThat(missing.exitCode()).isEqualTo(3);
        assertThat(missing.err()).contains("1 of 4 images are missing").contains(": 2.png");

        Path asked = folder.resolve("asked.json");
        ConversationFile.write(asked, List.of(Conversation.asking("1", "images/9.png", "describe", "rate", null)));
        Command unknown = describe(output, "--conversations", asked.toString());
        assertThat(unknown.exitCode()).isEqualTo(3);
        assertThat(unknown.err())
                .contains("does not list 1 of the 1 images that conversations are about")
                .contains("9.png");
        assertThat(output).doesNotExist();
        assertThat(answers(output)).doesNotExist();
    }

    @Test
    void needsThePromptsThatTheModelAsksAbout() throws IOException {
        Files.writeString(dataset.resolve("data.csv"), "name,prompt,mos_quality\n0.png,,3\n1.png,a hill,3\n");

        Command command = describe(output, "--aspect", "correspondence");

        assertThat(command.exitCode()).isEqualTo(3);
        assertThat(command.err()).contains("1 images have none, such as 0.png");
        assertThat(describe(output, "--aspect", "quality").exitCode()).isZero();
    }

    @Test
    void readsScoresOfAStatedScale() throws IOException {
        Files.writeString(dataset.resolve("data.csv"), "name,mos_quality\n0.png,30\n1.png,90\n");
        assertThat(describe(output).err()).contains("which is not the scale of 0 to 5");

        assertThat(describe(output, "--scale", "0,100").exitCode()).isZero();
        assertThat(ConversationFile.read(output))
                .extracting(Conversation::ratingWord)
                .containsExactly("poor", "excellent");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "--scale 5                     | 2 | '5' is no scale such as 0,100",
                "--scale 5,1                   | 2 | '5,1' is no scale such as 0,100",
                "--aspect beauty               | 2 | unknown aspect 'beauty'",
                "--output list.txt             | 2 | list.txt must end in .json",
                "--conversations none.json     | 3 | none.json cannot be read",
                "--no-describe                 | 2 | --no-describe",
                "--max-new-tokens 0            | 2 | --max-new-tokens must be at least 1",
            })
    void usageErrorsSayWhatIsWrong(String arguments, int exitCode, String message) {
        List<String> all =
                new ArrayList<>(List.of("describe", "--model", TestModels.tiny().toString()));
        all.addAll(List.of("--dataset", dataset.toString()));
        all.addAll(List.of(arguments.split(" +")));
        for (String option : List.of("--aspect=quality", "--output=" + output)) {
            if (!arguments.startsWith(option.substring(0, option.indexOf('=')))) {
                all.add(option);
            }
        }

        Command command = Command.run(all.toArray(String[]::new));

        assertThat(command.exitCode()).isEqualTo(exitCode);
        assertThat(command.err()).startsWith("m3agiqa: ").contains(message);
        assertThat(answers(output)).doesNotExist();
    }

    @Test
    void helpHasAnExample() {
        Command command = Command.run("describe", "--help");

        assertThat(command.exitCode()).isZero();
        assertThat(command.out())
                .contains("m3agiqa describe --model", "response_0")
                .doesNotContain("--no-describe");
    }
}
