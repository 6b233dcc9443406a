package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.testing.DrawnExamples;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Draws the pictures of the folder {@code examples}. */
@Command(name = "draw-examples", description = "Draws the pictures of the folder examples.")
final class DrawExamplesCommand implements Callable<Integer> {
    @Parameters(paramLabel = "FOLDER")
    private Path folder = Path.of(".");

    @Override
    public Integer call() throws IOException {
        DrawnExamples.write(folder);
        return 0;
    }
}
