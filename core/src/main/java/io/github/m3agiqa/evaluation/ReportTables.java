package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.evaluation.Comparison.Difference;
import io.github.m3agiqa.evaluation.Report.Result;
import io.github.m3agiqa.evaluation.Report.Row;
import io.github.m3agiqa.evaluation.Report.Section;
import io.github.m3agiqa.evaluation.Table.Cell;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/** The tables of a report. */
final class ReportTables {
    /** What stands where there is no figure. */
    static final String NONE = "–";

    /** What models are told apart by, as far as a line has room. */
    private static final List<Measure> COMPARED = List.of(Measure.SRCC, Measure.PLCC);

    /** The headline figures of the field. */
    private static final List<Measure> HEADLINE = List.of(Measure.SRCC, Measure.PLCC, Measure.KRCC);

    private ReportTables() {}

    /** The measures that a section has figures of; errors after a fit only where some model has no others. */
    static List<Measure> measures(Section section) {
        boolean ownScales = section.results().stream().anyMatch(result -> !result.onScale());
        return Arrays.stream(Measure.values())
                .filter(measure -> ownScales || !measure.isErrorAfterFit())
                .filter(measure -> rows(section).stream()
                        .anyMatch(row -> row.agreement().figure(measure).value() != null))
                .toList();
    }

    private static List<Row> rows(Section section) {
        return section.results().stream()
                .flatMap(result -> result.rows().stream())
                .toList();
    }

    /** A row a model, and where there are several splits a row for each of them. */
    static Table figures(Section section) {
        boolean labels = rows(section).stream().anyMatch(row -> !row.label().isEmpty());
        // a line of a terminal has no room for both errors after the fit
        List<Measure> measures = measures(section).stream()
                .filter(measure -> measure != Measure.MAE_FITTED)
                .toList();
        List<String> heads = new ArrayList<>();
        heads.add("model");
        if (labels) {
            heads.add("images of");
        }
        heads.add("n");
        for (Measure measure : measures) {
            heads.add(measure.label().replace(' ', '\n'));
            if (measure == Measure.SRCC) {
                heads.add("95 %\ninterval");
            }
        }
        List<List<Cell>> rows = new ArrayList<>();
        for (Result result : section.results()) {
            for (Row row : result.rows()) {
                List<Cell> cells = new ArrayList<>();
                cells.add(plain(result.candidate()));
                if (labels) {
                    cells.add(plain(row.label()));
                }
                cells.add(plain(String.valueOf(row.agreement().images())));
                for (Measure measure : measures) {
                    Estimate figure = row.agreement().figure(measure);
                    cells.add(new Cell(value(measure, figure), isBest(section, result, row, measure)));
                    if (measure == Measure.SRCC) {
                        cells.add(plain(figure.interval() == null ? NONE : interval(measure, figure.interval())));
                    }
                }
                rows.add(cells);
            }
        }
        return new Table(heads, labels ? 2 : 1, rows);
    }

    /**
     * Whether no other model has a better figure of the same images. A model alone is not the best, and more coverage
     * than was promised is not better.
     */
    static boolean isBest(Section section, Result result, Row row, Measure measure) {
        Double value = row.agreement().figure(measure).value();
        List<Double> rivals = section.results().stream()
                .filter(other -> !other.candidate().equals(result.candidate()))
                .flatMap(other -> other.rows().stream())
                .filter(other -> other.label().equals(row.label()))
                .map(other -> other.agreement().figure(measure).value())
                .filter(Objects::nonNull)
                .toList();
        return value != null
                && measure != Measure.COVERAGE
                && !rivals.isEmpty()
                && rivals.stream().allMatch(rival -> measure.higherIsBetter() ? value >= rival : value <= rival);
    }

    /** How the other models differ from the first; no rows if there are none. */
    static Table comparisons(Section section) {
        List<String> heads = new ArrayList<>(List.of("model", "n"));
        for (Measure measure : COMPARED) {
            heads.addAll(List.of("Δ " + measure.label(), "95 % interval", "p"));
        }
        List<List<Cell>> rows = new ArrayList<>();
        for (Result result : section.results()) {
            Comparison comparison = result.comparison();
            if (comparison != null) {
                List<Cell> cells = new ArrayList<>();
                cells.add(plain(result.candidate()));
                cells.add(plain(String.valueOf(comparison.images())));
                for (Measure measure : COMPARED) {
                    Difference difference = comparison.differences().get(measure);
                    cells.add(plain(difference == null ? NONE : signed(difference.value())));
                    cells.add(plain(
                            difference == null || difference.interval() == null
                                    ? NONE
                                    : signed(difference.interval())));
                    cells.add(plain(difference == null || difference.p() == null ? NONE : p(difference.p())));
                }
                rows.add(cells);
            }
        }
        return new Table(heads, 1, rows);
    }

