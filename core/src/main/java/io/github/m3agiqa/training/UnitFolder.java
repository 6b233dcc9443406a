package io.github.m3agiqa.training;

import com.fasterxml.jackson.databind.ObjectMapper;
import de.siegmar.fastcsv.writer.CsvWriter;
import io.github.m3agiqa.Calibration;
import io.github.m3agiqa.CompleteFile;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.evaluation.Prediction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The folder of one predictor in a run: its trainings, the weights that came of them, what its intervals are made of, and
 * last its predictions, by which it is known to be done.
 */
record UnitFolder(Path path) {
    /** Where it is trained for the first time, again and once more. */
    private static final List<String> TRAININGS = List.of("", "refit", "whole");

    private static final String CALIBRATION = "calibration.json";
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
    Path training(int number) throws IOException {
        return Files.createDirectories(path.resolve(TRAININGS.get(number)));
    }

    /** The epochs of all trainings that have a checkpoint. */
    long epochs() {
        return TRAININGS.stream()
                .flatMap(name -> PredictorRun.checkpoints(path.resolve(name)).latest().stream())
                .mapToLong(Checkpoints.State::step)
                .sum();
    }

    /** The weights of the predictor. */
    Path predictor() {
        return path.resolve("predictor.safetensors");
    }

    /** The weights of the matcher, if there is one. */
    Path matcher() {
        return path.resolve("matcher.safetensors");
    }

    /** What its intervals are made of, if it has been calibrated. */
    Optional<Calibration> calibration() throws IOException {
        Path file = path.resolve(CALIBRATION);
        return Files.exists(file)
                ? Optional.of(new ObjectMapper().readValue(file.toFile(), Calibration.class))
                : Optional.empty();
    }

    /** Writes what intervals are made of, and the list of the images that they were made by, as {@code score --input} takes it. */
    void writeCalibration(Calibration calibration, List<Sample> images, Dataset dataset) throws IOException {
        new ObjectMapper().writeValue(path.resolve(CALIBRATION).toFile(), calibration);
        CompleteFile.write(path.resolve(CALIBRATION_IMAGES), partial -> {
            try (CsvWriter csv = CsvWriter.builder().build(partial)) {
                csv.writeRecord("image_path", "prompt");
                images.forEach(
                        image -> csv.writeRecord(RunFolder.relative(path, dataset.image(image)), image.prompt()));
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
