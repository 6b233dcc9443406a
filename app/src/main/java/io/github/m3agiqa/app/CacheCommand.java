package io.github.m3agiqa.app;

import io.github.m3agiqa.training.PredictorTraining;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code m3agiqa cache}: the hidden states that a training recipe reads. */
@Command(
        name = "cache",
        description =
                "Computes the hidden states that a training recipe reads, so that the epochs of m3agiqa train need"
                        + " no pass of the language model. What is cached already is skipped.",
        mixinStandardHelpOptions = true,
        footer = {"", "Example:", "  m3agiqa cache recipes/train-agiqa-3k.yaml"})
final class CacheCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RECIPE", description = "A YAML file; its paths are relative to the current folder.")
    private Path recipe;

    @Override
    public Integer call() {
        try (Progress progress = Progress.onStandardError("images")) {
            PredictorTraining.cache(
                    recipe, new TrainingProgress(progress, spec.commandLine().getErr()));
            return ExitCode.DONE;
        }
    }
}
