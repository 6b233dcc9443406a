package io.github.m3agiqa.image;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.testing.DrawnImages;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class RandomViewTest {
    private static RgbImage image() throws IOException {
        return new ImageDecoder(ImageDecoder.Limits.DEFAULT)
                .decode("a", DrawnImages.encode(DrawnImages.landscape(60, 41, 1), "png"), AlphaMode.WHITE);
    }

    @Test
    void hasTheImagesSizeAndFollowsFromTheSeed() throws IOException {
        Set<Integer> different = new HashSet<>();
        for (long seed = 0; seed < 50; seed++) {
            RgbImage view = RandomView.of(image(), seed);

            assertThat(view.width()).isEqualTo(60);
            assertThat(view.height()).isEqualTo(41);
            assertThat(view.pixels()).isEqualTo(RandomView.of(image(), seed).pixels());
            different.add(Arrays.hashCode(view.pixels()));
        }
        assertThat(different).hasSize(50);
    }

    @Test
    void takesTheSmallestImage() {
        RgbImage pixel = new RgbImage(1, 1, new byte[] {10, 20, 30});
        for (long seed = 0; seed < 20; seed++) {
            assertThat(RandomView.of(pixel, seed).width()).isEqualTo(1);
        }
    }
}
