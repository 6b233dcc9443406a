package io.github.m3agiqa.training;

import io.github.m3agiqa.Required;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.dataset.ConversationFile;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.DatasetReader;
import io.github.m3agiqa.tensor.Precision;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What recipes have in common: their dataset, and checks whose failures say which key is wrong. */
final class Recipes {
    private Recipes() {}

    /** The dataset of a recipe, its scores brought to 0 to 5. */
    static Dataset dataset(Path folder, @Nullable Scale scale) {
        return scale == null ? DatasetReader.read(folder) : DatasetReader.read(folder, scale);
    }

    /**
     * The names of the images that conversation files are about.
     *
     * @param data gets the files, as the run depends on them
     */
    static Set<String> imagesOf(List<Path> files, Map<String, Path> data) {
        Set<String> images = new HashSet<>();
        for (Path file : files) {
            data.put("heldOut/" + file, file);
            ConversationFile.read(file).forEach(conversation -> images.add(conversation.imageName()));
        }
        return images;
    }

    /**
     * Notes a file that a run depends on, by its name, or where another one has that by its path.
     *
     * @param part what it is about
     */
    static void note(Map<String, Path> data, String part, Path file) {
        Path other = data.putIfAbsent("%s/%s".formatted(part, file.getFileName()), file);
        if (other != null && !other.equals(file)) {
            data.put("%s/%s".formatted(part, file), file);
        }
    }

    /** Notes a dataset's prompts and scores, where it has them in a file of their own. */
    static void noteScores(Map<String, Path> data, Path dataset) {
        Path file = dataset.resolve("data.csv");
        if (Files.exists(file)) {
            data.put("data.csv", file);
        }
    }

    static void dtype(@Nullable String dtype) {
        if (Precision.of(Required.of("dtype", dtype)).packed()) {
            throw new IllegalArgumentException("dtype must be bf16 or fp32, not " + dtype);
        }
    }

    static void positive(String key, long value) {
        if (value < 1) {
            throw new IllegalArgumentException("%s must be at least 1, not %d".formatted(key, value));
        }
    }

    static void name(@Nullable String name) {
        if (!Required.of("name", name).matches("[\\w.-]+")) {
            throw new IllegalArgumentException("name is '%s', not letters, digits, '.', '_' and '-'".formatted(name));
        }
    }
}
