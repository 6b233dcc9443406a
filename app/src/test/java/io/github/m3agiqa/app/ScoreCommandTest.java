package io.github.m3agiqa.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.app.result.AssessmentCsv;
import io.github.m3agiqa.testing.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;

class ScoreCommandTest {
    @TempDir
    private Path folder;

    private String image() {
        return Command.draw(folder.resolve("a.png"), 1).toString();
    }

    @Test
    void printsACard() {
        Command command = Command.score(image(), "--prompt", "a hill in the sun");

        assertThat(command.exitCode()).isZero();
        assertThat(command.err()).isEmpty();
        assertThat(command.out())
                .contains("a.png", "“a hill in the sun”", "quality  ", "correspondence  ", "authenticity  ", "random@1")
                .doesNotContain("\u0000", "\u001b");
        assertThat(command.out().lines().mapToInt(String::length).max().orElseThrow())
                .isLessThanOrEqualTo(200);
    }

    /** A file's name or a prompt may come from anywhere. */
    @Test
    void aCardHasNoControls() {
        Path image = Command.draw(folder.resolve("a\u001b[31m  b\n.png"), 1);

        Command card = Command.score(image.toString(), "--prompt", "a\thill\u009b2J \u202eend");
        Command missing = Command.score(folder.resolve("no\u001b[2J.png").toString());

        assertThat(card.exitCode()).isZero();
        assertThat(card.out()).contains("a�[31m  b .png", "“a hill�2J �end”");
        assertThat(missing.out()).contains("no�[2J.png: no such file");
        assertThat(card.out() + missing.out())
                .doesNotContainPattern("[\\p{Cc}&&[^\\r\\n]]")
                .doesNotContain("\u202e");
    }

    @Test
    void givesTheSameForEverySeed() throws IOException {
        String image = image();
        Command one = Command.score(image, "--prompt", "x", "--format", "csv", "--no-describe", "--seed", "1");
        Command two = Command.score(image, "--prompt", "x", "--format", "csv", "--no-describe", "--seed", "2");

        assertThat(one.err()).isEmpty();
        assertThat(one.out()).contains("quality").isEqualTo(two.out());
    }

    @Test
    void printsTheJsonOfTheContract() throws IOException {
        Command command = Command.score(image(), "--prompt", "x", "--format", "json", "--no-describe");

        JsonNode json = new ObjectMapper().readTree(command.out());
        assertThat(json.fieldNames())
                .toIterable()
                .containsExactly("image", "prompt", "model", "aspects", "error", "elapsedMillis");
        assertThat(json.path("error").isNull()).isTrue();
        JsonNode quality = json.path("aspects").path("quality");
        assertThat(quality.path("score").isNumber()).isTrue();
        assertThat(quality.path("scale").toString()).isEqualTo("[0.0,5.0]");
        assertThat(quality.path("rating").asText()).isIn("bad", "poor", "fair", "good", "excellent");
        assertThat(quality.has("description")).isFalse();
    }

    @Test
    void describesWhatFailedInJson() throws IOException {
        Command command = Command.score(image(), "--format", "json");

        assertThat(command.exitCode()).isEqualTo(1);
        JsonNode failed =
                new ObjectMapper().readTree(command.out()).path("aspects").path("correspondence");
        assertThat(failed.path("score").isNull()).isTrue();
        assertThat(failed.path("error").path("code").asText()).isEqualTo("PROMPT_MISSING");
    }

    @Test
    void printsSeveralImagesInEveryFormat() throws IOException {
        String second = Command.draw(folder.resolve("b.png"), 2).toString();
        String[] arguments = {image(), second, "--prompt", "x", "--no-describe", "--format"};

        assertThat(new ObjectMapper().readTree(score(arguments, "json").out())).hasSize(2);
        List<String> lines = score(arguments, "jsonl").out().lines().toList();
        assertThat(lines).hasSize(2).allMatch(line -> line.startsWith("{\"image\":"));
        List<String> csv = score(arguments, "csv").out().lines().toList();
        assertThat(csv).hasSize(1 + 2 * 3);
        assertThat(csv.getFirst()).isEqualTo(String.join(",", AssessmentCsv.COLUMNS));
        assertThat(csv.get(1)).startsWith(image() + ",x,quality,,");
    }

    private static Command score(String[] arguments, String format) {
        String[] all = Arrays.copyOf(arguments, arguments.length + 1);
        all[arguments.length] = format;
        return Command.score(all);
    }

    @Test
    void aPromptMayBeginWithAnAt() throws IOException {
        String named = "@" + Files.writeString(folder.resolve("fox"), "red fox");

        Command command = Command.score(image(), "--prompt", named, "--no-describe", "--format", "json");

        assertThat(new ObjectMapper().readTree(command.out()).path("prompt").asText())
                .isEqualTo(named);
    }

    @Test
    void limitsArePositive() {
        Command command = Command.score(image(), "--max-pixels", "0");

        assertThat(command.exitCode()).isEqualTo(2);
        assertThat(command.err()).contains("--max-pixels must be at least 1");
    }

