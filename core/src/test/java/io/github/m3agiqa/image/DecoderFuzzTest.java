package io.github.m3agiqa.image;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.testing.DrawnImages;
import io.github.m3agiqa.testing.Fuzz;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Damaged images: typed errors or pixels. {@code -Dfuzz.inputs=N} sets how many of each kind. */
@Timeout(value = 30, unit = TimeUnit.MINUTES)
class DecoderFuzzTest {
    private static final long MAX_PIXELS = 1 << 20;
    /** Samples, colours and the decoder's own buffers of an image at the limit. */
    private static final long MAX_ALLOCATED = 64 * MAX_PIXELS;

    private final ImageDecoder decoder = new ImageDecoder(new ImageDecoder.Limits(1 << 20, MAX_PIXELS));

    @ParameterizedTest
    @ValueSource(strings = {"png", "jpeg", "gif", "bmp", "tiff", "webp"})
    void decodes(String format) throws IOException {
        List<byte[]> seeds = format.equals("webp") ? webp() : drawn(format);

        var outcomes = new Fuzz(seeds, MAX_ALLOCATED)
                .run(Fuzz.inputs() / 2, bytes -> decoder.decode("fuzz." + format, bytes, AlphaMode.WHITE));

        assertThat(outcomes).containsKeys("read", "IMAGE_UNREADABLE");
        assertThat(List.of("read", "IMAGE_UNREADABLE", "IMAGE_TOO_LARGE", "IMAGE_UNSUPPORTED"))
                .containsAll(outcomes.keySet());
    }

    private static List<byte[]> drawn(String format) {
        BufferedImage colour = DrawnImages.landscape(40, 30, 3);
        BufferedImage grey = new BufferedImage(30, 40, BufferedImage.TYPE_BYTE_GRAY);
        BufferedImage palette = new BufferedImage(30, 40, BufferedImage.TYPE_BYTE_INDEXED);
        for (BufferedImage copy : List.of(grey, palette)) {
            copy.createGraphics().drawImage(colour, 0, 0, null);
        }
        Stream<BufferedImage> pictures =
                format.equals("jpeg") ? Stream.of(colour, grey) : Stream.of(colour, grey, palette);
        return pictures.map(picture -> DrawnImages.encode(picture, format)).toList();
    }

    private static List<byte[]> webp() throws IOException {
        return List.of(
                ImageDecoderTest.resource("lossy.webp"),
                ImageDecoderTest.resource("lossless.webp"),
                ImageDecoderTest.resource("alpha.webp"));
    }
}
