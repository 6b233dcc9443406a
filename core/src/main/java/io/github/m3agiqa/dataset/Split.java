package io.github.m3agiqa.dataset;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Sample.Part;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
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
    public Split {
        train = List.copyOf(train);
        validation = List.copyOf(validation);
        test = List.copyOf(test);
        Set<String> seen = new HashSet<>();
        for (List<Sample> part : List.of(train, validation, test)) {
            for (Sample sample : part) {
                if (!seen.add(sample.name())) {
                    throw new IllegalArgumentException("%s: %s is in two parts".formatted(name, sample.name()));
                }
            }
        }
        if (train.isEmpty() || test.isEmpty()) {
            throw new InputException(
                    "split %s has %d samples to train on and %d to test on".formatted(name, train.size(), test.size()));
        }
    }

    /** The authors' split, as their conversation files list the images. Images that the dataset lacks are left out. */
    public static Split ofConversations(Dataset dataset, List<Conversation> train, List<Conversation> test) {
        return new Split("authors", pick(dataset, train), List.of(), pick(dataset, test));
    }

    private static List<Sample> pick(Dataset dataset, List<Conversation> conversations) {
        Map<String, Sample> samples = dataset.byName();
        return conversations.stream()
                .map(conversation -> samples.get(conversation.imageName()))
                .filter(Objects::nonNull)
                .distinct()
                .toList();
    }

    /** The split that the dataset's own files state. */
    public static Split stated(Dataset dataset) {
        return new Split("stated", part(dataset, Part.TRAIN), part(dataset, Part.VALIDATION), part(dataset, Part.TEST));
    }

    private static List<Sample> part(Dataset dataset, Part part) {
        return dataset.samples().stream()
                .filter(sample -> sample.part() == part)
                .toList();
    }

    /**
     * Images dealt out at random.
     *
     * @param testShare the share of images to test on, between 0 and 1
     */
    public static Split random(Dataset dataset, double testShare, long seed) {
        List<Sample> shuffled = new ArrayList<>(dataset.samples());
        Collections.shuffle(shuffled, new Random(seed));
        int tests = (int) Math.round(testShare * shuffled.size());
        return new Split(
                "random, seed %d".formatted(seed),
                shuffled.subList(tests, shuffled.size()),
                List.of(),
                shuffled.subList(0, tests));
    }

    /**
     * Folds in which no group, which is to say no prompt, is both trained and tested on.
     *
     * @param folds at least 2
     */
    public static List<Split> groupFolds(Dataset dataset, int folds, long seed) {
        Map<String, List<Sample>> groups = new LinkedHashMap<>();
        dataset.samples()
                .forEach(sample -> groups.computeIfAbsent(sample.group(), _ -> new ArrayList<>())
                        .add(sample));
        List<List<Sample>> shuffled = new ArrayList<>(groups.values());
        Collections.shuffle(shuffled, new Random(seed));
        return IntStream.range(0, folds)
                .mapToObj(fold -> {
                    List<Sample> train = new ArrayList<>();
                    List<Sample> test = new ArrayList<>();
                    for (int i = 0; i < shuffled.size(); i++) {
                        (i % folds == fold ? test : train).addAll(shuffled.get(i));
                    }
                    return new Split(
                            "prompt-disjoint fold %d of %d".formatted(fold + 1, folds), train, List.of(), test);
                })
                .toList();
    }

    /** For each generator a split that tests on its images and trains on all others. */
    public static List<Split> leaveOneGeneratorOut(Dataset dataset) {
        Set<String> generators = new TreeSet<>();
        dataset.samples().forEach(sample -> {
            if (sample.generator() != null) {
                generators.add(sample.generator());
            }
        });
        return generators.stream()
                .map(generator -> {
                    List<Sample> train = new ArrayList<>();
                    List<Sample> test = new ArrayList<>();
                    dataset.samples()
                            .forEach(sample -> (generator.equals(sample.generator()) ? test : train).add(sample));
                    return new Split("without " + generator, train, List.of(), test);
                })
                .toList();
    }

    /**
     * This split with some of its training groups set apart to choose a checkpoint by, so that the test need not.
     *
     * @param share the share of training groups, between 0 and 1
     */
    public Split withValidation(double share, long seed) {
        if (!validation.isEmpty()) {
            return this;
        }
        List<String> groups = new ArrayList<>(new TreeSet<>(groups(train)));
        Collections.shuffle(groups, new Random(seed));
        Set<String> chosen = new HashSet<>(groups.subList(0, (int) Math.ceil(share * groups.size())));
        return new Split(
                name,
                train.stream()
                        .filter(sample -> !chosen.contains(sample.group()))
                        .toList(),
                train.stream().filter(sample -> chosen.contains(sample.group())).toList(),
                test);
    }

    static Set<String> groups(Collection<Sample> samples) {
        Set<String> groups = new HashSet<>();
        samples.forEach(sample -> groups.add(sample.group()));
        return groups;
    }
}
