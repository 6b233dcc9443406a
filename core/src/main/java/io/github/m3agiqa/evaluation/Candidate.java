package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.InputException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A model, or one variant of a training run, that is compared with others.
 *
 * @param name how reports call it
 * @param onScale whether its scores are opinions on the scale of 0 to 5
 * @param facts what is known of how it came about, in the order of reports
 * @param predictions what it computed, by what it was tested on
 * @param unscored how many images it has no score for, by what it was tested on; where absent, none
 * @param leakage what test and training share, by split; where absent, that is not known
 */
public record Candidate(
        String name,
        boolean onScale,
        Map<String, String> facts,
        Map<TestSet, List<Prediction>> predictions,
        Map<TestSet, Integer> unscored,
        Map<TestSet, Leakage> leakage) {
    public Candidate {
        facts = Collections.unmodifiableMap(new LinkedHashMap<>(facts));
        Map<TestSet, List<Prediction>> copies = new LinkedHashMap<>();
        predictions.forEach((test, list) -> copies.put(test, List.copyOf(list)));
        predictions = Collections.unmodifiableMap(copies);
        unscored = Collections.unmodifiableMap(new LinkedHashMap<>(unscored));
        leakage = Map.copyOf(leakage);
    }

    /** All that it was tested on, or should have been. */
    Set<TestSet> tests() {
        Set<TestSet> tests = new LinkedHashSet<>(predictions.keySet());
        tests.addAll(unscored.keySet());
        return tests;
    }

    /**
     * Puts together what was measured apart under one name, such as the folds of a cross-validation. The facts are those
     * of the first.
     *
     * @throws InputException if two of one name were tested on the same
     */
    static List<Candidate> joined(List<Candidate> candidates) {
        Map<String, Candidate> byName = new LinkedHashMap<>();
        candidates.forEach(candidate -> byName.merge(candidate.name, candidate, Candidate::with));
        return List.copyOf(byName.values());
    }

    private Candidate with(Candidate other) {
        if (onScale != other.onScale || !Collections.disjoint(tests(), other.tests())) {
            throw new InputException(
                    "two models have the same name, %s: tell them apart with NAME=FOLDER or NAME=FILE".formatted(name));
        }
        return new Candidate(
                name,
                onScale,
                facts,
                both(predictions, other.predictions),
                both(unscored, other.unscored),
                both(leakage, other.leakage));
    }

    private static <T> Map<TestSet, T> both(Map<TestSet, T> first, Map<TestSet, T> second) {
        Map<TestSet, T> both = new LinkedHashMap<>(first);
        both.putAll(second);
        return both;
    }

    /** What it computed of a test set; empty if it was not tested on it. */
    List<Prediction> of(TestSet test) {
        return predictions.getOrDefault(test, List.of());
    }
}
