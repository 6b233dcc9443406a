package io.github.m3agiqa.dataset;

import java.util.Collection;
import java.util.Comparator;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/**
 * Sets whole prompts apart, or single images of them, by a hash of each, so that all stages of a training choose alike
 * though their lists of images differ.
 */
public final class Prompts {
    private static final long CALIBRATION = 0x5ca1ab1e;

    private Prompts() {}

    /**
     * Whether prediction intervals are made of an image, so that no stage of a training looks at its scores. The prompt
     * alone decides: with the same share every stage chooses the same.
     *
     * @param share the share of prompts that are chosen, from 0 to 1
     */
    public static boolean calibrateOn(Sample sample, double share) {
        return place(sample.group(), CALIBRATION) < share;
    }

    /**
     * Whether prediction intervals are made of an image whatever its prompt is, of which other images may be learned from.
     *
     * @param share the share of images that are chosen, from 0 to 1
     */
    public static boolean calibrateOnImage(Sample sample, double share) {
        return place(sample.name(), CALIBRATION) < share;
    }

    /**
     * The groups of those images that choose a checkpoint: those with the lowest hashes. Stages with the same share and
     * seed choose nearly the same, as far as their images have the same prompts; a smaller share is part of a larger one.
     *
     * @param share the share of groups, from 0 to 1; one group at least if it is above 0
     * @param seed decides which ones
     */
    public static Set<String> validateOn(Collection<Sample> samples, double share, long seed) {
        Set<String> groups = samples.stream().map(Sample::group).collect(Collectors.toSet());
        return groups.stream()
                .sorted(Comparator.comparingDouble((String group) -> place(group, seed))
                        .thenComparing(Comparator.naturalOrder()))
                .limit((long) Math.ceil(share * groups.size()))
                .collect(Collectors.toSet());
    }

    /** A number from 0 to below 1. */
    private static double place(String name, long seed) {
        return new SplittableRandom(31 * seed + name.hashCode()).nextDouble();
    }
}
