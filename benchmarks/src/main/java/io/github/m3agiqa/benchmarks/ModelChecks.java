package io.github.m3agiqa.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.DatasetReader;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.PromptSlot;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.scoring.ScoringOptions;
import io.github.m3agiqa.tensor.Engine;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What a trained model must do that no correlation with people shows. */
@Command(
        name = "checks",
        description = "Checks a trained model: whether quality falls when images are spoilt, whether an image"
                + " corresponds most to its own prompt, and how fast the model is here. Prints Markdown.",
        mixinStandardHelpOptions = true,
        footer = {"", "Example:", "  benchmarks/run checks --model models/nano --output checks.json"})
final class ModelChecks implements Callable<Integer> {
    /** The checks. */
    enum Check {
        DEGRADATION,
        PROMPTS,
        SPEED
    }

    /**
     * All results, as the JSON has them; a check that was skipped is null.
     *
     * @param model name and version
     * @param dataset the dataset's name
     * @param engine the version of libtorch
     * @param dtype the precision
     * @param seed of all that is drawn at random
     */
    record Results(
            String model,
            String dataset,
            String engine,
            String dtype,
            long seed,
            @Nullable DegradationCheck degradation,
            @Nullable PromptCheck prompts,
            @Nullable SpeedCheck speed) {}

    @Option(names = "--model", paramLabel = "FOLDER", required = true, description = "The model's folder.")
    private Path model = Path.of(".");

    @Option(
            names = "--dataset",
            paramLabel = "FOLDER",
            description = "A dataset with conversations/quality_test.json and correspondence_test.json"
                    + " (default: ${DEFAULT-VALUE}).")
    private Path dataset = Path.of("datasets", "agiqa-3k");

    @Option(
            names = "--images",
            paramLabel = "N",
            description = "How many images are spoilt, and how many are timed (default: ${DEFAULT-VALUE}).")
    private int images = 100;

    @Option(
            names = "--prompt-images",
            paramLabel = "N",
            description = "How many test images the check of prompts takes (default: all).")
    private int promptImages = Integer.MAX_VALUE;

    @Option(names = "--output", paramLabel = "FILE", description = "Where the JSON goes, all scores included.")
    private @Nullable Path output;

    @Option(names = "--skip", split = ",", paramLabel = "CHECK", description = "${COMPLETION-CANDIDATES}")
    private List<Check> skipped = List.of();

    @Option(
            names = "--describe",
            description =
                    "Describe images also before they are scored in the first two checks; far slower. The check of"
                            + " prompts does so anyway where the question for a rating does not name the prompt.")
    private boolean describe;

    @Option(names = "--seed", paramLabel = "N", description = "Of all that is random (default: ${DEFAULT-VALUE}).")
    private long seed = 1;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (images < 1 || promptImages < 1) {
            throw new ParameterException(spec.commandLine(), "--images and --prompt-images must be at least 1");
        }
        ModelFolder folder = ModelFolder.open(model);
        Dataset data = DatasetReader.read(dataset);
        Set<Check> checks = EnumSet.allOf(Check.class);
        skipped.forEach(checks::remove);
        System.out.printf(
                "# Checks of %s%n%n%s, %s, seed %d.%n",
                folder.manifest().id(),
                data.name(),
                ScoringOptions.DEFAULT.precision().id(),
                seed);
        DegradationCheck degradation = checks.contains(Check.DEGRADATION) ? degradation(folder, data) : null;
        if (degradation != null) {
            print(degradation.markdown());
        }
        PromptCheck prompts = checks.contains(Check.PROMPTS) ? prompts(folder, data) : null;
        if (prompts != null) {
            print(prompts.markdown());
        }
        SpeedCheck speed = checks.contains(Check.SPEED) ? speed(folder, data) : null;
        if (speed != null) {
            print(speed.markdown());
        }
        if (output != null) {
            new ObjectMapper()
                    .writerWithDefaultPrettyPrinter()
                    .writeValue(
                            output.toFile(),
                            new Results(
                                    folder.manifest().id(),
                                    data.name(),
                                    Engine.version(),
                                    ScoringOptions.DEFAULT.precision().id(),
                                    seed,
                                    degradation,
                                    prompts,
                                    speed));
        }
        return 0;
    }

    private DegradationCheck degradation(ModelFolder folder, Dataset data) {
        TestList list = TestList.read(data, Aspect.QUALITY);
        folder.manifest().aspect(Aspect.QUALITY);
        try (Scorer scorer = open(folder, Aspect.QUALITY, describe)) {
            return DegradationCheck.run(scorer, list.draw(images, seed), describe, seed, new Ticker("degradation"));
        }
    }

    private PromptCheck prompts(ModelFolder folder, Dataset data) {
        TestList list = TestList.read(data, Aspect.CORRESPONDENCE);
        // without a description the model hears of the prompt only in the question for a rating
        boolean described = describe
                || !PromptSlot.isIn(
                        folder.manifest().aspect(Aspect.CORRESPONDENCE).rate().question());
        try (Scorer scorer = open(folder, Aspect.CORRESPONDENCE, described)) {
            return PromptCheck.run(scorer, list, promptImages, described, seed, new Ticker("prompts"));
        }
    }

    private SpeedCheck speed(ModelFolder folder, Dataset data) {
        TestList list = TestList.read(data, Aspect.QUALITY);
        return SpeedCheck.run(folder, ScoringOptions.DEFAULT, list.draw(images, seed), new Ticker("speed"));
    }

    private static Scorer open(ModelFolder folder, Aspect aspect, boolean described) {
        return Scorer.open(
                folder, ScoringOptions.DEFAULT.withAspects(EnumSet.of(aspect)).withDescribe(described));
    }

    private static void print(String markdown) {
        System.out.println();
        System.out.print(markdown);
        System.out.flush();
    }
}
