package io.github.m3agiqa.image;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RgbImageTest {
    /** Each pixel tells its column and row. */
    private static RgbImage image(int width, int height) {
        byte[] pixels = new byte[3 * width * height];
        for (int i = 0; i < width * height; i++) {
            pixels[3 * i] = (byte) (i % width);
            pixels[3 * i + 1] = (byte) (i / width);
            pixels[3 * i + 2] = 7;
        }
        return new RgbImage(width, height, pixels);
    }

    private static int[] columns(RgbImage image, int row) {
        int[] columns = new int[image.width()];
        for (int x = 0; x < columns.length; x++) {
            columns[x] = image.pixels()[3 * (row * columns.length + x)];
        }
        return columns;
    }

    @Test
    void aMirrorSwapsLeftAndRight() {
        RgbImage mirrored = image(4, 3).mirrored();

        assertThat(columns(mirrored, 2)).containsExactly(3, 2, 1, 0);
        assertThat(mirrored.pixels()[3 * 4 * 2 + 1]).isEqualTo((byte) 2);
        assertThat(mirrored.mirrored().pixels()).isEqualTo(image(4, 3).pixels());
    }

    @Test
    void aShiftMirrorsWhatComesIn() {
        assertThat(columns(image(5, 3).shifted(2, 0), 1)).containsExactly(1, 0, 0, 1, 2);
        assertThat(columns(image(5, 3).shifted(-2, 0), 1)).containsExactly(2, 3, 4, 4, 3);
        assertThat(image(5, 3).shifted(0, 1).pixels()[3 * 5 * 2 + 1]).isEqualTo((byte) 1);
        assertThat(image(5, 3).shifted(0, -2).pixels()[3 * 5 * 2 + 1]).isEqualTo((byte) 1);
        assertThat(image(5, 3).shifted(0, 0).pixels()).isEqualTo(image(5, 3).pixels());
    }

    @Test
    void aBorderIsLikeTheNearestPixels() {
        RgbImage framed = image(5, 3).framed(2);

        assertThat(columns(framed, 2)).containsExactly(0, 0, 0, 1, 2, 3, 4, 4, 4);
        assertThat(framed.height()).isEqualTo(7);
        assertThat(framed.crop(2, 2, 5, 3).pixels()).isEqualTo(image(5, 3).pixels());
        assertThat(framed.crop(0, 0, 9, 1).pixels())
                .isEqualTo(framed.crop(0, 2, 9, 1).pixels());
    }
}
