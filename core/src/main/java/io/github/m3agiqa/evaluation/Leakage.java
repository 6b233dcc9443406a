package io.github.m3agiqa.evaluation;

import java.util.Collection;

/**
 * What the test images of a split share with the images that a model was trained on.
 *
 * @param sharedPrompts how many test prompts also occur in training or validation
 * @param testPrompts the number of test prompts
 * @param duplicates how many pairs of a training or validation image and a test image look the same
 */
public record Leakage(int sharedPrompts, int testPrompts, int duplicates) {
    /** The leakage of several splits together. */
    static Leakage sum(Collection<Leakage> splits) {
        return new Leakage(
                splits.stream().mapToInt(Leakage::sharedPrompts).sum(),
                splits.stream().mapToInt(Leakage::testPrompts).sum(),
                splits.stream().mapToInt(Leakage::duplicates).sum());
    }

    /** Whether nothing is shared. */
    boolean isNone() {
        return sharedPrompts == 0 && duplicates == 0;
    }

    /** One line for reports. */
    String line() {
        return "%d of %d test prompts also occur in training, %s"
                .formatted(
                        sharedPrompts,
                        testPrompts,
                        switch (duplicates) {
                            case 0 -> "no two images look the same";
                            case 1 -> "one pair of a training and a test image looks the same";
                            default -> "%d pairs of a training and a test image look the same".formatted(duplicates);
                        });
    }
}
