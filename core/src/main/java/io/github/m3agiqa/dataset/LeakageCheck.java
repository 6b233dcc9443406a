package io.github.m3agiqa.dataset;

import io.github.m3agiqa.image.RgbImage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * What test images share with training images.
 *
 * @param sharedPrompts the number of test prompts that also occur in training
 * @param testPrompts the number of test prompts
 * @param duplicates pairs of a training and a test image that look the same
 */
public record LeakageCheck(int sharedPrompts, int testPrompts, List<Pair> duplicates) {
    /** Pictures that differ in at most this many of 64 comparisons of neighbouring pixels look the same. */
    private static final int NEAR = 4;

    private static final int SIDE = 8;

    /**
     * Two images that look the same.
     *
     * @param distance the number of comparisons in which they differ; 0 for copies
     */
    public record Pair(String train, String test, int distance) {}

    public LeakageCheck {
        duplicates = List.copyOf(duplicates);
    }

    /**
     * Checks a split.
     *
     * @param images gives a sample's picture
     */
    public static LeakageCheck of(Split split, Function<Sample, RgbImage> images) {
        Set<String> shared = new HashSet<>(Split.groups(split.test()));
        int testPrompts = shared.size();
        shared.retainAll(Split.groups(split.train()));
        Map<Sample, Long> train = new HashMap<>();
        split.train().forEach(sample -> train.put(sample, differenceHash(images.apply(sample))));
        List<Pair> pairs = new ArrayList<>();
        for (Sample test : split.test()) {
            long hash = differenceHash(images.apply(test));
            train.forEach((sample, other) -> {
                int distance = Long.bitCount(hash ^ other);
                if (distance <= NEAR) {
                    pairs.add(new Pair(sample.name(), test.name(), distance));
                }
            });
        }
        return new LeakageCheck(shared.size(), testPrompts, pairs);
    }

    /**
     * 64 comparisons of neighbours in a picture of 9 x 8 grey pixels: a hash that survives recompression and scaling.
     * Flat pictures compare equal everywhere and are not told apart.
     */
    static long differenceHash(RgbImage image) {
        RgbImage small = image.resized(SIDE + 1, SIDE);
        long hash = 0;
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                hash = hash << 1 | (grey(small, x, y) > grey(small, x + 1, y) ? 1 : 0);
            }
        }
        return hash;
    }

    /** Rec. 601 luma in thousandths. */
    private static int grey(RgbImage image, int x, int y) {
        int at = 3 * (y * image.width() + x);
        byte[] pixels = image.pixels();
        return 299 * (pixels[at] & 0xff) + 587 * (pixels[at + 1] & 0xff) + 114 * (pixels[at + 2] & 0xff);
    }

    /** One line for reports. */
    public String summary() {
        return "%d of %d test prompts also occur in training; %d pairs of training and test images look the same"
                .formatted(sharedPrompts, testPrompts, duplicates.size());
    }
}
