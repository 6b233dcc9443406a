package io.github.m3agiqa.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.testing.TestModels;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Lists into result files: formats, order, failures, and going on after a stop. */
class BatchTest {
    @TempDir
    private Path folder;

    private Path list;

    @BeforeEach
    void draw() throws IOException {
        for (int i = 0; i < 5; i++) {
            Command.draw(folder.resolve("image %d.png".formatted(i)), i);
        }
        list = Files.writeString(folder.resolve("list.csv"), """
                image_path,prompt,comment
                image 0.png,"a ""hill"", in
                two lines",x
                image 1.png,ein Hügel 日本,x
                broken.png,a sea,x
                image 2.png,,x
                image 0.png,"a ""hill"", in
                two lines",twice
                image 3.png,a wood,x
                """);
        Files.writeString(folder.resolve("broken.png"), "no image");
    }

    private Command score(Path input, Path output, String... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "--input", input.toString(), "--output", output.toString(), "--aspects", "quality,authenticity"));
        arguments.addAll(List.of(more));
        return Command.score(arguments.toArray(String[]::new));
    }

    private Command scoreBy(Path model, Path output) {
        return Command.run(
                "score",
                "--model",
                model.toString(),
                "--input",
                list.toString(),
                "--output",
                output.toString(),
                "--no-describe");
    }

    @ParameterizedTest
    @ValueSource(strings = {"csv", "jsonl"})
    void scoresEveryRowInOrder(String format) throws IOException {
        Path output = folder.resolve("scores." + format);

        Command command = score(list, output);

        assertThat(command.exitCode()).isEqualTo(1);
        assertThat(command.err()).contains("6 rows: 0 answered before, 5 scored, 1 failed (IMAGE_UNREADABLE 1)");
        String content = stable(output);
        assertThat(content).contains("日本").contains("IMAGE_UNREADABLE");
        if (format.equals("csv")) {
            assertThat(content)
                    .startsWith("image_path,prompt,aspect,description,score,rating,interval_low,interval_high,error\n");
            assertThat(content).contains("image 0.png,\"a \"\"hill\"\", in\ntwo lines\",quality,");
        } else {
            assertThat(content.lines()).hasSize(6);
        }
        assertThat(Files.readString(folder.resolve("scores." + format + ".job.json")))
                .contains("\"dtype\" : \"fp32\"", "\"model\" : \"random@1\"");
        try (var files = Files.list(folder)) {
            assertThat(files.map(Path::toString)).noneMatch(name -> name.endsWith(".partial"));
        }
    }

    /** Cut anywhere, the file that a second run leaves is the one of an undisturbed run. */
    @ParameterizedTest
    @ValueSource(strings = {"csv", "jsonl"})
    void goesOnWhereverItWasCutOff(String format) throws IOException {
        Path whole = folder.resolve("whole." + format);
        score(list, whole);
        byte[] bytes = Files.readAllBytes(whole);
        Path cut = folder.resolve("cut." + format);

        for (int length = 0; length < bytes.length; length += Math.max(1, bytes.length / 12)) {
            Files.write(cut, Arrays.copyOf(bytes, length));
            Command command = score(list, cut);
            assertThat(command.err()).as("cut to %d bytes", length).contains("6 rows: ");
            assertThat(stable(cut)).as("cut to %d bytes", length).isEqualTo(stable(whole));
        }
    }

    @Test
    void answersNothingTwice() throws IOException {
        Path output = folder.resolve("scores.csv");
        score(list, output);
        byte[] before = Files.readAllBytes(output);

        Command again = score(list, output);

        assertThat(again.exitCode()).isEqualTo(1);
        assertThat(again.err())
                .contains("6 rows: 6 answered before, of which 1 failed (--retry-failed scores them again), 0 scored");
        assertThat(Files.readAllBytes(output)).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(strings = {"csv", "jsonl"})
    void retriesWhatFailedInItsPlace(String format) throws IOException {
        Path output = folder.resolve("scores." + format);
        score(list, output);
        Command.draw(folder.resolve("broken.png"), 9);

        Command retried = score(list, output, "--retry-failed");

        assertThat(retried.exitCode()).isZero();
        assertThat(retried.err()).contains("6 rows: 5 answered before, 1 scored, 0 failed");
        Path fresh = folder.resolve("fresh." + format);
        score(list, fresh);
        assertThat(stable(output)).isEqualTo(stable(fresh));
    }

    @Test
    void refusesToMixSettings() {
        Path output = folder.resolve("scores.csv");
        score(list, output);

        Command other = score(list, output, "--no-describe");

        assertThat(other.exitCode()).isEqualTo(3);
        assertThat(other.err()).contains("other settings", "describe was true and is false");
    }

    @Test
    void refusesAResultsFileOfAnotherList() throws IOException {
        Path output = folder.resolve("scores.csv");
        score(list, output);
        Path shorter = Files.writeString(folder.resolve("shorter.csv"), "image_path,prompt\nimage 3.png,a wood\n");

        Command other = score(shorter, output);

        assertThat(other.exitCode()).isEqualTo(3);
        assertThat(other.err()).contains("use another --output");
    }

    @Test
    void refusesToOverwriteWhatIsNoResultsFile() throws IOException {
        Path output = Files.writeString(folder.resolve("thesis.csv"), "chapter,title\n1,Beginnings\n");

        Command command = score(list, output);

        assertThat(command.exitCode()).isEqualTo(3);
        assertThat(command.err()).contains("was not made by this command");
        assertThat(Files.readString(output)).isEqualTo("chapter,title\n1,Beginnings\n");
    }

    /** A file without a line end, as one that a kill has cut off, and the list itself. */
    @Test
    void refusesToOverwriteWhatItHasNotMade() throws IOException {
        String line = "{\"image_path\": \"image 1.png\"}";
        Path lines = Files.writeString(folder.resolve("list.jsonl"), line);

        assertThat(score(lines, lines).exitCode()).isEqualTo(3);
        assertThat(Files.readString(lines)).isEqualTo(line);
        try (var files = Files.list(folder)) {
            assertThat(files.map(Path::toString))
                    .noneMatch(name -> name.endsWith(".job.json") || name.endsWith(".partial"));
        }
    }

    /** What keeps a run's settings has a name that may be somebody's. */
    @Test
    void refusesToOverwriteWhatIsNoRecordOfARun() throws IOException {
        Path notes = Files.writeString(folder.resolve("scores.csv.job.json"), "to do: score these");

        Command command = score(list, folder.resolve("scores.csv"));

        assertThat(command.exitCode()).isEqualTo(3);
        assertThat(command.err()).contains("scores.csv.job.json was not made by this command");
        assertThat(notes).content().isEqualTo("to do: score these");
    }

    @Test
    void refusesToMixModelsOfOneName() {
        Path output = folder.resolve("scores.jsonl");
        for (int maxLength : new int[] {700, 600}) {
            Path model = TestModels.tinyWith(
                    folder.resolve("model " + maxLength),
                    manifest -> ((ObjectNode) manifest.at("/aspects/quality/rate")).put("maxLength", maxLength));
            assertThat(scoreBy(model, output).exitCode()).isEqualTo(maxLength == 700 ? 1 : 3);
        }
    }

    @Test
    void refusesToMixFoldersOfImages() {
        Path output = folder.resolve("scores.csv");
        score(list, output);

        Command other =
                score(list, output, "--image-root", folder.resolve("other").toString());

        assertThat(other.exitCode()).isEqualTo(3);
        assertThat(other.err()).contains("imageRoot was the list's folder and is");
    }

    @Test
    void refusesAListThatIsNotInUtf8() throws IOException {
        for (String name : List.of("latin.csv", "latin.jsonl")) {
            Path latin = Files.write(
                    folder.resolve(name), "image_path,prompt\na.png,café\n".getBytes(StandardCharsets.ISO_8859_1));

            Command command = score(latin, folder.resolve("out.csv"));

            assertThat(command.exitCode()).isEqualTo(3);
            assertThat(command.err()).contains(name + " is not in UTF-8");
        }
    }

    @Test
    void readsJsonLines() throws IOException {
        Path lines = Files.writeString(folder.resolve("list.jsonl"), """
                {"image_path": "image 1.png", "prompt": "a hill"}

                {"image_path": "image 2.png"}
                """);
        Path output = folder.resolve("scores.jsonl");

        assertThat(score(lines, output).exitCode()).isZero();
        assertThat(stable(output).lines()).hasSize(2);
    }

    /** As tools write a prompt that was cut within an emoji. */
    @ParameterizedTest
    @ValueSource(strings = {"csv", "jsonl"})
    void goesOnAfterPromptsWithHalfACharacter(String format) throws IOException {
        Path lines = Files.writeString(
                folder.resolve("list.jsonl"), "{\"image_path\":\"image 0.png\",\"prompt\":\"a hill \\ud83d\"}\n");
        Path output = folder.resolve("scores." + format);
        score(lines, output);
        String once = Files.readString(output);

        Command again = score(lines, output);

        assertThat(again.err()).contains("1 rows: 1 answered before");
        assertThat(output).hasContent(once);
    }

    /** What tools on Windows write before a text in UTF-8. */
    @Test
    void readsListsThatBeginWithAByteOrderMark() throws IOException {
        Path csv = Files.writeString(folder.resolve("marked.csv"), "\uFEFFimage_path,prompt\nimage 1.png,a hill\n");
        Path lines = Files.writeString(
                folder.resolve("marked.jsonl"), "\uFEFF{\"image_path\": \"image 1.png\", \"prompt\": \"a hill\"}\n");

        assertThat(score(csv, folder.resolve("of-csv.jsonl")).exitCode()).isZero();
        assertThat(score(lines, folder.resolve("of-lines.jsonl")).exitCode()).isZero();

        assertThat(stable(folder.resolve("of-csv.jsonl"))).isEqualTo(stable(folder.resolve("of-lines.jsonl")));
    }

    @Test
    void readsAFolderWithItsPrompts() throws IOException {
        Path images = Files.createDirectory(folder.resolve("images"));
        Command.draw(images.resolve("b.png"), 1);
        Command.draw(images.resolve("a.PNG"), 2);
        Files.writeString(images.resolve("notes.txt"), "not an image");
        Files.writeString(images.resolve("prompts.csv"), "image_path,prompt\nb.png,a hill\n");
        Path output = folder.resolve("scores.jsonl");

        assertThat(score(images, output).exitCode()).isZero();
        List<String> lines = stable(output).lines().toList();
        assertThat(lines).hasSize(2);
        assertThat(lines.get(0)).startsWith("{\"image\":\"a.PNG\",\"prompt\":null,");
        assertThat(lines.get(1)).startsWith("{\"image\":\"b.png\",\"prompt\":\"a hill\",");
    }

    @Test
    void refusesToChooseAmongPromptsOfOneImage() throws IOException {
        Path images = Files.createDirectory(folder.resolve("images"));
        Command.draw(images.resolve("a.png"), 1);
        Path prompts =
                Files.writeString(images.resolve("prompts.csv"), "image_path,prompt\na.png,a hill\na.png,a sea\n");

        Command ambiguous = score(images, folder.resolve("scores.csv"));

        assertThat(ambiguous.exitCode()).isEqualTo(3);
        assertThat(ambiguous.err()).contains("prompts.csv has two prompts for a.png");
        assertThat(score(prompts, folder.resolve("both.csv")).err()).contains("2 rows: 0 answered before");
        Files.writeString(prompts, "image_path,prompt\na.png,a hill\na.png,a hill\n");
        assertThat(score(images, folder.resolve("scores.csv")).err()).contains("1 rows: 0 answered before");
    }

    @Test
    void readsADatasetsFolder() throws IOException {
        Path images = Files.createDirectories(folder.resolve("rated/images"));
        Command.draw(images.resolve("b.png"), 1);
        Command.draw(images.resolve("c.png"), 2);
        Files.writeString(folder.resolve("rated/data.csv"), "name,prompt,mos_quality\nb.png,a hill,2\n");
        Path output = folder.resolve("scores.jsonl");

        assertThat(score(folder.resolve("rated"), output).exitCode()).isZero();
        assertThat(stable(output).lines())
                .satisfiesExactly(
                        line -> assertThat(line)
                                .startsWith("{\"image\":\"images/b.png\",\"prompt\":\"a hill\",")
                                .contains("\"score\":"),
                        line -> assertThat(line).startsWith("{\"image\":\"images/c.png\",\"prompt\":null,"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "a.csv   | path,prompt~x.png,y              | no column image_path",
                "b.csv   | image_path,prompt~,y             | line 2 has no image_path",
                "c.jsonl | {\"image_path\":\"a\"}~{nonsense | line 2 is no JSON",
                "l.jsonl | {\"image_path\":\"a\"           | line 1 is no JSON: Unexpected end-of-input: expected close marker for Object (start marker at line: 1, column: 1)",
                "d.jsonl | {\"prompt\":\"a\"}               | line 1 has no image_path",
                "e.txt   | a.png                            | neither a folder nor a .csv or .jsonl",
                "f.csv   | image_path,prompt                | holds no image",
                "g.csv   | image_path,prompt~a.png,x, on y  | line 2 has 3 fields, the header has 2; texts with commas must be quoted",
                "h.csv   | image_path,prompt~a.png          | line 2 has 1 fields",
                "i.csv   | image_path,prompt~a.png,\"say \"\"x\"\"~b.png,y | line 2 opens a quote that is never closed",
                "j.jsonl | {\"image_path\":\"a\", \"prompt\":7} | line 1 has a prompt that is no text",
                "k.jsonl | {\"image_path\":\"a\\u0000\"}    | line 1 has no usable image_path",
                "m.jsonl | {\"image_path\":\"a\"}{\"image_path\":\"b\"} | line 1 is no JSON: Trailing token",
            })
    void namesWhatIsWrongWithAList(String name, String content, String why) throws IOException {
        Path input = Files.writeString(folder.resolve(name), content.replace('~', '\n') + "\n");

        Command command = score(input, folder.resolve("out.csv"));

        assertThat(command.exitCode()).isEqualTo(3);
        assertThat(command.err()).contains(input.toString()).contains(why);
        assertThat(folder.resolve("out.csv")).doesNotExist();
    }

    @Test
    void needsAListThatExistsAndAKnownOutput() {
        Command none = score(folder.resolve("none.csv"), folder.resolve("out.csv"));
        assertThat(none.exitCode()).isEqualTo(3);
        assertThat(none.err()).contains("none.csv: no such file");
        assertThat(score(list, folder.resolve("out.parquet")).err()).contains("must end in .csv or .jsonl");
        assertThat(score(list, folder.resolve("no/such/folder/out.csv")).err()).contains("there is no folder");
    }

    @Test
    void everyRowNamesItsModel() {
        Path model = TestModels.tinyWith(
                folder.resolve("model"),
                manifest -> manifest.put("name", "other").put("version", 7));
        Path output = folder.resolve("scores.jsonl");

        scoreBy(model, output);

        assertThat(stable(output).lines()).allMatch(line -> line.contains("\"model\":\"other@7\""));
    }

    /** A results file without the times, which are different in every run. */
    private static String stable(Path file) {
        try {
            String text = Files.readString(file, StandardCharsets.UTF_8);
            if (file.toString().endsWith(".csv")) {
                return text;
            }
            StringBuilder lines = new StringBuilder();
            ObjectMapper json = new ObjectMapper();
            for (String line : text.lines().toList()) {
                ObjectNode node = (ObjectNode) json.readTree(line);
                node.remove("elapsedMillis");
                lines.append(node).append('\n');
            }
            return lines.toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
