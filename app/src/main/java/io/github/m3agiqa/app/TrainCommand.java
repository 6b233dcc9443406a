package io.github.m3agiqa.app;

import io.github.m3agiqa.training.PredictorTraining;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

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
            "  m3agiqa train recipes/train-agiqa-3k.yaml",
            "",
            "The run's folder gets the predictions on test images, what they share with training images, the curves, and"
                    + " a model folder that scores. m3agiqa evaluate says how good it is; docs/training.md explains the"
                    + " recipe's keys."
        })
final class TrainCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RECIPE", description = "A YAML file; its paths are relative to the current folder.")
    private Path recipe;

    @Override
    public Integer call() {
        try (Progress progress = Progress.onStandardError("steps")) {
            Path run = PredictorTraining.run(
                    recipe, new TrainingProgress(progress, spec.commandLine().getErr()));
            spec.commandLine().getOut().println(run);
            spec.commandLine().getOut().flush();
            return ExitCode.DONE;
        }
    }
}
