package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.evaluation.Chart.Bar;
import io.github.m3agiqa.evaluation.Chart.Dot;
import io.github.m3agiqa.evaluation.Comparison.Difference;
import io.github.m3agiqa.evaluation.Report.Result;
import io.github.m3agiqa.evaluation.Report.Row;
import io.github.m3agiqa.evaluation.Report.Section;
import io.github.m3agiqa.evaluation.Thumbnails.Thumbnail;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A report as one HTML page that asks nothing of the network. */
final class ReportHtml {
    /** The mean over splits, and all images pooled. */
    private static final int HEADLINE_ROWS = 2;

    private static final int GALLERY = 12;
    private static final double RESIDUAL_BIN = 0.25;

    private static final List<Measure> TILES = List.of(
            Measure.SRCC,
            Measure.PLCC,
            Measure.PLCC_FITTED,
            Measure.KRCC,
            Measure.RMSE,
            Measure.RMSE_FITTED,
            Measure.RATING_ACCURACY,
            Measure.SRCC_WITHIN_GENERATORS,
            Measure.COVERAGE);

    private final Report report;
    private final Map<String, Thumbnails> thumbnails = new HashMap<>();
    private final Markup page = new Markup();

    private ReportHtml(Report report, Map<String, Dataset> datasets) {
        this.report = report;
        for (Section section : report.sections()) {
            thumbnails.put(section.dataset(), new Thumbnails(datasets.get(section.dataset())));
        }
    }

    static String of(Report report, Map<String, Dataset> datasets) {
        return new ReportHtml(report, datasets).write();
    }

    private String write() {
        String title = "Agreement with people: "
                + report.candidates().stream().map(Candidate::name).collect(Collectors.joining(", "));
        page.beginPage(title);
        header();
        page.open("main");
        models();
        overviews();
        for (int i = 0; i < report.sections().size(); i++) {
            section(report.sections().get(i), i);
        }
        legend();
        page.close();
        page.open("footer")
                .text("m3agiqa %s · %d bootstrap draws of whole prompts, seed %d · made by m3agiqa evaluate"
                        .formatted(
                                report.version(),
                                report.bootstrap().draws(),
                                report.bootstrap().seed()))
                .close();
        page.close().close();
        return page.toString();
    }

    private void header() {
        page.open("header").open("div", "class", "wide");
        page.element("p", "M3-AGIQA evaluation", "class", "over");
        page.element("h1", "Agreement with people");
        page.element(
                "p",
                "%s on %s"
                        .formatted(
                                report.candidates().stream()
                                        .map(Candidate::name)
                                        .collect(Collectors.joining(", ")),
                                report.sections().stream()
                                        .map(Section::dataset)
                                        .distinct()
                                        .collect(Collectors.joining(", "))),
                "class",
                "lead");
        page.open("nav", "aria-label", "Sections");
        for (int i = 0; i < report.sections().size(); i++) {
            Section section = report.sections().get(i);
            page.element("a", title(section) + " · " + section.protocol(), "href", "#section-" + i);
        }
        page.close().close().close();
    }

    /** What is known of the models; variants of one run share it. */
    private void models() {
        Map<Map<String, String>, List<String>> names = new LinkedHashMap<>();
        for (Candidate candidate : report.candidates()) {
            names.computeIfAbsent(candidate.facts(), _ -> new ArrayList<>()).add(candidate.name());
        }
        page.open("section", "class", "models", "aria-label", "Models");
        names.forEach((facts, sharing) -> {
            page.open("article", "class", "card model");
            page.element("h2", String.join(", ", sharing));
            page.open("dl", "class", "facts");
            facts.forEach((name, value) ->
                    page.open("div").element("dt", name).element("dd", value).close());
            page.close().close();
        });
        page.close();
    }

    private void overviews() {
        ReportTables.overviews(report).forEach((title, table) -> {
            page.open("section", "class", "card");
            page.element("p", title, "class", "over");
            page.element("h2", "All aspects");
            table.html(page, "All aspects");
            page.close();
        });
    }

    private void section(Section section, int number) {
        page.open("section", "class", "protocol", "id", "section-" + number);
        page.element("p", section.dataset() + " · " + section.protocol(), "class", "over");
        page.element("h2", title(section));
        leakage(section);
        section.notes().forEach(note -> page.element("p", note + ".", "class", "note warn"));
        if (section.results().size() == 1) {
            tiles(section.results().getFirst());
        } else if (!section.results().isEmpty()) {
            forest(section);
        }
        if (!section.results().isEmpty()) {
            figures(section);
        }
        comparisons(section);
        for (int i = 0; i < section.results().size(); i++) {
            page.open("details", "open", i == 0 ? "open" : "");
            page.element("summary", section.results().get(i).candidate());
            result(section, section.results().get(i));
            page.close();
        }
        page.close();
    }

