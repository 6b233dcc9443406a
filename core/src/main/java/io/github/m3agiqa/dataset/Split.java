package io.github.m3agiqa.dataset;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Sample.Part;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What is trained on, what chooses among checkpoints, and what is reported on. No sample is in two of them.
 *
 * @param name for reports
 * @param train what is trained on
 * @param validation what chooses a checkpoint; may be empty
 * @param test what is reported on
 */
public record Split(String name, List<Sample> train, List<Sample> validation, List<Sample> test) {
    /**
     * A split.
     *
     * @throws InputException if nothing is trained or tested on, or a sample is in two parts
     */
    public Split {
        train = List.copyOf(train);
        validation = List.copyOf(validation);
        test = List.copyOf(test);
        if (train.isEmpty() || test.isEmpty()) {
            throw new InputException("the split '%s' is empty: it has %d images to train on and %d to test on"
                    .formatted(name, train.size(), test.size()));
        }
        Map<String, String> parts = new HashMap<>();
        claim(name, "train", train, parts);
        claim(name, "validation", validation, parts);
        claim(name, "test", test, parts);
    }

    private static void claim(String split, String part, List<Sample> samples, Map<String, String> parts) {
        for (Sample sample : samples) {
            String before = parts.putIfAbsent(sample.name(), part);
            if (before != null) {
                throw new InputException(
                        "the split '%s' has %s in %s and in %s".formatted(split, sample.name(), before, part));
            }
        }
    }

    /**
     * The authors' split, as their conversation files list the images. The name says so if the dataset lacks some.
     *
     * @throws InputException if the lists share an image, or the dataset has none of one list
     */
    public static Split ofConversations(Dataset dataset, List<Conversation> train, List<Conversation> test) {
        List<Sample> trainSamples = pick(dataset, train);
        List<Sample> testSamples = pick(dataset, test);
        long listedTrain = images(train);
        long listedTest = images(test);
        boolean whole = trainSamples.size() == listedTrain && testSamples.size() == listedTest;
        String name = whole
                ? "authors"
                : String.format(
                        Locale.ROOT,
                        "authors (%d of %d training and %d of %d test images)",
                        trainSamples.size(),
                        listedTrain,
                        testSamples.size(),
                        listedTest);
        return new Split(name, trainSamples, List.of(), testSamples);
    }

    private static long images(List<Conversation> conversations) {
        return conversations.stream().map(Conversation::imageName).distinct().count();
    }

    private static List<Sample> pick(Dataset dataset, List<Conversation> conversations) {
        return conversations.stream()
                .flatMap(conversation -> dataset.sample(conversation.imageName()).stream())
                .distinct()
                .toList();
    }

    /**
     * The split that the dataset's own files state.
     *
     * @throws InputException if they state none
     */
    public static Split stated(Dataset dataset) {
        if (dataset.samples().stream().allMatch(sample -> sample.part() == null)) {
            throw new InputException("%s states no split: its data.csv needs a column 'split' with train, val and test"
                    .formatted(dataset.folder()));
        }
        return new Split(
                "stated",
                where(dataset.samples(), sample -> sample.part() == Part.TRAIN),
                where(dataset.samples(), sample -> sample.part() == Part.VALIDATION),
                where(dataset.samples(), sample -> sample.part() == Part.TEST));
    }

    /**
     * Images dealt out at random.
     *
     * @param testShare the share of images to test on, between 0 and 1
     * @throws InputException if the dataset has too few images for that share
     */
    public static Split random(Dataset dataset, double testShare, long seed) {
        checkShare(testShare);
        List<Sample> shuffled = new ArrayList<>(dataset.samples());
        Collections.shuffle(shuffled, new Random(seed));
        int tests = (int) Math.round(testShare * shuffled.size());
        return new Split(
                "random, seed " + seed,
                shuffled.subList(tests, shuffled.size()),
                List.of(),
                shuffled.subList(0, tests));
    }

