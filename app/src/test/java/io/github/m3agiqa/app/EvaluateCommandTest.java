package io.github.m3agiqa.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EvaluateCommandTest {
    private static final int PROMPTS = 20;
    private static final List<String> GENERATORS = List.of("dalle", "sd");

    @TempDir
    private Path folder;

    private Path dataset;

    /** A dataset of two generators' drawn images, with opinions that rise with the prompt's number. */
    @BeforeEach
    void writeDataset() throws IOException {
        dataset = Files.createDirectories(folder.resolve("drawn"));
        Files.createDirectories(dataset.resolve("images"));
        StringBuilder csv = new StringBuilder("name,prompt,mos_quality,mos_correspondence\n");
        for (int prompt = 0; prompt < PROMPTS; prompt++) {
            for (String generator : GENERATORS) {
                Command.draw(dataset.resolve("images").resolve(name(generator, prompt)), prompt);
                csv.append(
                        "%s,hill %d,%s,%s%n".formatted(name(generator, prompt), prompt, mos(prompt), 5 - mos(prompt)));
            }
        }
        Files.writeString(dataset.resolve("data.csv"), csv);
    }

    private static String name(String generator, int prompt) {
        return "%s_%02d.png".formatted(generator, prompt);
    }

    private static double mos(int prompt) {
        return 5.0 * prompt / PROMPTS;
    }

    private interface Scores {
        /** The computed score of an image. */
        String of(double mos, Random random);
    }

    private static Scores noisy(double noise) {
        return (mos, random) -> String.valueOf(mos + noise * random.nextGaussian());
    }

    /** A run whose variants scored the quality of all images. */
    private Path run(String name, boolean sawMos, List<String> variants, Scores scores) throws IOException {
        Path run = Files.createDirectories(folder.resolve(name));
        Files.writeString(run.resolve("run.json"), """
                {"kind": "train", "version": "0.2.0", "engine": "2.10.0-1.5.13", "seed": 42, "model": "nano@1",
                 "dataset": {"name": "drawn", "folder": "../drawn"},
                 "description": {"train": "teacher", "test": "response", "testTextSawMos": %s}}
                """.formatted(sawMos));
        Files.writeString(run.resolve("leakage.json"), """
                [{"split": "authors", "aspect": "quality", "sharedPrompts": 1, "testPrompts": 20, "duplicates": []}]
                """);
        StringBuilder csv = new StringBuilder("variant,split,aspect,image,prompt,generator,predicted,mos\n");
        Random random = new Random(name.hashCode());
        for (String variant : variants) {
            for (int prompt = 0; prompt < PROMPTS; prompt++) {
                for (String generator : GENERATORS) {
                    csv.append("%s,authors,quality,%s,hill %d,%s,%s,%s%n"
                            .formatted(
                                    variant,
                                    name(generator, prompt),
                                    prompt,
                                    generator,
                                    scores.of(mos(prompt), random),
                                    mos(prompt)));
                }
            }
        }
        Files.writeString(run.resolve("predictions.csv"), csv);
        return run;
    }

    /** A file of scores of all images. */
    private Path scores(String name, Scores scores) throws IOException {
        StringBuilder csv = new StringBuilder("name,score\n");
        Random random = new Random(name.hashCode());
        for (int prompt = 0; prompt < PROMPTS; prompt++) {
            for (String generator : GENERATORS) {
                csv.append("%s,%s%n".formatted(name(generator, prompt), scores.of(mos(prompt), random)));
            }
        }
        return Files.writeString(folder.resolve(name), csv);
    }

    private static JsonNode json(Path file) throws IOException {
        return new ObjectMapper().readTree(file.toFile());
    }

    private static Command evaluate(Object... arguments) {
        String[] all = new String[arguments.length + 3];
        all[0] = "evaluate";
        all[1] = "--draws";
        all[2] = "100";
        for (int i = 0; i < arguments.length; i++) {
            all[i + 3] = arguments[i].toString();
        }
        return Command.run(all);
    }

    @Test
    void aRunIsReportedInItsOwnFolder() throws IOException {
        Path run = run("mine", false, List.of("xlstm"), noisy(0.3));

        Command command = evaluate(run);

        assertThat(command.exitCode()).isZero();
        assertThat(command.err())
                .contains("report in " + run.resolve("report.html"))
                .doesNotContain("no pictures");
        assertThat(command.out())
                .contains("quality · drawn · authors", "mine", "0.9", "Leakage: 1 of 20 test prompts also occur")
                .doesNotContain("\u001b");
        assertThat(json(run.resolve("report.json"))
                        .at("/sections/0/results/0/rows/0/images")
                        .asInt())
                .isEqualTo(40);
        assertThat(Files.readString(run.resolve("report.html")))
                .startsWith("<!doctype html>")
                .contains("data:image/jpeg;base64,", "hill 19")
                .doesNotContain("http:", "https:");
    }

    @Test
    void variantsAndRunsAreRowsAndComparedWithTheFirst() throws IOException {
        Path variants = run("heads", false, List.of("xlstm", "mean"), noisy(0.3));
        Path other = run("other", false, List.of("gru"), noisy(1.5));
        Path output = folder.resolve("new/comparison");

        Command command = evaluate(variants, "poor=" + other, "--output", output, "--format", "markdown");

        assertThat(command.exitCode()).isZero();
        assertThat(command.out().lines())
                .anyMatch(line -> line.startsWith("| heads xlstm | 40 |"))
                .anyMatch(line -> line.startsWith("| heads mean | 40 |"))
                .anyMatch(line -> line.startsWith("| poor | 40 |"));
        assertThat(command.out()).contains("Difference from heads xlstm, on the same images:");
        assertThat(json(output.resolve("report.json"))
                        .at("/sections/0/results/2/differenceFromFirst/differences/srcc/value")
                        .asDouble())
                .isNegative();
        assertThat(evaluate(variants).out()).contains("\nxlstm  ", "\nmean   ");
    }

    @Test
    void scoresOfOthersAreComparedOnTheTestImagesOfTheRun() throws IOException {
        Path run = run("mine", false, List.of("xlstm"), noisy(0.3));
        Path clip = scores("clip.csv", (mos, random) -> String.valueOf(20 + 3 * mos + 2 * random.nextGaussian()));

        Command command = evaluate(run, "--scores", clip, "--output", folder.resolve("out"), "--format", "json");

        assertThat(command.exitCode()).isZero();
        JsonNode report = new ObjectMapper().readTree(command.out());
        assertThat(report).isEqualTo(json(folder.resolve("out/report.json")));
        assertThat(report.at("/sections").size()).isEqualTo(1);
        JsonNode results = report.at("/sections/0/results");
        assertThat(results.at("/1/model").asText()).isEqualTo("clip");
        assertThat(results.at("/1/differenceFromFirst/images").asInt()).isEqualTo(40);
        assertThat(results.at("/1/leakage").isNull()).isTrue();
        assertThat(results.at("/1/rows/0/measures/rmse/value").isNull()).isTrue();
        assertThat(results.at("/1/rows/0/measures/rmse_fitted/value").isNumber())
                .isTrue();
    }

    @Test
    void scoresAloneAreComparedWithEveryAspectOfTheDataset() throws IOException {
        Path file = scores("brisque.csv", (mos, random) -> String.valueOf(-mos + random.nextGaussian()));
        Path output = folder.resolve("out");

        Command command = evaluate("--scores", file, "--dataset", dataset, "--output", output);

        assertThat(command.exitCode()).isZero();
        assertThat(command.out())
                .contains("quality · drawn · all images", "correspondence · drawn · all images", "all aspects · drawn");
        assertThat(json(output.resolve("report.json"))
                        .at("/sections/0/results/0/rows/0/measures/srcc/value")
                        .asDouble())
                .isNegative();
        assertThat(evaluate("--scores", file, "--dataset", dataset, "--output", output, "--aspects", "correspondence")
                        .out())
                .contains("correspondence · drawn")
                .doesNotContain("quality · drawn");
    }

    @Test
    void imagesWithoutAScoreAreExit1AndCounted() throws IOException {
        Path run = run(
                "mine",
                false,
                List.of("xlstm"),
                (mos, random) -> mos == 2.5 ? "NaN" : noisy(0.3).of(mos, random));

        Command command = evaluate(run);

        assertThat(command.exitCode()).isEqualTo(1);
        assertThat(command.out()).contains("mine has no score of 2 images");
    }

    @Test
    void aRunThatReadTheAnswersIsExit3() throws IOException {
        Command command = evaluate(run("leaky", true, List.of("xlstm"), noisy(0.1)));

        assertThat(command.exitCode()).isEqualTo(3);
        assertThat(command.err())
                .startsWith("m3agiqa: ")
                .contains("knew the human scores")
                .doesNotContain("Exception");
        assertThat(command.out()).isEmpty();
        assertThat(folder.resolve("leaky/report.html")).doesNotExist();
    }

    @Test
    void aDatasetThatWasMovedCostsOnlyThePictures() throws IOException {
        Path run = run("mine", false, List.of("xlstm"), noisy(0.3));
        Path moved = Files.move(dataset, folder.resolve("moved"));

        Command without = evaluate(run);
        assertThat(without.exitCode()).isZero();
        assertThat(without.err()).contains("is not there, so the report has no pictures: --dataset FOLDER");
        assertThat(Files.readString(run.resolve("report.html"))).doesNotContain("data:image");

        Command with = evaluate(run, "--dataset", moved);
        assertThat(with.err()).doesNotContain("no pictures");
        assertThat(Files.readString(run.resolve("report.html"))).contains("data:image");

        // and other scores of the moved dataset are compared with the run's
        Path clip = scores("clip.csv", noisy(1));
        Command scores = evaluate(run, "--scores", clip, "--dataset", moved, "--output", folder.resolve("out"));
        assertThat(scores.out()).contains("quality · drawn · authors", "Difference from mine");
    }

    @Test
    void whatCannotBeWrittenToIsExit3() throws IOException {
        Path run = run("mine", false, List.of("xlstm"), noisy(0.3));
        Path file = Files.writeString(folder.resolve("file"), "");

        Command command = evaluate(run, "--output", file.resolve("out"));

        assertThat(command.exitCode()).isEqualTo(3);
        assertThat(command.err()).contains("cannot be written to");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "evaluate                                     | 2 | give run folders, or files with --scores",
                "evaluate --scores a.csv --output o           | 2 | --scores needs --dataset",
                "evaluate --scores a.csv --dataset d          | 2 | --scores needs --output",
                "evaluate a b                                 | 2 | a comparison needs --output",
                "evaluate a --draws 10                        | 2 | --draws must be at least 100",
                "evaluate a --aspects beauty                  | 2 | unknown aspect 'beauty'",
                "evaluate a --format pdf                      | 2 | 'pdf'",
                "evaluate no-run                              | 3 | no-run is no run folder of 'train'",
                "evaluate --scores a.csv --dataset d --output o | 3 | d is no dataset folder",
            })
    void errorsSayWhatIsWrong(String arguments, int exitCode, String message) {
        Command command = Command.run(arguments.split(" +"));

        assertThat(command.exitCode()).isEqualTo(exitCode);
        assertThat(command.err()).startsWith("m3agiqa: ").contains(message).doesNotContain("Exception");
        assertThat(command.out()).isEmpty();
    }

    @Test
    void helpHasAnExample() {
        Command command = Command.run("evaluate", "--help");

        assertThat(command.exitCode()).isZero();
        assertThat(command.out()).contains("m3agiqa evaluate runs/xlstm", "--scores", "Exit code 1");
    }
}
