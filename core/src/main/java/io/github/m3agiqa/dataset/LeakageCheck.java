package io.github.m3agiqa.dataset;

import io.github.m3agiqa.image.RgbImage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What test images share with the images that a model was trained on or chosen by.
 *
 * @param sharedPrompts the number of test prompts that also occur in training or validation; prompts that differ in case
 *     or white space only are one prompt, and where there is no prompt the sample's group counts
 * @param testPrompts the number of test prompts
 * @param duplicates pairs of a training or validation image and a test image that are the same or look the same
 */
public record LeakageCheck(int sharedPrompts, int testPrompts, List<Pair> duplicates) {
    /**
     * Two images that are the same or look the same.
     *
     * @param train the name of the training or validation image
     * @param test the name of the test image
     * @param samePixels whether every pixel is equal, as in copies of one file
     * @param distance the number of comparisons, of 64, in which their difference hashes disagree
     */
    public record Pair(String train, String test, boolean samePixels, int distance) {}

    public LeakageCheck {
        duplicates = List.copyOf(duplicates);
    }

    /**
     * Checks a split.
     *
     * @param images gives a sample's picture; asked once for each sample
     */
    public static LeakageCheck of(Split split, Function<Sample, RgbImage> images) {
        Map<String, Fingerprint> fingerprints = new HashMap<>();
        Stream.of(split.train(), split.validation(), split.test())
                .flatMap(List::stream)
                .forEach(sample -> fingerprints.put(sample.name(), Fingerprint.of(images.apply(sample))));
        return of(split, fingerprints);
    }

    /**
     * Checks a split of images that are known from another one.
     *
     * @param fingerprints for each sample of the split that of its image, by the sample's name
     */
    public static LeakageCheck of(Split split, Map<String, Fingerprint> fingerprints) {
        List<Sample> seen = Stream.concat(split.train().stream(), split.validation().stream())
                .toList();
        Set<String> seenPrompts = prompts(seen);
        Set<String> testPrompts = prompts(split.test());
        List<Pair> duplicates = new ArrayList<>();
        for (Sample test : split.test()) {
            Fingerprint tested = fingerprint(test, fingerprints);
            for (Sample train : seen) {
                Fingerprint trained = fingerprint(train, fingerprints);
                boolean same = trained.sameAs(tested);
                if (same || trained.looksLike(tested)) {
                    duplicates.add(new Pair(train.name(), test.name(), same, trained.distance(tested)));
                }
            }
        }
        return new LeakageCheck(
                (int) testPrompts.stream().filter(seenPrompts::contains).count(), testPrompts.size(), duplicates);
    }

    private static Fingerprint fingerprint(Sample sample, Map<String, Fingerprint> fingerprints) {
        Fingerprint fingerprint = fingerprints.get(sample.name());
        if (fingerprint == null) {
            throw new IllegalArgumentException("there is no fingerprint of " + sample.name());
        }
        return fingerprint;
    }

    private static Set<String> prompts(List<Sample> samples) {
        return samples.stream()
                .map(sample -> sample.prompt() == null ? sample.group() : Sample.groupOf(sample.prompt()))
                .collect(Collectors.toSet());
    }

    /** The pairs whose pixels are all equal. */
    public List<Pair> copies() {
        return duplicates.stream().filter(Pair::samePixels).toList();
    }

    /** The pairs that look the same and are no copies. */
    public List<Pair> nearDuplicates() {
        return duplicates.stream().filter(pair -> !pair.samePixels).toList();
    }

    /** One line for reports. */
    public String summary() {
        return "%d of %d test prompts also occur in training; %d pairs of training and test images are the same, %d more look the same"
                .formatted(
                        sharedPrompts,
                        testPrompts,
                        copies().size(),
                        nearDuplicates().size());
    }
}