    private static String title(Section section) {
        String id = section.aspect().id();
        return id.substring(0, 1).toUpperCase(Locale.ROOT) + id.substring(1);
    }

    private void leakage(Section section) {
        ReportTables.leakage(section)
                .forEach((line, none) -> page.open("p", "class", none ? "note good" : "note warn")
                        .element("strong", "Leakage ")
                        .text(line + ".")
                        .close());
    }

    /** The figures of the only model, large. */
    private void tiles(Result result) {
        page.open("div", "class", "tiles");
        for (Measure measure : TILES) {
            Estimate figure = result.agreement().figure(measure);
            if (figure.value() == null || (measure.isErrorAfterFit() && result.onScale())) {
                continue;
            }
            page.open("div", "class", "card tile", "title", measure.meaning());
            page.element("p", measure.label(), "class", "over");
            page.element("p", ReportTables.value(measure, figure), "class", "big");
            page.element(
                    "p",
                    figure.interval() == null ? "no interval" : ReportTables.interval(measure, figure.interval()),
                    "class",
                    "small");
            page.close();
        }
        page.close();
    }

    /** The models' rank correlations and their intervals, one under the other. */
    private void forest(Section section) {
        List<Bar> bars = new ArrayList<>();
        for (Result result : section.results()) {
            bars.add(new Bar(result.candidate(), "", result.agreement().figure(Measure.SRCC), 0));
        }
        page.open("figure", "class", "card chart-card");
        Chart.points(page, "Rank correlation of each model with its 95 % interval", bars, "SRCC, with 95 % interval");
        page.close();
    }

    /** The figures that stand for the protocol, each with its interval, and those of each split. */
    private void figures(Section section) {
        boolean labels = section.results().stream()
                .flatMap(result -> result.rows().stream())
                .anyMatch(row -> !row.label().isEmpty());
        page.scrolling("card scroll", "Figures");
        figures(section, labels, 0, HEADLINE_ROWS);
        ReportTables.reasons(section).forEach(reason -> page.element("p", reason + ".", "class", "small"));
        page.close();
        if (section.results().stream().anyMatch(result -> result.rows().size() > HEADLINE_ROWS)) {
            page.open("details").element("summary", "Each split");
            page.scrolling("card scroll", "Figures of each split");
            figures(section, labels, HEADLINE_ROWS, Integer.MAX_VALUE);
            page.close().close();
        }
    }

    private void figures(Section section, boolean labels, int from, int to) {
        List<Measure> measures = ReportTables.measures(section);
        page.open("table").open("thead").open("tr");
        page.columnHead("model", true);
        if (labels) {
            page.columnHead("images of", true);
        }
        page.columnHead("images", false);
        for (Measure measure : measures) {
            page.element("th", measure.label(), "scope", "col", "title", measure.meaning());
        }
        page.close().close().open("tbody");
        for (Result result : section.results()) {
            List<Row> rows = result.rows();
            for (Row row : rows.subList(Math.min(from, rows.size()), Math.min(to, rows.size()))) {
                page.open("tr").element("th", result.candidate(), "scope", "row");
                if (labels) {
                    page.element("td", row.label(), "class", "name");
                }
                page.element("td", String.valueOf(row.agreement().images()));
                for (Measure measure : measures) {
                    figure(
                            measure,
                            row.agreement().figure(measure),
                            ReportTables.isBest(section, result, row, measure));
                }
                page.close();
            }
        }
        page.close().close();
    }

    private void figure(Measure measure, Estimate figure, boolean best) {
        page.open("td", "class", best ? "best" : "", "title", figure.reason() == null ? "" : figure.reason());
        page.element(best ? "strong" : "span", ReportTables.value(measure, figure));
        if (figure.interval() != null) {
            page.element("small", ReportTables.interval(measure, figure.interval()));
        }
        page.close();
    }

