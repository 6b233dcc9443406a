package io.github.m3agiqa.app;

import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.training.Pretraining;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Command;

/** {@code m3agiqa pretrain}: a new base by a recipe. */
@Command(
        name = "pretrain",
        description = "Makes a small base from nothing: it learns what teacher networks see in images, the images'"
                + " prompts, and how people talk about images. Started again, it goes on from its last checkpoint.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Example:",
            "  m3agiqa pretrain recipes/nano-pretrain.yaml",
            "",
            "The run's folder gets a model folder for the next stage, metrics.csv and curve.png. docs/training.md"
                    + " explains the recipe's keys."
        })
final class PretrainCommand extends RecipeCommand {
    PretrainCommand() {
        super("steps");
    }

    @Override
    Optional<Path> run(Path recipeFile, StepListener listener) {
        return Optional.of(Pretraining.run(recipeFile, listener));
    }
}
