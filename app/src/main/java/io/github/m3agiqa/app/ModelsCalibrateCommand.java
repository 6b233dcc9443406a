package io.github.m3agiqa.app;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Calibration;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.DatasetReader;
import io.github.m3agiqa.evaluation.Conformal;
import io.github.m3agiqa.evaluation.Prediction;
import io.github.m3agiqa.evaluation.ScoreFile;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code m3agiqa models calibrate}: a model's prediction intervals, from images of one's own that people rated. */
@Command(
        name = "calibrate",
        description = "Makes a model's 90 %% intervals of how far its scores lie from people's, and writes them to the"
                + " model's " + ModelFolder.MANIFEST + ". Scores stay as they are.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Example:",
            "  m3agiqa models pack nano mine    # a copy of the built-in model, which stays as it is",
            "  m3agiqa score --model mine --input rated --output scores.csv",
            "  m3agiqa models calibrate mine --scores scores.csv --dataset rated",
            "",
            "The images must be new to the model: of those that it learned from, intervals become too narrow. Some"
                    + " hundreds, of many prompts, are good; intervals hold for new images that are like them. Scores of"
                    + " described images make the intervals of such images, scores of --no-describe those of the others; an"
                    + " aspect with one predictor for both has the same for both, of the described ones if there are any."
        })
final class ModelsCalibrateCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "NAME|FOLDER", description = "The model.")
    private String model;

    @Option(
            names = "--scores",
            paramLabel = "FILE",
            required = true,
            description = "The model's scores of the images, as CSV by 'score'; may be given several times, as for the"
                    + " scores with descriptions and those without.")
    private List<Path> scores = List.of();

    @Option(
            names = "--dataset",
            paramLabel = "FOLDER",
            required = true,
            description = "What people said of the images, in a folder such as 'train' reads.")
    private Path dataset = Path.of("");

    @Override
    public Integer call() {
        ModelFolder folder = Installation.catalog().find(model);
        Map<Aspect, AspectManifest> aspects = new EnumMap<>(folder.manifest().aspects());
        Map<String, String> lines = new LinkedHashMap<>();
        predictions(DatasetReader.read(dataset), aspects.keySet())
                .forEach((described, ofKind) -> ofKind.forEach((aspect, predictions) -> {
                    AspectManifest before = folder.manifest().aspect(aspect);
                    Calibration calibration = calibration(aspect, predictions, before.scale());
                    aspects.computeIfPresent(aspect, (_, settings) -> settings.withCalibration(described, calibration));
                    lines.put(
                            described || before.undescribed() == null
                                    ? aspect.id()
                                    : aspect.id() + ", without a description",
                            line(before.calibration(described), calibration, predictions, before.scale()));
                }));
        try {
            ModelFolder.write(folder.path(), folder.manifest().withAspects(aspects));
        } catch (IOException e) {
            throw new InputException("%s cannot be written to: %s".formatted(folder.path(), e), e);
        }
        PrintWriter out = spec.commandLine().getOut();
        lines.forEach((what, line) -> out.println(what + ": " + line));
        out.flush();
        return ExitCode.DONE;
    }

    /**
     * The scores of all files, by whether the images were described. Those that were not are the first: an aspect with one
     * predictor for all images keeps the intervals of the last.
     */
    private SortedMap<Boolean, Map<Aspect, List<Prediction>>> predictions(Dataset rated, Set<Aspect> aspects) {
        SortedMap<Boolean, Map<Aspect, List<Prediction>>> all = new TreeMap<>();
        for (Path file : scores) {
            ScoreFile.Results results = ScoreFile.results(file, rated, aspects);
            Map<Aspect, List<Prediction>> ofKind =
                    all.computeIfAbsent(results.described(), _ -> new EnumMap<>(Aspect.class));
            results.predictions()
                    .forEach((aspect, more) ->
                            join(ofKind.computeIfAbsent(aspect, _ -> new ArrayList<>()), more, aspect, file));
        }
        return all;
    }

    private static void join(List<Prediction> predictions, List<Prediction> more, Aspect aspect, Path file) {
        Set<String> images = predictions.stream().map(Prediction::image).collect(Collectors.toSet());
        for (Prediction prediction : more) {
            if (!images.add(prediction.image())) {
                throw new InputException(
                        "%s scores %s of %s, as another file does".formatted(file, aspect.id(), prediction.image()));
            }
        }
        predictions.addAll(more);
    }

    private static String line(
            @Nullable Calibration before, Calibration calibration, List<Prediction> predictions, Scale scale) {
        return String.format(Locale.ROOT, "%.2f to each side on average", mean(calibration, predictions, scale))
                + (before == null ? "" : String.format(Locale.ROOT, " (%.2f before)", mean(before, predictions, scale)))
                + ", by " + predictions.size() + " images";
    }

    private static double mean(Calibration calibration, List<Prediction> predictions, Scale scale) {
        return predictions.stream()
                .mapToDouble(prediction -> calibration.halfWidth(prediction.predicted(), scale))
                .average()
                .orElseThrow();
    }

    private static Calibration calibration(Aspect aspect, List<Prediction> predictions, Scale scale) {
        try {
            return Conformal.of(predictions, scale);
        } catch (InputException e) {
            throw new InputException("scores of %s: %s".formatted(aspect.id(), e.getMessage()), e);
        }
    }
}
