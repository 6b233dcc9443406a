package io.github.m3agiqa.app;

import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.training.PredictorTraining;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Command;

/** {@code m3agiqa cache}: the hidden states that a training recipe reads. */
@Command(
        name = "cache",
        description =
                "Computes the hidden states that a training recipe reads, so that the epochs of m3agiqa train need"
                        + " no pass of the language model. What is cached already is skipped.",
        mixinStandardHelpOptions = true,
        footer = {"", "Example:", "  m3agiqa cache recipes/train-agiqa-3k-quality.yaml"})
final class CacheCommand extends RecipeCommand {
    CacheCommand() {
        super("images");
    }

    @Override
    Optional<Path> run(Path recipeFile, StepListener listener) {
        PredictorTraining.cache(recipeFile, listener);
        return Optional.empty();
    }
}
