package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.evaluation.Chart.Line;
import io.github.m3agiqa.evaluation.Chart.Moment;
import io.github.m3agiqa.evaluation.Monitoring.Drift;
import io.github.m3agiqa.evaluation.Monitoring.Mean;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/** What became of the scores from day to day, as one page that asks nothing of the network. */
public final class MonitoringHtml {
    private static final int MOST_ROWS = 100;

    /**
     * An image that people should look at.
     *
     * @param image its path or name
     */
    public record Worst(String aspect, double score, String image, String prompt, String generator, String day) {}

    private final Monitoring monitoring;
    private final List<Worst> worst;
    private final String baseline;
    private final Markup page = new Markup();

    private MonitoringHtml(Monitoring monitoring, List<Worst> worst, String baseline) {
        this.monitoring = monitoring;
        this.worst = worst;
        this.baseline = baseline;
    }

    /**
     * Writes the page.
     *
     * @param worst the images with the lowest scores of each aspect, as they shall be listed
     * @param baseline which days drifts are measured against, in words
     */
    public static String of(Monitoring monitoring, List<Worst> worst, String baseline) {
        return new MonitoringHtml(monitoring, worst, baseline).write();
    }

    private String write() {
        page.beginPage("Scores from day to day");
        page.open("header").open("div", "class", "wide");
        page.element("p", "M3-AGIQA monitoring", "class", "over");
        page.element("h1", "Scores from day to day");
        page.element("p", "against the baseline " + baseline, "class", "lead");
        page.close().close();
        page.open("main");
        drifts();
        new TreeSet<>(monitoring.means().stream().map(Mean::aspect).toList()).forEach(this::aspect);
        page.close().close().close();
        return page.toString();
    }

    private void drifts() {
        List<Drift> drifted = monitoring.drifts().stream()
                .filter(Drift::drifted)
                .sorted(Comparator.comparingDouble(Drift::corrected)
                        .thenComparing(
                                Comparator.comparingDouble(Drift::distance).reversed()))
                .toList();
        page.open("section", "class", "card");
        page.element("h2", "Drift");
        page.element(
                "p",
                drifted.isEmpty()
                        ? "None of %d comparisons differs from the baseline."
                                .formatted(monitoring.drifts().size())
                        : "%d of %d comparisons differ from the baseline."
                                .formatted(drifted.size(), monitoring.drifts().size()),
                "class",
                drifted.isEmpty() ? "note good" : "note warn");
        if (!drifted.isEmpty()) {
            List<List<String>> rows = new ArrayList<>();
            drifted.stream()
                    .limit(MOST_ROWS)
                    .forEach(drift -> rows.add(List.of(
                            drift.generator(),
                            drift.day(),
                            drift.aspect(),
                            String.valueOf(drift.images()),
                            number(drift.baselineMean()),
                            number(drift.mean()),
                            number(drift.distance()),
                            String.format(Locale.ROOT, "%.2g", drift.corrected()))));
            table(
                    "Drift",
                    List.of("generator", "day", "aspect", "images", "baseline", "mean", "distance", "p, corrected"),
                    3,
                    rows);
            page.element(
                    "p",
                    "Two-sample Kolmogorov-Smirnov tests, corrected by Holm: distance is the largest difference of the"
                            + " two cumulative shares. With many images a small distance is certain and yet harmless.",
                    "class",
                    "small");
        }
        page.close();
    }

    private void aspect(String aspect) {
        List<Mean> means = monitoring.means().stream()
                .filter(mean -> mean.aspect().equals(aspect))
                .toList();
        List<String> days = means.stream().map(Mean::day).distinct().sorted().toList();
        Map<String, List<Moment>> byGenerator = new LinkedHashMap<>();
        long failed = 0;
        for (Mean mean : means) {
            failed += mean.failed();
            if (mean.images() > 0) {
                byGenerator
                        .computeIfAbsent(mean.generator(), _ -> new ArrayList<>())
                        .add(new Moment(days.indexOf(mean.day()), mean.mean(), mean.interval()));
            }
        }
        List<Line> lines = new ArrayList<>();
        byGenerator.forEach(
                (generator, moments) -> lines.add(new Line(generator, Chart.colour(lines.size()), moments)));
        page.open("section", "class", "protocol");
        page.element("h2", aspect);
        page.open("figure", "class", "card chart-card");
        Chart.lines(page, "mean score of %s by day and generator".formatted(aspect), days, lines);
        page.open("figcaption");
        page.text("Mean score a day with its 95 %% interval; %d images without a score. ".formatted(failed));
        page.open("ul", "class", "legend");
        lines.forEach(line -> page.open("li")
                .element("span", "", "class", "key c" + line.colour())
                .text(line.name())
                .close());
        page.close().close().close();
        List<List<String>> rows = worst.stream()
                .filter(image -> image.aspect().equals(aspect))
                .map(image ->
                        List.of(image.image(), image.day(), image.generator(), image.prompt(), number(image.score())))
                .toList();
        if (!rows.isEmpty()) {
            page.open("div", "class", "card");
            page.element("h3", "Lowest scores");
            table("Lowest scores", List.of("image", "day", "generator", "prompt", "score"), 4, rows);
            page.close();
        }
        page.close();
    }

    private void table(String name, List<String> heads, int names, List<List<String>> rows) {
        new Table(
                        heads,
                        names,
                        rows.stream()
                                .map(row -> row.stream()
                                        .map(text -> new Table.Cell(text, false))
                                        .toList())
                                .toList())
                .html(page, name);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }
}
