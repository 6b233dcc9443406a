package io.github.m3agiqa.app;

import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.training.Finetuning;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Command;

/** {@code m3agiqa finetune}: LoRA fine-tuning by a recipe. */
@Command(
        name = "finetune",
        description = "Teaches a model to describe and rate images as a set of conversations does, by LoRA. Started"
                + " again, it goes on from its last checkpoint.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Example:",
            "  m3agiqa finetune recipes/finetune-agiqa-3k-quality.yaml",
            "",
            "The run's folder gets the adapter as PEFT writes it, a model folder for the next stage, metrics.csv and"
                    + " curve.png. docs/training.md explains the recipe's keys."
        })
final class FinetuneCommand extends RecipeCommand {
    FinetuneCommand() {
        super("steps");
    }

    @Override
    Optional<Path> run(Path recipeFile, StepListener listener) {
        return Optional.of(Finetuning.run(recipeFile, listener));
    }
}