    @Test
    void scoresOnlyTheAspectsAskedFor() {
        Command command = Command.score(image(), "--aspects", "authenticity", "--format", "csv", "--no-describe");

        assertThat(command.out().lines()).hasSize(2);
        assertThat(command.out()).contains(",authenticity,");
    }

    /** Not a failure of every image of a list. */
    @Test
    void aModelWithNoneOfTheAspectsIsAWrongOption() throws IOException {
        Path model = TestModels.tinyWith(
                folder.resolve("model"), manifest -> ((ObjectNode) manifest.path("aspects")).remove("authenticity"));
        Path list = Files.writeString(folder.resolve("list.csv"), "image_path,prompt\na.png,a\n");
        Path results = folder.resolve("results.csv");

        Command command = Command.run(
                "score", "--model=" + model, "--aspects=authenticity", "--input=" + list, "--output=" + results);

        assertThat(command.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(command.err()).contains("scores none of the aspects asked for");
        assertThat(results).doesNotExist();
    }

    @Test
    void anImageThatCannotBeReadIsExit3() throws IOException {
        Path broken = Files.writeString(folder.resolve("broken.png"), "no image");

        assertThat(Command.score(broken.toString()).exitCode()).isEqualTo(3);
        Command missing = Command.score(folder.resolve("none.png").toString(), "--format", "jsonl");
        assertThat(missing.exitCode()).isEqualTo(3);
        assertThat(missing.out()).contains("\"code\":\"IMAGE_UNREADABLE\"", "none.png: no such file");
        assertThat(Command.score(image(), broken.toString(), "--no-describe", "--prompt", "x")
                        .exitCode())
                .isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "score                                   | 2 | give images",
                "score a.png --output b.csv              | 2 | a list needs --input and --output",
                "score --input a.csv --output b.csv --prompt x | 2 | leave --prompt and --format out",
                "score --input a.csv --output b.csv --format json | 2 | leave --prompt and --format out",
                "score a.png --retry-failed              | 2 | are for a list",
                "score a.png --image-root a              | 2 | are for a list",
                "score a.png --model m --dtype fp64      | 2 | unknown dtype 'fp64'",
                "score a.png --model m --device tpu      | 2 | unknown device 'tpu'",
                "score a.png --model m --aspects beauty  | 2 | unknown aspect 'beauty'",
                "score a.png --model m --beams many      | 2 | 'many' is not an int",
                "score a.png                             | 4 | no model 'nano'",
                "score a.png --model none                | 4 | no model 'none'",
                "frobnicate                              | 2 | frobnicate",
            })
    void usageErrorsSayWhatIsWrong(String arguments, int exitCode, String message) {
        Command command = Command.run(arguments.split(" +"));

        assertThat(command.exitCode()).isEqualTo(exitCode);
        assertThat(command.err()).startsWith("m3agiqa: ").contains(message).doesNotContain("Exception");
        assertThat(command.out()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"''", "score", "models", "doctor"})
    void helpHasAnExample(String subcommand) {
        Command command = subcommand.isEmpty() ? Command.run("--help") : Command.run(subcommand, "--help");

        assertThat(command.exitCode()).isZero();
        assertThat(command.out()).contains(subcommand.isEmpty() ? "Exit codes" : "m3agiqa " + subcommand);
    }

    /** picocli formats them: one with a bare percent sign is shown with a warning before it. */
    @Test
    void everyTextOfHelpIsAFormat() {
        List<String> texts = helpTexts(Main.commandLine().getCommandSpec()).toList();

        assertThat(texts).hasSizeGreaterThan(100);
        assertThat(texts)
                .allSatisfy(
                        text -> assertThatCode(() -> text.formatted()).as(text).doesNotThrowAnyException());
    }

    private static Stream<String> helpTexts(CommandSpec command) {
        Stream<String> own = Stream.of(
                        Stream.of(
                                command.usageMessage().description(),
                                command.usageMessage().footer()),
                        command.args().stream().map(ArgSpec::description))
                .flatMap(texts -> texts)
                .flatMap(Arrays::stream);
        return Stream.concat(
                own,
                command.subcommands().values().stream().flatMap(subcommand -> helpTexts(subcommand.getCommandSpec())));
    }

    @Test
    void versionIsTheBuilds() {
        assertThat(Command.run("--version").out().strip()).matches("m3agiqa \\d+\\.\\d+\\.\\d+");
    }

    @Test
    void doctorLooksAtEverything() {
        Command command = Command.run("doctor");

        assertThat(command.exitCode()).isZero();
        assertThat(command.out().lines())
                .allMatch(line -> line.matches("(ok|--|!!)  .*"))
                .anyMatch(line -> line.contains("JDK"))
                .anyMatch(line -> line.contains("libtorch"))
                .anyMatch(line -> line.contains("BLAS"))
                .anyMatch(line -> line.contains("device cuda"));
    }
}
