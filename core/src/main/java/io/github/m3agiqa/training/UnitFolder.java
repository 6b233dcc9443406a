package io.github.m3agiqa.training;

import com.fasterxml.jackson.databind.ObjectMapper;
import de.siegmar.fastcsv.writer.CsvWriter;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Calibration;
import io.github.m3agiqa.CompleteFile;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.evaluation.Prediction;
import io.github.m3agiqa.training.PredictorUnit.Training;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The folder of one predictor in a run: its trainings, the weights that came of them, what its intervals are made of, and
 * last its predictions, by which it is known to be done.
 */
record UnitFolder(Path path) {
    private static final String CALIBRATION = "calibration.json";
    private static final String BLENDED_CALIBRATION = "calibration-blended.json";
    private static final String CALIBRATION_IMAGES = "calibration.csv";
    private static final String PREDICTIONS = "predictions.csv";

    private static final List<String> PREDICTION_COLUMNS = List.of(
            "variant",
            "split",
            "aspect",
            "image",
            "prompt",
            "group",
            "generator",
            "predicted",
            "mos",
            "interval_low",
            "interval_high");

    static UnitFolder of(RunFolder run, PredictorUnit unit) {
        return new UnitFolder(run.resolve("units").resolve(unit.name()));
    }

    /** The folder of one of {@link PredictorUnit#trainings()}, which is made if it is not there. */
    Path training(Training training) throws IOException {
        return Files.createDirectories(path.resolve(training.folder()));
    }

    /** The epochs of those trainings that have a checkpoint. */
    long epochs(List<Training> trainings) {
        return trainings.stream()
                .flatMap(training -> PredictorRun.checkpoints(path.resolve(training.folder())).latest().stream())
                .mapToLong(Checkpoints.State::step)
                .sum();
    }

    /** The weights of the predictor. */
    Path predictor() {
        return path.resolve("predictor.safetensors");
    }

    /** The weights of the matcher, if there is one. */
    Path matcher() {
        return matcher(path);
    }

    /** Those of the matcher of a training that has one of its own. */
    static Path matcher(Path training) {
        return training.resolve("matcher.safetensors");
    }

    /** What its intervals are made of, if it has been calibrated. */
    Optional<Calibration> calibration() throws IOException {
        return calibration(path.resolve(CALIBRATION));
    }

    /** What those are made of of scores in which it is blended with the model's own, if they have been calibrated. */
    Optional<Calibration> blendedCalibration() throws IOException {
        return calibration(path.resolve(BLENDED_CALIBRATION));
    }

    private static Optional<Calibration> calibration(Path file) throws IOException {
        return Files.exists(file)
                ? Optional.of(new ObjectMapper().readValue(file.toFile(), Calibration.class))
                : Optional.empty();
    }

    void writeCalibration(Calibration calibration) throws IOException {
        new ObjectMapper().writeValue(path.resolve(CALIBRATION).toFile(), calibration);
    }

    void writeBlendedCalibration(Calibration calibration) throws IOException {
        new ObjectMapper().writeValue(path.resolve(BLENDED_CALIBRATION).toFile(), calibration);
    }

    /** Writes the images that intervals were made by, as {@code score --input} takes them, and their scores. */
    void writeCalibrated(Aspect aspect, List<Prediction> predictions, Dataset dataset) throws IOException {
        Map<String, Sample> samples = dataset.byName();
        CompleteFile.write(path.resolve(CALIBRATION_IMAGES), partial -> {
            try (CsvWriter csv = CsvWriter.builder().build(partial)) {
                csv.writeRecord("image_path", "prompt", "aspect", "score");
                predictions.forEach(prediction -> csv.writeRecord(
                        RunFolder.relative(
                                path, dataset.image(Objects.requireNonNull(samples.get(prediction.image())))),
                        prediction.prompt(),
                        aspect.id(),
                        String.valueOf(prediction.predicted())));
            }
        });
    }

    /** Whether its predictions are there, with all columns. */
    boolean isTested() {
        Path file = path.resolve(PREDICTIONS);
        if (!Files.exists(file)) {
            return false;
        }
        try (Stream<String> lines = Files.lines(file)) {
            return lines.findFirst().equals(Optional.of(String.join(",", PREDICTION_COLUMNS)));
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(file, e), e);
        }
    }

    /** Its predictions as CSV, with a header. */
    String predictions() throws IOException {
        return Files.readString(path.resolve(PREDICTIONS));
    }

    /** Writes what it says of test images. */
    void writePredictions(PredictorUnit unit, List<Prediction> predictions, Optional<Calibration> calibration)
            throws IOException {
        CompleteFile.write(path.resolve(PREDICTIONS), partial -> {
            try (CsvWriter csv = CsvWriter.builder().build(partial)) {
                csv.writeRecord(PREDICTION_COLUMNS);
                for (Prediction prediction : predictions) {
                    Optional<Interval> interval =
                            calibration.map(found -> found.interval(prediction.predicted(), Scale.ZERO_TO_FIVE));
                    csv.writeRecord(
                            unit.variant(),
                            unit.split().name(),
                            unit.aspect().id(),
                            prediction.image(),
                            prediction.prompt(),
                            prediction.group(),
                            prediction.generator(),
                            String.valueOf(prediction.predicted()),
                            String.valueOf(prediction.mos()),
                            interval.map(found -> String.valueOf(found.low())).orElse(""),
                            interval.map(found -> String.valueOf(found.high())).orElse(""));
                }
            }
        });
    }
}
