package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.Sample;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Any model's scores in a CSV file: a row an image, which it calls {@code image_path}, {@code image} or {@code name},
 * with its {@code score}, {@code predicted} or {@code mos_pred}; or the results file of {@code score}, with a row an
 * image and aspect. Images are found in a dataset by their file names.
 */
public final class ScoreFile {
    /** The split of images that nobody has split. */
    static final String ALL_IMAGES = "all images";

    private static final String[] IMAGE = {"image_path", "image", "name"};
    private static final String[] SCORE = {"score", "predicted", "mos_pred"};

    /** These columns together are those of a results file, whose scores are on the scale of 0 to 5. */
    private static final List<String> RESULTS_FILE = List.of("image_path", "aspect", "score", "rating", "error");

    /** What the file says of an image; the score is empty where it failed. */
    private record Scored(OptionalDouble score, @Nullable Interval interval) {}

    /**
     * What a results file of {@code score} says of images that people scored, too.
     *
     * @param described whether the images were described before they were scored
     */
    public record Results(boolean described, Map<Aspect, List<Prediction>> predictions) {
        public Results {
            predictions = Map.copyOf(predictions);
        }
    }

    private ScoreFile() {}

    /**
     * Reads a file.
     *
     * @param name how reports call the model
     * @param dataset what people said of the images
     * @param aspects what to compare with; scores without an aspect of their own are compared with all of these
     * @param others models whose test images are reported on, so that this one can be compared with them; where none
     *     was tested on this dataset, all images that the file scores are reported on
     * @throws InputException if the file cannot be read, scores an image twice, or has no image of the dataset
     */
    public static Candidate read(String name, Path file, Dataset dataset, Set<Aspect> aspects, List<Candidate> others) {
        return read(name, file, CsvRow.read(file), dataset, aspects, others);
    }

    private static Candidate read(
            String name, Path file, List<CsvRow> rows, Dataset dataset, Set<Aspect> aspects, List<Candidate> others) {
        Map<Aspect, Map<String, Scored>> scores = new EnumMap<>(Aspect.class);
        aspects.forEach(aspect -> scores.put(aspect, new LinkedHashMap<>()));
        Map<String, Sample> samples = byFileName(dataset);
        int strangers = 0;
        for (CsvRow row : rows) {
            Sample sample = samples.get(fileName(row.text(IMAGE)));
            if (sample == null) {
                strangers++;
                continue;
            }
            boolean failed = row.optional("error").isPresent();
            Scored scored = new Scored(failed ? OptionalDouble.empty() : row.number(SCORE), row.interval());
            for (Aspect aspect : aspectsOf(row, aspects)) {
                Map<String, Scored> ofAspect = scores.get(aspect);
                if (ofAspect != null && ofAspect.put(sample.name(), scored) != null) {
                    throw row.complaint("a second %s score of %s".formatted(aspect.id(), sample.name()));
                }
            }
        }
        Gathered gathered = new Gathered();
        tests(dataset, scores, others).forEach((test, images) -> {
            Map<String, Scored> ofAspect = scores.getOrDefault(test.aspect(), Map.of());
            for (String image : images) {
                Sample sample = samples.get(fileName(image));
                Scored scored = ofAspect.get(image);
                if (sample == null || !hasLabel(sample, test.aspect()) || scored == null || scored.score.isEmpty()) {
                    gathered.miss(test);
                } else {
                    gathered.add(test, prediction(sample, test.aspect(), scored));
                }
            }
        });
        if (gathered.isEmpty()) {
            throw new InputException(
                    "%s has no score of an image that people scored in %s: are the file names the same, such as %s?"
                            .formatted(
                                    file,
                                    dataset.folder(),
                                    dataset.samples().getFirst().name()));
        }
        boolean onScale = isResultsFile(rows.getFirst());
        return gathered.candidate(name, onScale, facts(file, dataset, onScale, strangers), Map.of());
    }

