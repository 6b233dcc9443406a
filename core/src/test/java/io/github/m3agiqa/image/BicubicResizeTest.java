package io.github.m3agiqa.image;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.testing.Goldens;
import io.github.m3agiqa.testing.Parity;
import java.util.HexFormat;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BicubicResizeTest {
    private static final Parity PARITY = new Parity("golden resize");

    static Stream<Map.Entry<String, JsonNode>> cases() {
        return Goldens.read("misc.json").path("pil_bicubic").propertyStream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void resizesAsPillow(Map.Entry<String, JsonNode> golden) {
        int[] sizes = Stream.of(golden.getKey().split("x|->"))
                .mapToInt(Integer::parseInt)
                .toArray();

        RgbImage resized = BicubicResize.resize(pattern(sizes[0], sizes[1]), sizes[2], sizes[3]);

        CRC32 crc = new CRC32();
        crc.update(resized.pixels());
        PARITY.same(
                "Pillow bicubic, CRC32 of all pixels",
                HexFormat.of().toHexDigits((int) crc.getValue()),
                golden.getValue().path("crc32").asText());
        assertThat(resized.width()).isEqualTo(sizes[2]);
        assertThat(resized.height()).isEqualTo(sizes[3]);
    }

    /** The pattern that the goldens were made from: (7x + 13y + 29c + (xy mod 31)) mod 256. */
    private static RgbImage pattern(int width, int height) {
        byte[] pixels = new byte[3 * width * height];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                for (int c = 0; c < 3; c++) {
                    pixels[3 * (y * width + x) + c] = (byte) (7 * x + 13 * y + 29 * c + (x * y) % 31);
                }
            }
        }
        return new RgbImage(width, height, pixels);
    }

    @AfterAll
    static void write() {
        PARITY.write();
    }
}
