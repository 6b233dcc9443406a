package io.github.m3agiqa.app;

import io.github.m3agiqa.hub.ModelCatalog;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Where this installation keeps its files. */
final class Installation {
    /** Set by the launcher to the folder with {@code bin}, {@code lib} and {@code models}. */
    static final String HOME = "m3agiqa.home";

    private Installation() {}

    /** The models that are at hand. */
    static ModelCatalog catalog() {
        List<Path> folders = new ArrayList<>();
        Optional.ofNullable(System.getProperty(HOME)).ifPresent(home -> folders.add(Path.of(home, "models")));
        folders.add(pulledModels());
        return new ModelCatalog(folders);
    }

    /** Where pulled models are: {@code M3AGIQA_MODELS}, or {@code m3agiqa/models} in the user's folder for data. */
    static Path pulledModels() {
        return environment("M3AGIQA_MODELS")
                .map(Path::of)
                .orElseGet(() -> environment("XDG_DATA_HOME")
                        .map(Path::of)
                        .orElseGet(() -> Path.of(System.getProperty("user.home"), ".local", "share"))
                        .resolve("m3agiqa/models"));
    }

    /** Where notes are kept that may be lost: {@code M3AGIQA_CACHE}, or {@code m3agiqa} in the user's cache folder. */
    static Path cacheFolder() {
        return environment("M3AGIQA_CACHE")
                .map(Path::of)
                .or(() -> environment("XDG_CACHE_HOME").map(cache -> Path.of(cache, "m3agiqa")))
                .orElseGet(() -> Path.of(System.getProperty("user.home"), ".cache", "m3agiqa"));
    }

    /** A variable of the environment; one that is set to nothing is none. */
    private static Optional<String> environment(String name) {
        return Optional.ofNullable(System.getenv(name)).filter(value -> !value.isBlank());
    }
}
