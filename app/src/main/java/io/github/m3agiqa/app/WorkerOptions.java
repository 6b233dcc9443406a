package io.github.m3agiqa.app;

import io.github.m3agiqa.tensor.Engine;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How many images are worked on at a time. */
final class WorkerOptions {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--workers",
            paramLabel = "N",
            description = "How many images are worked on at a time, each with --threads (default: as many as there are"
                    + " cores for).")
    private @Nullable Integer workers;

    /** The number of workers, once the threads of an operation are set. */
    int workers() {
        if (workers == null) {
            return Math.max(1, Runtime.getRuntime().availableProcessors() / Engine.threads());
        }
        if (workers < 1) {
            throw new ParameterException(spec.commandLine(), "--workers must be at least 1");
        }
        return workers;
    }
}