    /**
     * Folds of nearly equal size in which no group, which is to say no prompt, is both trained and tested on.
     *
     * @param folds at least 2
     * @throws InputException if there are fewer groups than folds
     */
    public static List<Split> groupFolds(Dataset dataset, int folds, long seed) {
        if (folds < 2) {
            throw new IllegalArgumentException("there must be 2 folds at least, not " + folds);
        }
        List<Set<Sample>> tests;
        try {
            tests = folds(dataset.samples(), folds, seed);
        } catch (InputException e) {
            throw new InputException("%s: %s".formatted(dataset.folder(), e.getMessage()), e);
        }
        return IntStream.range(0, folds)
                .mapToObj(fold -> testingOn(
                        "prompt-disjoint fold " + (fold + 1) + " of " + folds, dataset, tests.get(fold)::contains))
                .toList();
    }

    /**
     * Deals images out, those of a prompt into one fold, so that folds are about as large as each other.
     *
     * @param folds at least 2
     * @param seed decides which
     * @throws InputException if there are fewer prompts than folds
     */
    public static List<Set<Sample>> folds(List<Sample> samples, int folds, long seed) {
        List<List<Sample>> groups = new ArrayList<>(samples.stream()
                .collect(Collectors.groupingBy(Sample::group, LinkedHashMap::new, Collectors.toList()))
                .values());
        if (groups.size() < folds) {
            throw new InputException(
                    "%d prompts are too few for %d prompt-disjoint folds".formatted(groups.size(), folds));
        }
        Collections.shuffle(groups, new Random(seed));
        List<Set<Sample>> dealt = IntStream.range(0, folds)
                .<Set<Sample>>mapToObj(_ -> new HashSet<>())
                .toList();
        for (List<Sample> group : groups) {
            // to the fold that has least
            Collections.min(dealt, Comparator.comparingInt(Set::size)).addAll(group);
        }
        return dealt;
    }

    /**
     * For each generator a split that tests on its images and trains on all others.
     *
     * @throws InputException if an image's generator is not known, or there is only one
     */
    public static List<Split> leaveOneGeneratorOut(Dataset dataset) {
        List<String> unknown = dataset.samples().stream()
                .filter(sample -> sample.generator() == null)
                .map(Sample::name)
                .toList();
        if (!unknown.isEmpty()) {
            throw new InputException(
                    "%s does not name the generator of %d images: %s; data.csv needs a column 'generator'"
                            .formatted(dataset.folder(), unknown.size(), Dataset.first(unknown)));
        }
        Set<String> generators = dataset.samples().stream()
                .map(Sample::generator)
                .filter(Objects::nonNull)
                .collect(Collectors.toCollection(TreeSet::new));
        if (generators.size() < 2) {
            throw new InputException("%s has images of %s only; there must be two generators at least"
                    .formatted(dataset.folder(), generators));
        }
        return generators.stream()
                .map(generator ->
                        testingOn("without " + generator, dataset, sample -> generator.equals(sample.generator())))
                .toList();
    }

    private static Split testingOn(String name, Dataset dataset, Predicate<Sample> test) {
        return new Split(name, where(dataset.samples(), test.negate()), List.of(), where(dataset.samples(), test));
    }

    /**
     * This split with some of its training groups set apart to choose a checkpoint by, so that the test need not. A
     * split that has a validation part stays as it is.
     *
     * @param share the share of training groups, between 0 and 1
     * @throws InputException if that leaves nothing to train on
     */
    public Split withValidation(double share, long seed) {
        checkShare(share);
        if (!validation.isEmpty()) {
            return this;
        }
        Set<String> chosen = Prompts.validateOn(train, share, seed);
        return new Split(
                name,
                where(train, sample -> !chosen.contains(sample.group())),
                where(train, sample -> chosen.contains(sample.group())),
                test);
    }

    private static List<Sample> where(List<Sample> samples, Predicate<Sample> condition) {
        return samples.stream().filter(condition).toList();
    }

    private static void checkShare(double share) {
        if (!(share > 0 && share < 1)) {
            throw new IllegalArgumentException("a share lies between 0 and 1, which %s does not".formatted(share));
        }
    }
}
