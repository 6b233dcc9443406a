package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.LogisticMap;
import io.github.m3agiqa.dataset.Dataset;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * All that is to be said of some models' agreement with people.
 *
 * @param version of the program that made it
 * @param bootstrap what the intervals are from
 * @param candidates the models; in each section the others are compared with the first that has scores there
 * @param sections a section for each dataset, aspect and protocol
 */
public record Report(String version, Bootstrap bootstrap, List<Candidate> candidates, List<Section> sections) {
    /**
     * The models under one protocol.
     *
     * @param dataset the dataset's name
     * @param aspect what was scored
     * @param protocol the way of testing
     * @param results each model's, in the order of the report
     * @param unscored how many scores are missing, over all models
     * @param notes what else a reader must know
     */
    public record Section(
            String dataset, Aspect aspect, String protocol, List<Result> results, int unscored, List<String> notes) {
        public Section {
            results = List.copyOf(results);
            notes = List.copyOf(notes);
        }
    }

    /**
     * A model under one protocol.
     *
     * @param candidate the model's name
     * @param onScale whether its scores are opinions on the scale of 0 to 5
     * @param rows the figures: those of the one split, or the mean over splits, all images pooled, and each split's
     * @param predictions all of them
     * @param map the logistic map fitted to all of them
     * @param leakage what test and training share, null if that is not known
     * @param comparison with the first model that has scores here, null for that one
     */
    public record Result(
            String candidate,
            boolean onScale,
            List<Row> rows,
            List<Prediction> predictions,
            LogisticMap map,
            @Nullable Leakage leakage,
            @Nullable Comparison comparison) {
        public Result {
            rows = List.copyOf(rows);
            predictions = List.copyOf(predictions);
        }

        /** What test and training share, in a line. */
        public String leakageLine() {
            return leakage == null
                    ? "not known, as no check of training and test images came with these scores"
                    : leakage.line();
        }

        /** The figures that stand for the protocol. */
        Agreement agreement() {
            return rows.getFirst().agreement();
        }

        /** The figures of all images pooled. */
        Agreement pooled() {
            return rows.get(Math.min(1, rows.size() - 1)).agreement();
        }
    }

    /**
     * Some figures.
     *
     * @param label of which images; empty where that goes without saying
     */
    public record Row(String label, Agreement agreement) {}

    public Report {
        candidates = List.copyOf(candidates);
        sections = List.copyOf(sections);
    }

    /**
     * Measures and compares.
     *
     * @param measured at least one; those of one name are put together, as they are the folds of a cross-validation
     * @param aspects what to report on
     * @throws InputException if two of one name were tested on the same, or if there is nothing to report on
     */
    public static Report of(String version, List<Candidate> measured, Set<Aspect> aspects, Bootstrap bootstrap) {
        List<Candidate> candidates = Candidate.joined(measured);
        Set<TestSet> tests = candidates.stream()
                .flatMap(candidate -> candidate.tests().stream())
                .filter(test -> aspects.contains(test.aspect()))
                .collect(Collectors.toCollection(LinkedHashSet::new));
        List<Section> sections = new ArrayList<>();
        for (String dataset : tests.stream().map(TestSet::dataset).distinct().toList()) {
            for (Aspect aspect : Aspect.values()) {
                List<String> splits = tests.stream()
                        .filter(test -> test.dataset().equals(dataset) && test.aspect() == aspect)
                        .map(TestSet::split)
                        .toList();
                for (Protocol protocol : Protocol.of(splits)) {
                    sections.add(section(dataset, aspect, protocol, candidates, bootstrap));
                }
            }
        }
        if (sections.isEmpty()) {
            throw new InputException("no model has a score of %s"
                    .formatted(aspects.stream().map(Aspect::id).sorted().collect(Collectors.joining(" or "))));
        }
        return new Report(version, bootstrap, candidates, sections);
    }

    private static Section section(
            String dataset, Aspect aspect, Protocol protocol, List<Candidate> candidates, Bootstrap bootstrap) {
        List<TestSet> tests = protocol.splits().keySet().stream()
                .map(split -> new TestSet(dataset, aspect, split))
                .toList();
        List<Result> results = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        int allUnscored = 0;
        @Nullable Candidate first = null;
        for (Candidate candidate : candidates) {
            int unscored = tests.stream()
                    .mapToInt(test -> candidate.unscored().getOrDefault(test, 0))
                    .sum();
            allUnscored += unscored;
            if (unscored > 0) {
                notes.add("%s has no score of %d images, which do not count in its figures"
                        .formatted(candidate.name(), unscored));
            }
            if (tests.stream().allMatch(test -> candidate.of(test).isEmpty())) {
                continue;
            }
            Comparison comparison = first == null ? null : compare(first, candidate, tests, bootstrap);
            results.add(result(candidate, protocol, tests, comparison, bootstrap));
            first = first == null ? candidate : first;
        }
        return new Section(dataset, aspect, protocol.name(), results, allUnscored, notes);
    }

    private static Comparison compare(Candidate first, Candidate second, List<TestSet> tests, Bootstrap bootstrap) {
        return Comparison.of(
                tests.stream().map(first::of).toList(),
                tests.stream().map(second::of).toList(),
                first.onScale() && second.onScale(),
                bootstrap);
    }

    private static Result result(
            Candidate candidate,
            Protocol protocol,
            List<TestSet> tests,
            @Nullable Comparison comparison,
            Bootstrap bootstrap) {
        List<TestSet> tested =
                tests.stream().filter(test -> !candidate.of(test).isEmpty()).toList();
        List<List<Prediction>> splits = tested.stream().map(candidate::of).toList();
        List<Prediction> all = splits.stream().flatMap(List::stream).toList();
        List<Row> rows = new ArrayList<>();
        Agreement pooled = Agreement.of(all, candidate.onScale(), bootstrap);
        if (protocol.splits().size() == 1) {
            rows.add(new Row(protocol.splits().values().iterator().next(), pooled));
        } else {
            rows.add(new Row("mean of " + tested.size(), Agreement.mean(splits, candidate.onScale(), bootstrap)));
            rows.add(new Row("pooled", pooled));
            for (TestSet test : tested) {
                rows.add(new Row(
                        protocol.splits().getOrDefault(test.split(), test.split()),
                        Agreement.of(candidate.of(test), candidate.onScale(), bootstrap)));
            }
        }
        return new Result(
                candidate.name(),
                candidate.onScale(),
                rows,
                all,
                new Columns(all, candidate.onScale()).map(),
                leakage(candidate, tested),
                comparison);
    }

    private static @Nullable Leakage leakage(Candidate candidate, List<TestSet> tests) {
        List<Leakage> known = tests.stream()
                .map(test -> candidate.leakage().get(test))
                .filter(Objects::nonNull)
                .toList();
        return known.size() < tests.size() ? null : Leakage.sum(known);
    }

    /** How many scores are missing, over all models and sections. */
    public int unscored() {
        return sections.stream().mapToInt(Section::unscored).sum();
    }

    /** Aligned tables for a terminal of 100 columns. */
    public String text() {
        return ReportText.terminal(this);
    }

    /** The same tables as Markdown, the best figure of each column in bold. */
    public String markdown() {
        return ReportText.markdown(this);
    }

    /** All figures as JSON. */
    public String json() {
        return ReportJson.of(this);
    }

    /**
     * One HTML page that holds everything it needs.
     *
     * @param datasets by their names, for the pictures; a dataset may be missing
     */
    public String html(Map<String, Dataset> datasets) {
        return ReportHtml.of(this, datasets);
    }
}
