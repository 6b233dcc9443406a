package io.github.m3agiqa.scoring;

import io.github.m3agiqa.ImageException;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.M3AgiqaException;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import java.io.IOException;
import java.util.Objects;

/**
 * Reads and decodes what a model is to look at.
 *
 * @param alpha what becomes of transparency
 */
record PictureReader(ImageDecoder decoder, AlphaMode alpha) {
    /**
     * The picture of an input.
     *
     * @throws ImageException if it cannot be read or decoded
     */
    RgbImage read(ImagePrompt input) {
        return decoder.decode(input.image(), bytes(input), alpha);
    }

    private byte[] bytes(ImagePrompt input) {
        try {
            return Objects.requireNonNull(input.content().read(decoder.limits().maxBytes()), "no bytes");
        } catch (M3AgiqaException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            throw ImageException.unreadable(input.image(), e);
        }
    }
}
