package io.github.m3agiqa.training;

import io.github.m3agiqa.Scale;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.DatasetReader;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What recipes have in common: their dataset, and checks whose failures say which key is wrong. */
final class Recipes {
    private Recipes() {}

    /** The dataset of a recipe, its scores brought to 0 to 5. */
    static Dataset dataset(Path folder, @Nullable Scale scale) {
        return scale == null ? DatasetReader.read(folder) : DatasetReader.read(folder, scale);
    }

    static <T> T given(String key, @Nullable T value) {
        if (value == null) {
            throw new IllegalArgumentException(key + " is missing");
        }
        return value;
    }

    static void positive(String key, long value) {
        if (value < 1) {
            throw new IllegalArgumentException("%s must be at least 1, not %d".formatted(key, value));
        }
    }

    static void name(@Nullable String name) {
        if (!given("name", name).matches("[\\w.-]+")) {
            throw new IllegalArgumentException("name is '%s', not letters, digits, '.', '_' and '-'".formatted(name));
        }
    }
}
