package io.github.m3agiqa.training;

import io.github.m3agiqa.image.Degradation;
import io.github.m3agiqa.image.RgbImage;

/** What is done to a picture before the predictor reads it, so that more is learned from one picture. */
sealed interface Alteration {
    /** The picture as it is. */
    record None() implements Alteration {
        @Override
        public RgbImage of(RgbImage image) {
            return image;
        }
    }

    /** As a mirror shows it; people would score it alike. */
    record Mirrored() implements Alteration {
        @Override
        public RgbImage of(RgbImage image) {
            return image.mirrored();
        }
    }

    /** Spoilt; people would score it lower. */
    record Spoilt(Degradation kind, double strength, long seed) implements Alteration {
        @Override
        public RgbImage of(RgbImage image) {
            return kind.apply(image, strength, seed);
        }
    }

    Alteration NONE = new None();

    /** The altered picture, as large as it was. */
    RgbImage of(RgbImage image);
}
