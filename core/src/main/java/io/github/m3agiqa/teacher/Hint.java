package io.github.m3agiqa.teacher;

import io.github.m3agiqa.InputException;
import java.nio.file.Path;

/**
 * A layer of a teacher that one of a student's layers learns to foresee at every place of an image.
 *
 * @param stemLayer which of the stem's convolutions learns it, from 0
 * @param folder the network's folder in the unpacked package
 * @param layer its layer
 * @param size how many components of the layer's channels are kept
 * @see <a href="https://arxiv.org/abs/1412.6550">FitNets: hints for thin deep nets</a>
 */
public record Hint(int stemLayer, Path folder, String layer, int size) {
    public Hint {
        if (stemLayer < 0 || size < 1) {
            throw new InputException("the hint %s has stemLayer %d and size %d; set one from 0 and one from 1"
                    .formatted(layer, stemLayer, size));
        }
    }
}
