package io.github.m3agiqa.testing;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.hub.ModelFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Random models that are written once a build. */
public final class TestModels {
    private TestModels() {}

    /** A tiny model with all three aspects on shared weights. */
    public static synchronized Path tiny() {
        Path folder = Path.of("target", "test-models", "tiny");
        if (!ModelFolder.isModel(folder)) {
            try {
                RandomModel.write(folder, RandomModel.Sizes.TINY);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return folder;
    }

    /** A copy of the tiny model with another manifest. */
    public static Path tinyWith(Path folder, Consumer<ObjectNode> change) {
        copy(tiny(), folder);
        rewrite(folder.resolve(ModelFolder.MANIFEST), change);
        return folder;
    }

    /** Changes a JSON file. */
    public static void rewrite(Path file, Consumer<ObjectNode> change) {
        ObjectMapper json = new ObjectMapper();
        try {
            ObjectNode root = (ObjectNode) json.readTree(file.toFile());
            change.accept(root);
            json.writeValue(file.toFile(), root);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Makes other weights of a file's, whose last one changes its sign. */
    public static void changeWeights(Path safetensors) {
        try {
            byte[] bytes = Files.readAllBytes(safetensors);
            bytes[bytes.length - 1] ^= (byte) 0x80;
            Files.write(safetensors, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void copy(Path from, Path to) {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Path target = to.resolve(from.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(file, target);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
