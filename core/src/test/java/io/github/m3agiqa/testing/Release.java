package io.github.m3agiqa.testing;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.weights.SafetensorsFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * The tiny release in the published file formats that lies in the shared folder, with all numbers that the reference
 * code computed from it.
 */
public final class Release {
    /** One image with its expected numbers. */
    public record Case(int index, JsonNode expected) {
        public String prompt() {
            return expected.path("prompt").asText();
        }

        public Path file() {
            return folder().resolve(expected.path("image").asText());
        }

        /** The decoded image, transparency dropped as the reference does. */
        public RgbImage image() {
            try {
                return new ImageDecoder(ImageDecoder.Limits.DEFAULT)
                        .decode(file().toString(), Files.readAllBytes(file()), AlphaMode.DROP);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public String toString() {
            return expected.path("image").asText();
        }
    }

    private static final JsonNode EXPECTED = Goldens.read(folder().resolve("expected.json"));
    private static final SafetensorsFile TENSORS =
            new SafetensorsFile(folder().resolve("expected_tensors.safetensors"));

    private Release() {}

    public static Path folder() {
        return Goldens.shared("spec/e2e");
    }

    public static ModelFolder model() {
        return ModelFolder.open(folder());
    }

    public static JsonNode expected() {
        return EXPECTED;
    }

    public static List<Case> cases() {
        JsonNode cases = EXPECTED.path("cases");
        return IntStream.range(0, cases.size())
                .mapToObj(i -> new Case(i, cases.get(i)))
                .toList();
    }

    /** One of the expected whole tensors. */
    public static Tensor tensor(String name) {
        return TENSORS.load(name, Dtype.F32, Device.CPU);
    }
}
