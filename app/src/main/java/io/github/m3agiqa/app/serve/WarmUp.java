package io.github.m3agiqa.app.serve;

import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.image.ImageEncoder;
import io.github.m3agiqa.image.RgbImage;

/** An image that is scored before any other, so that no user waits for what happens at the first. */
final class WarmUp {
    private static final int SIDE = 512;

    private WarmUp() {}

    static ImagePrompt image() {
        byte[] pixels = new byte[3 * SIDE * SIDE];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) (i % 251);
        }
        return ImagePrompt.of("warm-up", ImageEncoder.png(new RgbImage(SIDE, SIDE, pixels)), "a pattern");
    }
}
