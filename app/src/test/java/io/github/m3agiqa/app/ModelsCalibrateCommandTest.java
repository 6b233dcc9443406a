package io.github.m3agiqa.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Calibration;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.app.result.AssessmentCsv;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.testing.ArabicDigits;
import io.github.m3agiqa.testing.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelsCalibrateCommandTest {
    private static final int IMAGES = 400;
    private static final String HEADER = String.join(",", AssessmentCsv.COLUMNS);

    @TempDir
    private Path home;

    private Path model;
    private Path rated;

    /** A model whose quality has a predictor for images without a description, and the same weights' correspondence none. */
    @BeforeEach
    void makeAModelAndADataset() throws IOException {
        model = TestModels.tinyWith(home.resolve("model"), manifest -> {
            ObjectNode quality = (ObjectNode) manifest.get("aspects").get("quality");
            quality.putObject("undescribed")
                    .put("predictor", quality.get("predictor").asText());
        });
        rated = Files.createDirectories(home.resolve("rated"));
        StringBuilder csv = new StringBuilder("name,prompt,mos_quality,mos_correspondence\n");
        for (int i = 0; i < IMAGES; i++) {
            csv.append("image-%d.png,prompt %d,%s,%s\n".formatted(i, i / 4, opinion(i), opinion(i)));
        }
        Files.writeString(rated.resolve("data.csv"), csv);
    }

    private static double opinion(int image) {
        return 1 + 3.0 * image / IMAGES;
    }

    /** Scores that lie at most so far from what people say, at random and with another zero. */
    private Path scores(String name, String description, double distance, String... aspects) throws IOException {
        Random random = new Random(1);
        StringBuilder csv = new StringBuilder(HEADER + "\n");
        for (int i = 0; i < IMAGES; i++) {
            for (String aspect : aspects) {
                double score = opinion(i) - 0.5 + distance * (2 * random.nextDouble() - 1);
                csv.append(String.format(
                        Locale.ROOT,
                        "elsewhere/image-%d.png,prompt %d,%s,%s,%s,fair,,,%n",
                        i,
                        i / 4,
                        aspect,
                        description,
                        score));
            }
        }
        return Files.writeString(home.resolve(name), csv);
    }

    private Command calibrate(Path... files) {
        List<String> arguments =
                new ArrayList<>(List.of("models", "calibrate", model.toString(), "--dataset", rated.toString()));
        for (Path file : files) {
            arguments.addAll(List.of("--scores", file.toString()));
        }
        return Command.run(arguments.toArray(String[]::new));
    }

    private AspectManifest settings(Aspect aspect) {
        return ModelFolder.open(model).manifest().aspect(aspect);
    }

    @Test
    void makesIntervalsOfEachKindOfScores() throws IOException {
        ModelManifest before = ModelFolder.open(model).manifest();

        Command command = calibrate(
                scores("described.csv", "Sharp.", 0.5, "quality", "correspondence"),
                scores("undescribed.csv", "", 1, "quality", "correspondence"));

        assertThat(command.err()).isEmpty();
        assertThat(command.exitCode()).isZero();
        assertThat(command.out().lines())
                .hasSize(3)
                .allMatch(line -> line.endsWith(" to each side on average, by 400 images"))
                .anyMatch(line -> line.startsWith("quality, without a description: 0.7"))
                .anyMatch(line -> line.startsWith("quality: 0.4"))
                .anyMatch(line -> line.startsWith("correspondence: 0.4"));
        Calibration quality = Objects.requireNonNull(settings(Aspect.QUALITY).calibration());
        // nine tenths of what is evenly spread up to a half
        assertThat(quality.halfWidth(2.5, Scale.ZERO_TO_FIVE)).isCloseTo(0.45, within(0.03));
        assertThat(quality.map().of(2)).isCloseTo(2.5, within(0.1));
        Calibration undescribed = Objects.requireNonNull(
                Objects.requireNonNull(settings(Aspect.QUALITY).undescribed()).calibration());
        // twice that in the middle of the scores, less where the map trusts them less
        assertThat(undescribed.halfWidth(2.5, Scale.ZERO_TO_FIVE)).isCloseTo(0.9, within(0.05));
        assertThat(undescribed.halfWidth(0.5, Scale.ZERO_TO_FIVE)).isLessThan(0.8);
        // with one predictor for all images, the described ones count
        assertThat(settings(Aspect.CORRESPONDENCE).calibration())
                .extracting(found -> found.halfWidth(2.5, Scale.ZERO_TO_FIVE))
                .satisfies(width -> assertThat(width).isCloseTo(0.45, within(0.03)));
        assertThat(settings(Aspect.AUTHENTICITY)).isEqualTo(before.aspect(Aspect.AUTHENTICITY));
        assertThat(ModelFolder.open(model).manifest().id()).isEqualTo(before.id());
    }

    @Test
    void scoresHaveTheIntervals() throws IOException {
        String image = Command.draw(home.resolve("a.png"), 1).toString();
        assertThat(interval(image).isMissingNode()).isTrue();

        assertThat(calibrate(scores("scores.csv", "", 0.5, "correspondence")).exitCode())
                .isZero();

        JsonNode interval = interval(image);
        assertThat(interval.get(1).asDouble() - interval.get(0).asDouble()).isBetween(0.4, 0.9);
    }

    @Test
    void joinsFilesOfDifferentAspects() throws IOException {
        Command command = calibrate(
                scores("quality.csv", "Sharp.", 0.5, "quality"),
                scores("correspondence.csv", "Fits.", 0.5, "correspondence"));

        assertThat(command.exitCode()).isZero();
        assertThat(command.out().lines())
                .hasSize(2)
                .anyMatch(line -> line.startsWith("quality: 0.4"))
                .anyMatch(line -> line.startsWith("correspondence: 0.4"));
    }

    private JsonNode interval(String image) throws IOException {
        Command score = Command.run(
                "score",
                image,
                "--model",
                model.toString(),
                "--aspects",
                "correspondence",
                "--prompt",
                "x",
                "--no-describe",
                "--format",
                "json");
        return new ObjectMapper()
                .readTree(score.out())
                .path("aspects")
                .path("correspondence")
                .path("interval");
    }

    @Test
    void saysWhatTheIntervalsWereInTheSameDigitsEverywhere() throws IOException {
        calibrate(scores("wide.csv", "Sharp.", 1, "quality"));
        Path narrow = scores("narrow.csv", "Sharp.", 0.5, "quality");

        try (ArabicDigits _ = new ArabicDigits()) {
            assertThat(calibrate(narrow).out())
                    .matches("quality: 0\\.4\\d to each side on average \\(0\\.[78]\\d before\\), by 400 images\\R");
        }
    }

    @Test
    void refusesWhatItCannotMakeThemOf() throws IOException {
        Path manifest = model.resolve(ModelFolder.MANIFEST);
        String before = Files.readString(manifest);
        Path described = scores("described.csv", "Sharp.", 0.5, "quality");
        Path other = scores("other.csv", "Soft.", 0.5, "quality");
        Path mixed = Files.writeString(
                home.resolve("mixed.csv"),
                HEADER + "\nimage-1.png,x,quality,Sharp.,2,poor,,,\nimage-2.png,x,quality,,2,poor,,,\n");
        Path few = Files.writeString(home.resolve("few.csv"), HEADER + "\nimage-1.png,x,quality,Sharp.,2,poor,,,\n");
        Path failed = Files.writeString(home.resolve("failed.csv"), HEADER + "\nimage-1.png,x,quality,,,,,,BAD: x\n");
        Path foreign = Files.writeString(home.resolve("foreign.csv"), "name,score\nimage-1.png,2\n");
        Path strangers =
                Files.writeString(home.resolve("strangers.csv"), HEADER + "\nother.png,x,quality,Sharp.,2,poor,,,\n");

        assertRefused(calibrate(described, other), "other.csv scores quality of image-0.png, as another file does");
        assertRefused(calibrate(mixed), "mixed.csv", "give two files");
        assertRefused(calibrate(few), "scores of quality: 1 images are too few", "at least 9");
        assertRefused(calibrate(failed), "failed.csv has no scores");
        assertRefused(calibrate(foreign), "foreign.csv is no results file of 'score'", "rating");
        assertRefused(calibrate(strangers), "strangers.csv has no score of an image that people scored");
        assertThat(Command.run("models", "calibrate", model.toString()).exitCode())
                .isEqualTo(2);
        assertThat(Files.readString(manifest)).isEqualTo(before);
    }

    private static void assertRefused(Command command, String... reasons) {
        assertThat(command.err()).contains(reasons);
        assertThat(command.exitCode()).isEqualTo(3);
        assertThat(command.out()).isEmpty();
    }
}
