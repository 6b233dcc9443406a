package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.dataset.Sample;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.hipparchus.linear.Array2DRowRealMatrix;
import org.hipparchus.linear.ArrayRealVector;
import org.hipparchus.linear.CholeskyDecomposition;
import org.hipparchus.linear.RealMatrix;
import org.hipparchus.linear.RealVector;

/**
 * How well people's scores can be told from descriptions alone: ridge regression on which words a description has, in
 * five folds without a prompt in two of them. A teacher that was told the scores gives itself away by a high figure.
 */
final class TextOnlyScore {
    /** Fewer descriptions say nothing. */
    static final int FEWEST = 50;

    private static final int FOLDS = 5;
    private static final int WORDS = 500;

    /** A word in fewer descriptions is chance. */
    private static final int RARE = 3;

    private static final double RIDGE = 10;
    private static final Pattern NO_WORD = Pattern.compile("[^\\p{L}]+");

    private TextOnlyScore() {}

    /**
     * Scores each description by a regression that learned from those of other prompts.
     *
     * @param descriptions by the same order as the samples, at least {@link #FEWEST}
     * @param mos people's scores
     * @return empty if no words tell descriptions apart
     */
    static Optional<double[]> of(List<Sample> samples, List<String> descriptions, double[] mos) {
        List<Set<String>> words =
                descriptions.stream().map(TextOnlyScore::words).toList();
        double[] scores = new double[mos.length];
        boolean told = false;
        for (int fold = 0; fold < FOLDS; fold++) {
            List<Integer> train = new ArrayList<>();
            List<Integer> test = new ArrayList<>();
            for (int i = 0; i < mos.length; i++) {
                boolean held = Math.floorMod(samples.get(i).group().hashCode(), FOLDS) == fold;
                (held ? test : train).add(i);
            }
            if (!test.isEmpty() && !train.isEmpty()) {
                Map<String, Integer> columns = columns(words, train);
                told |= !columns.isEmpty();
                predict(words, columns, mos, train, test, scores);
            }
        }
        return told ? Optional.of(scores) : Optional.empty();
    }

    private static Set<String> words(String description) {
        Set<String> words = new HashSet<>(List.of(NO_WORD.split(description.toLowerCase(Locale.ROOT))));
        words.remove("");
        return words;
    }

    private static void predict(
            List<Set<String>> words,
            Map<String, Integer> columns,
            double[] mos,
            List<Integer> train,
            List<Integer> test,
            double[] scores) {
        double mean = train.stream().mapToDouble(i -> mos[i]).average().orElseThrow();
        if (columns.isEmpty()) {
            test.forEach(i -> scores[i] = mean);
            return;
        }
        RealMatrix normal = new Array2DRowRealMatrix(columns.size(), columns.size());
        RealVector target = new ArrayRealVector(columns.size());
        for (int i : train) {
            int[] present = present(words.get(i), columns);
            for (int a : present) {
                target.addToEntry(a, mos[i] - mean);
                for (int b : present) {
                    normal.addToEntry(a, b, 1);
                }
            }
        }
        for (int a = 0; a < columns.size(); a++) {
            normal.addToEntry(a, a, RIDGE);
        }
        RealVector weights = new CholeskyDecomposition(normal).getSolver().solve(target);
        for (int i : test) {
            double score = mean;
            for (int a : present(words.get(i), columns)) {
                score += weights.getEntry(a);
            }
            scores[i] = score;
        }
    }

    /** The words that most descriptions have, but not all of them. */
    private static Map<String, Integer> columns(List<Set<String>> words, List<Integer> train) {
        Map<String, Integer> counts = new HashMap<>();
        train.forEach(i -> words.get(i).forEach(word -> counts.merge(word, 1, Integer::sum)));
        Map<String, Integer> columns = new HashMap<>();
        counts.entrySet().stream()
                .filter(word -> word.getValue() >= RARE && word.getValue() < train.size())
                .sorted(Map.Entry.<String, Integer>comparingByValue(Comparator.reverseOrder())
                        .thenComparing(Map.Entry.comparingByKey()))
                .limit(WORDS)
                .forEach(word -> columns.put(word.getKey(), columns.size()));
        return columns;
    }

    private static int[] present(Set<String> words, Map<String, Integer> columns) {
        return words.stream()
                .filter(columns::containsKey)
                .mapToInt(columns::get)
                .toArray();
    }
}
