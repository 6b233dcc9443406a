package io.github.m3agiqa.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

class DrawnExamplesTest {
    private static final Path EXAMPLES = Path.of("..", "examples");

    /** In levels of 255: JDKs differ in their rasterizer and JPEG codec, which round in different ways. */
    private static final double MOST_DIFFERENCE = 1;

    @Test
    void theFolderHasWhatIsDrawn() throws IOException {
        for (var picture : DrawnExamples.draw().entrySet()) {
            Path file = EXAMPLES.resolve(picture.getKey());

            assertThat(meanDifference(ImageIO.read(file.toFile()), picture.getValue()))
                    .as("%s; 'benchmarks/run draw-examples examples' draws it again", file)
                    .isLessThan(MOST_DIFFERENCE);
            assertThat(Files.size(file)).isLessThan(500_000);
        }
    }

    @Test
    void theListNamesPicturesOfTheFolder() throws IOException {
        List<String> lines = Files.readAllLines(EXAMPLES.resolve("images.csv"));

        assertThat(lines.getFirst()).isEqualTo("image_path,prompt");
        assertThat(lines.subList(1, lines.size()))
                .hasSize(4)
                .allMatch(line -> Files.exists(EXAMPLES.resolve(line.substring(0, line.indexOf(',')))));
    }

    private static double meanDifference(BufferedImage one, BufferedImage other) {
        assertThat(List.of(one.getWidth(), one.getHeight())).containsExactly(other.getWidth(), other.getHeight());
        double sum = 0;
        for (int y = 0; y < one.getHeight(); y++) {
            for (int x = 0; x < one.getWidth(); x++) {
                for (int shift = 0; shift <= 16; shift += 8) {
                    sum += Math.abs(((one.getRGB(x, y) >> shift) & 0xff) - ((other.getRGB(x, y) >> shift) & 0xff));
                }
            }
        }
        return sum / (3.0 * one.getWidth() * one.getHeight());
    }
}
