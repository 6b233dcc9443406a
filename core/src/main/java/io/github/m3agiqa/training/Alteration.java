package io.github.m3agiqa.training;

import io.github.m3agiqa.image.Degradation;
import io.github.m3agiqa.image.RgbImage;
import java.util.List;
import java.util.SplittableRandom;

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
        private static final List<Degradation> KINDS = List.of(Degradation.values());

        /** In any way, at any strength between the mildest and the worst. */
        static Spoilt random(SplittableRandom random) {
            Degradation kind = KINDS.get(random.nextInt(KINDS.size()));
            return new Spoilt(kind, kind.strength(random.nextDouble()), random.nextLong());
        }

        @Override
        public RgbImage of(RgbImage image) {
            return kind.apply(image, strength, seed);
        }
    }

    Alteration NONE = new None();

    /** The altered picture, as large as it was. */
    RgbImage of(RgbImage image);
}
