package io.github.m3agiqa.benchmarks;

import java.util.concurrent.Callable;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs {@link Kernels} with JMH. */
@Command(
        name = "kernels",
        description = "Times the small parts of a score with JMH, in a JVM of their own; in the repository's root.",
        mixinStandardHelpOptions = true,
        footer = {"", "Example:", "  benchmarks/run kernels resize"})
final class KernelsCommand implements Callable<Integer> {
    @Parameters(paramLabel = "PATTERN", arity = "0..1", description = "A regular expression of their names.")
    private String pattern = "";

    @Option(names = "--rounds", description = "Of a second each, after three to warm up (default: ${DEFAULT-VALUE}).")
    private int rounds = 5;

    @Override
    public Integer call() throws RunnerException {
        new Runner(new OptionsBuilder()
                        .include(Kernels.class.getSimpleName() + "\\..*" + pattern)
                        .warmupIterations(3)
                        .warmupTime(TimeValue.seconds(1))
                        .measurementIterations(rounds)
                        .measurementTime(TimeValue.seconds(1))
                        .forks(1)
                        .build())
                .run();
        return 0;
    }
}