    private void comparisons(Section section) {
        List<Result> others = section.results().stream()
                .filter(result -> result.comparison() != null)
                .toList();
        if (others.isEmpty()) {
            return;
        }
        List<Measure> measures = ReportTables.measures(section).stream()
                .filter(measure -> measure != Measure.COVERAGE)
                .filter(measure -> others.stream()
                        .map(Result::comparison)
                        .anyMatch(comparison ->
                                comparison != null && comparison.differences().containsKey(measure)))
                .toList();
        page.scrolling("card scroll", "Differences");
        page.element(
                "h3",
                "Difference from %s, on the same images"
                        .formatted(section.results().getFirst().candidate()));
        page.open("table").open("thead").open("tr");
        page.columnHead("model", true);
        page.columnHead("images", false);
        measures.forEach(
                measure -> page.element("th", "Δ " + measure.label(), "scope", "col", "title", measure.meaning()));
        page.close().close().open("tbody");
        for (Result result : others) {
            Comparison comparison = result.comparison();
            if (comparison == null) {
                continue;
            }
            page.open("tr").element("th", result.candidate(), "scope", "row");
            page.element("td", String.valueOf(comparison.images()));
            for (Measure measure : measures) {
                difference(measure, comparison.differences().get(measure));
            }
            page.close();
        }
        page.close().close().close();
    }

    private void difference(Measure measure, @Nullable Difference difference) {
        if (difference == null) {
            page.element("td", ReportTables.NONE);
            return;
        }
        Double p = difference.p();
        boolean significant = p != null && p < 1 - Bootstrap.LEVEL;
        String colour = !significant ? "" : difference.value() > 0 == measure.higherIsBetter() ? "better" : "worse";
        page.open("td", "class", colour).element("span", ReportTables.signed(difference.value()));
        if (difference.interval() != null && p != null) {
            page.element("small", ReportTables.signed(difference.interval()));
            page.element("small", "p = " + ReportTables.p(p));
        }
        page.close();
    }

    /** One model's drawings and images. */
    private void result(Section section, Result result) {
        Map<String, Integer> colours = colours(result.predictions());
        page.open("div", "class", "charts");
        scatter(section, result, colours);
        residuals(section, result);
        generators(section, result, colours);
        page.close();
        gallery(section, result);
    }

    /** A number for each generator, by name. */
    private static Map<String, Integer> colours(List<Prediction> predictions) {
        Set<String> generators = new LinkedHashSet<>();
        predictions.stream().map(ReportHtml::generator).sorted().forEach(generators::add);
        Map<String, Integer> colours = new TreeMap<>();
        generators.forEach(generator -> colours.put(generator, Chart.colour(colours.size())));
        return colours;
    }

    private static String generator(Prediction prediction) {
        return prediction.generator() == null ? "images" : prediction.generator();
    }

    private void scatter(Section section, Result result, Map<String, Integer> colours) {
        page.open("figure", "class", "card chart-card main-chart");
        page.element("h3", "Computed and human scores");
        List<Dot> dots = result.predictions().stream()
                .map(prediction -> new Dot(
                        prediction.predicted(),
                        prediction.mos(),
                        colours.getOrDefault(generator(prediction), 0),
                        String.format(
                                Locale.ROOT,
                                "%s: computed %.2f, people %.2f",
                                prediction.image(),
                                prediction.predicted(),
                                prediction.mos())))
                .toList();
        Chart.scatter(
                page,
                "Scatter plot of %d images: computed against human %s scores, with the fitted logistic curve"
                        .formatted(dots.size(), section.aspect().id()),
                dots,
                result.map()::of,
                result.onScale(),
                "computed by " + result.candidate());
        page.open("figcaption").open("ul", "class", "legend");
        Map<String, Long> counts = result.predictions().stream()
                .collect(Collectors.groupingBy(ReportHtml::generator, TreeMap::new, Collectors.counting()));
        counts.forEach((generator, count) -> page.open("li")
                .element("span", "", "class", "key c" + colours.getOrDefault(generator, 0))
                .text("%s %d".formatted(generator, count))
                .close());
        page.open("li")
                .element("span", "", "class", "key curve-key")
                .text("logistic fit")
                .close();
        if (result.onScale()) {
            page.open("li")
                    .element("span", "", "class", "key ideal-key")
                    .text("perfect agreement")
                    .close();
        }
        page.close().close().close();
    }

    private static double[] residuals(Result result) {
        return result.predictions().stream()
                .mapToDouble(prediction -> residual(result, prediction))
                .toArray();
    }

    /** The error of a score, after the fit where scores have a scale of their own. */
    private static double residual(Result result, Prediction prediction) {
        double opinion =
                result.onScale() ? prediction.predicted() : result.map().of(prediction.predicted());
        return opinion - prediction.mos();
    }