    /** For each dataset and protocol with several aspects the models' headline figures side by side. */
    static Map<String, Table> overviews(Report report) {
        Map<String, List<Section>> groups = new LinkedHashMap<>();
        for (Section section : report.sections()) {
            groups.computeIfAbsent(section.dataset() + " · " + section.protocol(), _ -> new ArrayList<>())
                    .add(section);
        }
        Map<String, Table> overviews = new LinkedHashMap<>();
        groups.forEach((title, sections) -> {
            if (sections.size() > 1) {
                overviews.put(title, overview(sections));
            }
        });
        return overviews;
    }

    private static Table overview(List<Section> sections) {
        List<String> heads = new ArrayList<>(List.of("model"));
        Set<String> models = new LinkedHashSet<>();
        for (Section section : sections) {
            HEADLINE.forEach(measure -> heads.add(shortName(section.aspect()) + "\n" + measure.label()));
            section.results().forEach(result -> models.add(result.candidate()));
        }
        List<List<Cell>> rows = new ArrayList<>();
        for (String model : models) {
            List<Cell> cells = new ArrayList<>(List.of(plain(model)));
            for (Section section : sections) {
                List<Result> results = section.results().stream()
                        .filter(result -> result.candidate().equals(model))
                        .toList();
                for (Measure measure : HEADLINE) {
                    cells.add(results.isEmpty() ? plain(NONE) : headline(section, results.getFirst(), measure));
                }
            }
            rows.add(cells);
        }
        return new Table(heads, 1, rows);
    }

    private static Cell headline(Section section, Result result, Measure measure) {
        Row row = result.rows().getFirst();
        return new Cell(value(measure, row.agreement().figure(measure)), isBest(section, result, row, measure));
    }

    private static String shortName(Aspect aspect) {
        return switch (aspect) {
            case QUALITY -> "quality";
            case CORRESPONDENCE -> "corresp.";
            case AUTHENTICITY -> "authent.";
        };
    }

    /** Why figures are missing that the table has a column for: a line a model and reason. */
    static List<String> reasons(Section section) {
        List<String> reasons = new ArrayList<>();
        for (Result result : section.results()) {
            Map<String, Set<String>> measures = new LinkedHashMap<>();
            Map<String, Set<String>> labels = new LinkedHashMap<>();
            for (Measure measure : measures(section)) {
                for (Row row : result.rows()) {
                    String reason = row.agreement().figure(measure).reason();
                    if (reason != null) {
                        measures.computeIfAbsent(reason, _ -> new LinkedHashSet<>())
                                .add(measure.label());
                        labels.computeIfAbsent(reason, _ -> new LinkedHashSet<>())
                                .add(row.label());
                    }
                }
            }
            measures.forEach((reason, missing) -> {
                Set<String> where = labels.getOrDefault(reason, Set.of());
                reasons.add("%s%s has no %s: %s"
                        .formatted(
                                result.candidate(),
                                where.size() == result.rows().size() ? "" : " (" + String.join(", ", where) + ")",
                                String.join(", ", missing),
                                reason));
            });
        }
        return reasons;
    }

    /** The leakage of each model, a line for all that have the same; and whether nothing leaks. */
    static Map<String, Boolean> leakage(Section section) {
        Map<String, List<Result>> lines = new LinkedHashMap<>();
        section.results()
                .forEach(result -> lines.computeIfAbsent(result.leakageLine(), _ -> new ArrayList<>())
                        .add(result));
        Map<String, Boolean> leakage = new LinkedHashMap<>();
        lines.forEach((line, results) -> {
            String models = results.stream().map(Result::candidate).collect(Collectors.joining(", ", "", ": "));
            Leakage first = results.getFirst().leakage();
            leakage.put((lines.size() == 1 ? "" : models) + line, first != null && first.isNone());
        });
        return leakage;
    }

    static String value(Measure measure, Estimate figure) {
        return figure.value() == null ? NONE : number(measure, figure.value());
    }

    private static String number(Measure measure, double value) {
        return measure.isShare()
                ? String.format(Locale.ROOT, "%.1f %%", 100 * value)
                : String.format(Locale.ROOT, "%.4f", value);
    }

    static String interval(Measure measure, Interval interval) {
        String dash = interval.low() < 0 ? " to " : "–";
        return measure.isShare()
                ? String.format(Locale.ROOT, "%.0f%s%.0f %%", 100 * interval.low(), dash, 100 * interval.high())
                : String.format(Locale.ROOT, "%.3f%s%.3f", interval.low(), dash, interval.high());
    }

    static String signed(double value) {
        return String.format(Locale.ROOT, "%+.4f", value);
    }

    static String signed(Interval interval) {
        return String.format(Locale.ROOT, "%+.3f to %+.3f", interval.low(), interval.high());
    }

    static String p(double p) {
        return String.format(Locale.ROOT, "%.3f", p);
    }

    private static Cell plain(String text) {
        return new Cell(text, false);
    }
}
