package io.github.m3agiqa.training;

import io.github.m3agiqa.image.Degradation;
import java.util.Map;

/**
 * What the predictor learns from besides images and their scores. Rankings have no human score: the better of two readings
 * shall score higher by a margin.
 *
 * @param mirrored whether every image is also learned from as a mirror shows it
 * @param spoilt for quality and authenticity, how many rankings there are, each an image spoilt in one way of
 *     {@link io.github.m3agiqa.image.Degradation}, at five strengths: the more, the worse. All images are spoilt in one
 *     way before any is in a second
 * @param ways how often a way is an image's first compared with the others, 1 by default, such as 3 for one whose order is
 *     harder to learn
 * @param margin by how many points of 5 one strength of five shall be worse than the one before
 * @param weight of the rankings' loss, which is added to that of the scores
 * @param batchSize rankings a step
 */
public record AugmentationSettings(
        boolean mirrored, int spoilt, Map<Degradation, Double> ways, double margin, double weight, int batchSize) {
    static final AugmentationSettings NONE = new AugmentationSettings(false, 0, Map.of(), 0, 0, 0);

    public AugmentationSettings {
        if (spoilt < 0 || batchSize < 0 || !(margin >= 0) || !(weight >= 0)) {
            throw new IllegalArgumentException("spoilt, margin, weight and batchSize must not be negative");
        }
        if (spoilt > 0 && batchSize == 0) {
            throw new IllegalArgumentException("batchSize is 0: no ranking would be learned from");
        }
        ways = ways == null ? Map.of() : ways;
        if (ways.values().stream().anyMatch(share -> share == null || !(share > 0))) {
            throw new IllegalArgumentException("ways must be above 0");
        }
        ways = Map.copyOf(ways);
    }
}
