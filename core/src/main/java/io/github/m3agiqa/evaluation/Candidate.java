package io.github.m3agiqa.evaluation;

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

    /** What it computed of a test set; empty if it was not tested on it. */
    List<Prediction> of(TestSet test) {
        return predictions.getOrDefault(test, List.of());
    }
}
