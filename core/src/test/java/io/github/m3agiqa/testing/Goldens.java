package io.github.m3agiqa.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.tensor.Torch;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.bytedeco.pytorch.Tensor;

/** Expected numbers: small files among the test resources, and the large set that is shared beside the project. */
public final class Goldens {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Goldens() {}

    /** A golden file of the test resources. */
    public static JsonNode read(String name) {
        try (InputStream in = Goldens.class.getResourceAsStream("/golden/" + name)) {
            if (in == null) {
                throw new IllegalStateException("no golden file " + name);
            }
            return JSON.readTree(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A file or folder of the shared folder, which the second test suite needs.
     *
     * @throws IllegalStateException if it is not there, so that the suite fails rather than passes unseen
     */
    public static Path shared(String path) {
        Path file = Path.of(System.getProperty("shared.folder", "../shared"), path);
        if (!Files.exists(file)) {
            throw new IllegalStateException("the second test suite needs %s; run it with -Dshared.folder=FOLDER"
                    .formatted(file.toAbsolutePath()));
        }
        return file;
    }

    /** A JSON file. */
    public static JsonNode read(Path file) {
        try {
            return JSON.readTree(file.toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The numbers of an array, nested arrays one after the other. */
    public static double[] doubles(JsonNode array) {
        if (!array.isArray()) {
            return new double[] {array.asDouble()};
        }
        return StreamSupport.stream(array.spliterator(), false)
                .flatMapToDouble(item -> Arrays.stream(doubles(item)))
                .toArray();
    }

    /** The numbers of a tensor. */
    public static double[] doubles(Tensor tensor) {
        float[] floats = Torch.toFloats(tensor);
        return IntStream.range(0, floats.length).mapToDouble(i -> floats[i]).toArray();
    }

    /** The whole numbers of an array. */
    public static int[] ints(JsonNode array) {
        return IntStream.range(0, array.size()).map(i -> array.get(i).asInt()).toArray();
    }
}
