package io.github.m3agiqa.app;

import io.github.m3agiqa.training.Finetuning;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code m3agiqa finetune}: LoRA fine-tuning by a recipe. */
@Command(
        name = "finetune",
        description = "Teaches a model to describe and rate images as a set of conversations does, by LoRA. Started"
                + " again, it goes on from its last checkpoint.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Example:",
            "  m3agiqa finetune recipes/finetune-agiqa-3k.yaml",
            "",
            "The run's folder gets the adapter as PEFT writes it, a model folder for the next stage, metrics.csv and"
                    + " curve.png. docs/training.md explains the recipe's keys."
        })
final class FinetuneCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RECIPE", description = "A YAML file; its paths are relative to the current folder.")
    private Path recipe;

    @Override
    public Integer call() {
        try (Progress progress = Progress.onStandardError("steps")) {
            Path model = Finetuning.run(
                    recipe, new TrainingProgress(progress, spec.commandLine().getErr()));
            spec.commandLine().getOut().printf("%s%n", model);
            spec.commandLine().getOut().flush();
            return ExitCode.DONE;
        }
    }
}