    /**
     * Reads a results file of {@code score}.
     *
     * @param dataset what people said of the images
     * @param aspects those whose scores are read
     * @throws InputException if it is no such file, has no score of an image of the dataset, or scores of images with a
     *     description and of others without
     */
    public static Results results(Path file, Dataset dataset, Set<Aspect> aspects) {
        List<CsvRow> rows = CsvRow.read(file);
        boolean described = areDescribed(file, rows);
        Map<Aspect, List<Prediction>> predictions = new EnumMap<>(Aspect.class);
        read("scores", file, rows, dataset, aspects, List.of())
                .predictions()
                .forEach((test, ofAspect) -> predictions.put(test.aspect(), ofAspect));
        return new Results(described, predictions);
    }

    private static boolean areDescribed(Path file, List<CsvRow> rows) {
        if (!isResultsFile(rows.getFirst())) {
            throw new InputException("%s is no results file of 'score', which has the columns %s"
                    .formatted(file, String.join(", ", RESULTS_FILE)));
        }
        Set<Boolean> described = rows.stream()
                .filter(row -> row.optional("score").isPresent())
                .map(row -> row.optional("description").isPresent())
                .collect(Collectors.toSet());
        if (described.size() != 1) {
            throw new InputException(
                    described.isEmpty()
                            ? "%s has no scores".formatted(file)
                            : "%s has scores of images with a description and of others without: give two files"
                                    .formatted(file));
        }
        return described.contains(true);
    }

    private static boolean isResultsFile(CsvRow row) {
        return RESULTS_FILE.stream().allMatch(row::has);
    }

    private static Map<String, String> facts(Path file, Dataset dataset, boolean onScale, int strangers) {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("dataset", dataset.name());
        facts.put("scores", String.valueOf(file.getFileName()));
        facts.put("scale", onScale ? "0 to 5" : "its own: errors are those after the logistic fit");
        if (strangers > 0) {
            facts.put("rows left out", "%d, whose images the dataset does not have".formatted(strangers));
        }
        return facts;
    }

    private static Map<String, Sample> byFileName(Dataset dataset) {
        Map<String, Sample> samples = new HashMap<>();
        for (Sample sample : dataset.samples()) {
            Sample other = samples.put(fileName(sample.name()), sample);
            if (other != null) {
                throw new InputException("%s has %s and %s, which a file of scores cannot tell apart"
                        .formatted(dataset.folder(), other.name(), sample.name()));
            }
        }
        return samples;
    }

    private static String fileName(String path) {
        return path.substring(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
    }

    /** A row without an aspect stands for all; in a results file it is that of an image that failed. */
    private static Set<Aspect> aspectsOf(CsvRow row, Set<Aspect> aspects) {
        return row.optional("aspect")
                .map(id -> (Set<Aspect>) EnumSet.of(row.aspect(id)))
                .orElse(aspects);
    }

    /** The images to report on. */
    private static Map<TestSet, Set<String>> tests(
            Dataset dataset, Map<Aspect, Map<String, Scored>> scores, List<Candidate> others) {
        Map<TestSet, Set<String>> tests = new LinkedHashMap<>();
        for (Candidate other : others) {
            other.predictions().forEach((test, predictions) -> {
                if (test.dataset().equals(dataset.name()) && scores.containsKey(test.aspect())) {
                    Set<String> images = tests.computeIfAbsent(test, _ -> new LinkedHashSet<>());
                    predictions.forEach(prediction -> images.add(prediction.image()));
                }
            });
        }
        if (tests.isEmpty()) {
            Map<String, Sample> samples = dataset.byName();
            scores.forEach((aspect, ofAspect) -> {
                Set<String> images = new LinkedHashSet<>(ofAspect.keySet());
                images.removeIf(image -> !hasLabel(samples.get(image), aspect));
                if (!images.isEmpty()) {
                    tests.put(new TestSet(dataset.name(), aspect, ALL_IMAGES), images);
                }
            });
        }
        return tests;
    }

    private static boolean hasLabel(@Nullable Sample sample, Aspect aspect) {
        return sample != null && sample.labels().containsKey(aspect);
    }

    private static Prediction prediction(Sample sample, Aspect aspect, Scored scored) {
        return new Prediction(
                sample.name(),
                sample.prompt(),
                sample.group(),
                sample.generator(),
                scored.score.orElseThrow(),
                sample.mos(aspect),
                scored.interval);
    }
}
