package io.github.m3agiqa.benchmarks;

import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The benchmarks, one subcommand each; {@code benchmarks/run} builds and starts them. */
@Command(
        name = "benchmarks/run",
        description = "Measures what the documentation claims.",
        mixinStandardHelpOptions = true,
        subcommands = {
            MemoryBenchmark.class,
            PrecisionBenchmark.class,
            EpochBenchmark.class,
            HeadBenchmark.class,
            FinetuneMemoryBenchmark.class,
            ModelChecks.class,
            ServiceLoad.class,
            BatchingBenchmark.class,
            StagesBenchmark.class,
            TwinBenchmark.class,
            KernelsCommand.class,
            RandomModelCommand.class,
            DrawExamplesCommand.class
        },
        subcommandsRepeatable = false)
public final class Benchmarks {
    private Benchmarks() {}

    public static void main(String[] arguments) {
        // recipes and tables that they write have the same digits everywhere
        Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
        System.exit(new CommandLine(new Benchmarks())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .execute(arguments));
    }
}
