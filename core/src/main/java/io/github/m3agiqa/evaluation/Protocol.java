package io.github.m3agiqa.evaluation;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A way of testing: one split, the folds of a cross-validation, or one split a generator that is left out.
 *
 * @param name for reports
 * @param splits the names of its splits, each with the label of its rows
 */
record Protocol(String name, Map<String, String> splits) {
    private static final Pattern FOLD = Pattern.compile("(.+) (fold \\d+) of (\\d+)");
    private static final String WITHOUT = "without ";

    /** Splits put together by the names that {@link io.github.m3agiqa.dataset.Split} gives them. */
    static List<Protocol> of(Collection<String> splits) {
        Map<String, Map<String, String>> protocols = new LinkedHashMap<>();
        for (String split : splits) {
            Matcher fold = FOLD.matcher(split);
            String name = split;
            String label = "";
            if (fold.matches()) {
                name = "%s, %s folds".formatted(fold.group(1), fold.group(3));
                label = fold.group(2);
            } else if (split.startsWith(WITHOUT)) {
                name = "leave one generator out";
                label = split;
            }
            protocols.computeIfAbsent(name, _ -> new LinkedHashMap<>()).put(split, label);
        }
        List<Protocol> all = new ArrayList<>();
        protocols.forEach((name, labels) -> all.add(new Protocol(name, labels)));
        return all;
    }
}
