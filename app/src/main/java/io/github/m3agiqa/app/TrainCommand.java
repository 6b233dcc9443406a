package io.github.m3agiqa.app;

import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.training.PredictorTraining;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Command;

/** {@code m3agiqa train}: the predictor of human scores, by a recipe. */
@Command(
        name = "train",
        description =
                "Trains the predictor on human scores, from the hidden states of a tuned model, which are computed"
                        + " once. Started again, it goes on from its last checkpoint.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Example:",
            "  m3agiqa train recipes/train-agiqa-3k-quality.yaml",
            "",
            "The run's folder gets the predictions on test images, what they share with training images, the curves, and"
                    + " a model folder that scores. m3agiqa evaluate says how good it is; docs/training.md explains the"
                    + " recipe's keys."
        })
final class TrainCommand extends RecipeCommand {
    TrainCommand() {
        super("steps");
    }

    @Override
    Optional<Path> run(Path recipeFile, StepListener listener) {
        return Optional.of(PredictorTraining.run(recipeFile, listener));
    }
}
