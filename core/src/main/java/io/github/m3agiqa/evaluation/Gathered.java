package io.github.m3agiqa.evaluation;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a model computed, while the rows of its file are read. */
final class Gathered {
    private final Map<TestSet, List<Prediction>> predictions = new LinkedHashMap<>();
    private final Map<TestSet, Integer> unscored = new LinkedHashMap<>();

    void add(TestSet test, Prediction prediction) {
        predictions.computeIfAbsent(test, _ -> new ArrayList<>()).add(prediction);
    }

    /** Counts an image that has no score. */
    void miss(TestSet test) {
        unscored.merge(test, 1, Integer::sum);
    }

    /** Whether any image has a score. */
    boolean isEmpty() {
        return predictions.isEmpty();
    }

    Candidate candidate(String name, boolean onScale, Map<String, String> facts, Map<TestSet, Leakage> leakage) {
        return new Candidate(name, onScale, facts, predictions, unscored, leakage);
    }
}