    private void residuals(Section section, Result result) {
        double[] residuals = residuals(result);
        double mean = Arrays.stream(residuals).average().orElse(0);
        long tooHigh = Arrays.stream(residuals).filter(value -> value > 0).count();
        page.open("figure", "class", "card chart-card");
        page.element("h3", result.onScale() ? "Errors" : "Errors after the logistic fit");
        Chart.residuals(
                page,
                "Histogram of the errors of %d %s scores"
                        .formatted(residuals.length, section.aspect().id()),
                residuals,
                RESIDUAL_BIN);
        page.element(
                "figcaption",
                String.format(
                        Locale.ROOT,
                        "On average %.2f too %s; %d of %d images are scored too high.",
                        Math.abs(mean),
                        mean < 0 ? "low" : "high",
                        tooHigh,
                        residuals.length));
        page.close();
    }

    private void generators(Section section, Result result, Map<String, Integer> colours) {
        List<Bar> bars = new ArrayList<>();
        result.pooled()
                .byGenerator()
                .forEach((generator, of) -> bars.add(
                        new Bar(generator, of.images() + " images", of.srcc(), colours.getOrDefault(generator, 0))));
        if (bars.isEmpty()) {
            return;
        }
        page.open("figure", "class", "card chart-card");
        page.element("h3", "Within each generator");
        Chart.bars(
                page,
                "Rank correlation of %s scores within each generator, with 95 %% intervals"
                        .formatted(section.aspect().id()),
                bars,
                "SRCC, with 95 % interval");
        Estimate within = result.pooled().figure(Measure.SRCC_WITHIN_GENERATORS);
        Estimate all = result.pooled().figure(Measure.SRCC);
        page.element(
                "figcaption",
                "Mean within generators %s, all images %s: the difference is telling generators apart."
                        .formatted(
                                ReportTables.value(Measure.SRCC_WITHIN_GENERATORS, within),
                                ReportTables.value(Measure.SRCC, all)));
        page.close();
    }

    private void gallery(Section section, Result result) {
        List<Prediction> byError = result.predictions().stream()
                .sorted(Comparator.comparingDouble(prediction -> Math.abs(residual(result, prediction))))
                .toList();
        int count = Math.min(GALLERY, byError.size() / 2);
        if (count > 0) {
            images(section, "Furthest from people", byError.reversed().subList(0, count));
            images(section, "Closest to people", byError.subList(0, count));
        }
    }

    private void images(Section section, String title, List<Prediction> predictions) {
        page.element("h3", title);
        page.open("ul", "class", "gallery");
        Thumbnails images = thumbnails.getOrDefault(section.dataset(), new Thumbnails(null));
        for (Prediction prediction : predictions) {
            String prompt = prediction.prompt();
            page.open("li", "class", "card");
            Thumbnail thumbnail = images.of(prediction.image());
            if (thumbnail.dataUri() == null) {
                page.element("p", "no picture: " + thumbnail.whyNot(), "class", "no-picture");
            } else {
                page.empty(
                        "img",
                        "src",
                        thumbnail.dataUri(),
                        "alt",
                        prompt == null ? prediction.image() : prompt,
                        "loading",
                        "lazy");
            }
            page.open("p", "class", "scores")
                    .element("span", String.format(Locale.ROOT, "%.2f", prediction.predicted()), "title", "computed")
                    .element("span", String.format(Locale.ROOT, "people %.2f", prediction.mos()))
                    .close();
            page.element(
                    "p", prompt == null ? prediction.image() : prompt, "class", "prompt", "title", prediction.image());
            page.close();
        }
        page.close();
    }

    private void legend() {
        Set<Measure> measures = new LinkedHashSet<>();
        report.sections().forEach(section -> measures.addAll(ReportTables.measures(section)));
        page.open("section", "class", "card");
        page.element("h2", "How to read this");
        page.open("dl", "class", "meanings");
        for (Measure measure : Measure.values()) {
            if (measures.contains(measure)) {
                page.open("div")
                        .element("dt", measure.label())
                        .element("dd", measure.meaning())
                        .close();
            }
        }
        page.close();
        page.element(
                "p",
                "Small ranges are 95 % confidence intervals. They come from drawing whole prompts again, as images of"
                        + " one prompt are alike. p is that of one comparison alone: among many some are small by"
                        + " chance. A dash means that a figure could not be computed; the reason is under the table.");
        page.close();
    }
}
