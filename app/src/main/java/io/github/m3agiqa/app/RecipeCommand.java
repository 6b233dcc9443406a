package io.github.m3agiqa.app;

import io.github.m3agiqa.StepListener;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** A command that does what a recipe says, shows how far it is, and prints the folder that it made. */
abstract class RecipeCommand implements Callable<Integer> {
    private final String unit;

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RECIPE", description = "A YAML file; its paths are relative to the current folder.")
    private Path recipe;

    /**
     * A command.
     *
     * @param unit what is counted, in the plural
     */
    RecipeCommand(String unit) {
        this.unit = unit;
    }

    /** Does the work; the folder that was made, if one was. */
    abstract Optional<Path> run(Path recipeFile, StepListener listener);

    @Override
    public Integer call() {
        Optional<Path> made;
        try (Progress progress = Progress.onStandardError(unit);
                Interruption _ = Interruption.endingAtOnce(spec.commandLine().getErr())) {
            made = run(recipe, new TrainingProgress(progress, spec.commandLine().getErr()));
        }
        made.ifPresent(spec.commandLine().getOut()::println);
        spec.commandLine().getOut().flush();
        return ExitCode.DONE;
    }
}
