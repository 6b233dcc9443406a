package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.testing.RandomModel;
import io.github.m3agiqa.testing.RandomModel.Sizes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Writes a model with random weights. */
@Command(name = "random-model", description = "Writes a model with random weights of a given size.")
final class RandomModelCommand implements Callable<Integer> {
    /** The sizes that can be asked for. */
    enum Size {
        TINY,
        SMALL,
        MEDIUM,
        LLAMA,
        LARGE
    }

    @Parameters(index = "0", paramLabel = "SIZE", description = "${COMPLETION-CANDIDATES}")
    private Size size = Size.TINY;

    @Parameters(index = "1", paramLabel = "FOLDER")
    private Path folder = Path.of(".");

    @Override
    public Integer call() throws IOException {
        Sizes sizes = switch (size) {
            case TINY -> Sizes.TINY;
            case SMALL -> Sizes.SMALL;
            case MEDIUM -> Sizes.MEDIUM;
            case LLAMA -> Sizes.LLAMA;
            case LARGE -> Sizes.LARGE;
        };
        RandomModel.write(folder, sizes);
        return 0;
    }
}
