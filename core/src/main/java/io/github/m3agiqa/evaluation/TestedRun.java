package io.github.m3agiqa.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Sample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/**
 * What a training run left: {@code run.json}, {@code predictions.csv} and {@code leakage.json}.
 *
 * @param dataset the name of the dataset that it was tested on
 * @param datasetFolder where that dataset was, which may be elsewhere now
 * @param candidates a model for each variant of the run
 */
public record TestedRun(String dataset, Path datasetFolder, List<Candidate> candidates) {
    private static final int HASH_DIGITS = 12;

    public TestedRun {
        candidates = List.copyOf(candidates);
    }

    /**
     * Reads a run folder.
     *
     * @param name how reports call the run; where it has several variants, they are called by this and their own names
     * @param variantsAlone whether several variants are called by their own names alone, as no other run is beside them
     * @throws InputException if a file is missing or damaged, or if the run was tested on descriptions whose writer
     *     knew the human scores
     */
    public static TestedRun read(String name, Path folder, boolean variantsAlone) {
        Path runFile = folder.resolve("run.json");
        JsonNode run = json(runFile);
        refuseKnownScores(folder, run.path("description"));
        String dataset = run.path("dataset").path("name").asText();
        if (dataset.isEmpty()) {
            throw new InputException("%s does not name its dataset".formatted(runFile));
        }
        Path predictions = folder.resolve("predictions.csv");
        if (!Files.exists(predictions)) {
            throw new InputException(
                    "%s: no such file, as the run is not finished; start m3agiqa train with its recipe again, and it goes on where it was"
                            .formatted(predictions));
        }
        Map<String, Gathered> variants = variants(predictions, dataset);
        Map<String, String> facts = facts(run);
        Map<TestSet, Leakage> leakage = leakage(folder.resolve("leakage.json"), dataset);
        return new TestedRun(
                dataset,
                datasetFolder(folder, run.path("dataset").path("folder").asText()),
                variants.entrySet().stream()
                        .map(variant -> variant.getValue()
                                .candidate(
                                        variants.size() == 1
                                                ? name
                                                : variantsAlone ? variant.getKey() : name + " " + variant.getKey(),
                                        true,
                                        facts,
                                        leakage))
                        .toList());
    }

    /** A relative path starts at the run folder, or where the program is run. */
    private static Path datasetFolder(Path runFolder, String folder) {
        Path beside = runFolder.resolve(folder);
        return Files.isDirectory(beside) ? beside : Path.of(folder);
    }

    private static Map<String, Gathered> variants(Path file, String dataset) {
        Map<String, Gathered> variants = new LinkedHashMap<>();
        Set<List<String>> seen = new HashSet<>();
        for (CsvRow row : CsvRow.read(file)) {
            TestSet test = new TestSet(dataset, row.aspect(row.text("aspect")), row.text("split"));
            String image = row.text("image");
            if (!seen.add(List.of(row.text("variant"), test.aspect().id(), test.split(), image))) {
                throw row.complaint(
                        "a second %s score of %s".formatted(test.aspect().id(), image));
            }
            double mos = row.number("mos").orElseThrow(() -> row.complaint("there is no human score"));
            String prompt = row.optional("prompt").orElse(null);
            Gathered variant = variants.computeIfAbsent(row.text("variant"), _ -> new Gathered());
            row.number("predicted")
                    .ifPresentOrElse(
                            predicted -> variant.add(
                                    test,
                                    new Prediction(
                                            image,
                                            prompt,
                                            group(row, prompt, image),
                                            row.optional("generator").orElse(null),
                                            predicted,
                                            mos,
                                            row.interval())),
                            () -> variant.miss(test));
        }
        return variants;
    }

    /** What the row says, and else what follows from the prompt; an image without either is a group of its own. */
    private static String group(CsvRow row, @Nullable String prompt, String image) {
        return row.optional("group").orElse(prompt == null ? image : Sample.groupOf(prompt));
    }

    /** A figure would measure how well the describing model remembers the score that it was told. */
    private static void refuseKnownScores(Path folder, JsonNode description) {
        JsonNode sawMos = description.path("testTextSawMos");
        if (description.isObject() && !sawMos.isBoolean()) {
            throw new InputException(
                    "%s/run.json does not say whether the writer of the test descriptions knew the human scores"
                            .formatted(folder));
        }
        if (sawMos.asBoolean()) {
            throw new InputException(
                    ("%s was tested on descriptions whose writer knew the human scores, so that its figures would be"
                                    + " those of a leak: test it on the tuned model's own descriptions (run 'describe',"
                                    + " set 'descriptions.test: response' in the recipe, and train again)")
                            .formatted(folder));
        }
    }

    /** What a reader wants to know of a run. */
    private static Map<String, String> facts(JsonNode run) {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("dataset", run.path("dataset").path("name").asText());
        for (String key : List.of("model", "seed", "version", "engine")) {
            if (run.hasNonNull(key)) {
                facts.put(key, run.path(key).asText());
            }
        }
        JsonNode description = run.path("description");
        if (description.isObject()) {
            facts.put(
                    "descriptions",
                    "%s in training, %s in test"
                            .formatted(
                                    description.path("train").asText("?"),
                                    description.path("test").asText("?")));
        }
        StringJoiner data = new StringJoiner(", ");
        run.path("data").propertyStream().forEach(file -> {
            String hash = file.getValue().asText();
            data.add(file.getKey() + " " + hash.substring(0, Math.min(HASH_DIGITS, hash.length())));
        });
        if (data.length() > 0) {
            facts.put("data", data.toString());
        }
        return facts;
    }

    private static Map<TestSet, Leakage> leakage(Path file, String dataset) {
        Map<TestSet, Leakage> leakage = new HashMap<>();
        if (!Files.exists(file)) {
            return leakage;
        }
        for (JsonNode split : json(file)) {
            if (!split.path("split").isTextual()
                    || !split.path("aspect").isTextual()
                    || !split.path("sharedPrompts").isInt()
                    || !split.path("testPrompts").isInt()
                    || !split.path("duplicates").isArray()) {
                throw new InputException("%s is damaged: '%s' is no leakage of a split".formatted(file, split));
            }
            leakage.put(
                    new TestSet(
                            dataset,
                            aspect(file, split.path("aspect").asText()),
                            split.path("split").asText()),
                    new Leakage(
                            split.path("sharedPrompts").asInt(),
                            split.path("testPrompts").asInt(),
                            split.path("duplicates").size()));
        }
        return leakage;
    }

    private static Aspect aspect(Path file, String id) {
        try {
            return Aspect.of(id);
        } catch (IllegalArgumentException e) {
            throw new InputException("%s is damaged: %s".formatted(file, e.getMessage()), e);
        }
    }

    private static JsonNode json(Path file) {
        if (!Files.exists(file)) {
            throw new InputException(
                    "%s is no run folder of 'train': it has no %s".formatted(file.getParent(), file.getFileName()));
        }
        try {
            return new ObjectMapper().readTree(file.toFile());
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
        }
    }
}
