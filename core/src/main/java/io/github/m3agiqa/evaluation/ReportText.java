package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.evaluation.Report.Section;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Set;

/** A report as text, for a terminal or as Markdown. */
final class ReportText {
    private static final int WIDTH = 100;

    private final Report report;
    private final boolean markdown;
    private final StringBuilder text = new StringBuilder();

    private ReportText(Report report, boolean markdown) {
        this.report = report;
        this.markdown = markdown;
    }

    static String terminal(Report report) {
        return new ReportText(report, false).write();
    }

    static String markdown(Report report) {
        return new ReportText(report, true).write();
    }

    private String write() {
        Set<Measure> measures = new LinkedHashSet<>();
        for (Section section : report.sections()) {
            heading("%s · %s · %s".formatted(section.aspect().id(), section.dataset(), section.protocol()));
            if (!section.results().isEmpty()) {
                table(ReportTables.figures(section));
            }
            ReportTables.leakage(section).keySet().forEach(line -> paragraph("Leakage: " + line + "."));
            section.notes().forEach(note -> paragraph(note + "."));
            ReportTables.reasons(section).forEach(reason -> paragraph(reason + "."));
            Table comparisons = ReportTables.comparisons(section);
            if (!comparisons.rows().isEmpty()) {
                paragraph("Difference from %s, on the same images:"
                        .formatted(section.results().getFirst().candidate()));
                table(comparisons);
            }
            measures.addAll(ReportTables.measures(section));
        }
        ReportTables.overviews(report).forEach((title, table) -> {
            heading("all aspects · " + title);
            table(table);
        });
        legend(measures);
        return text.toString();
    }

    private void legend(Set<Measure> measures) {
        heading("how to read this");
        text.append(markdown ? "\n" : "");
        Arrays.stream(Measure.values())
                .filter(measures::contains)
                .forEach(measure -> text.append(
                        markdown
                                ? "- %s: %s.%n".formatted(measure.label(), measure.meaning())
                                : "%-9s %s%n".formatted(measure.label(), measure.meaning())));
        paragraph(String.format(
                Locale.ROOT,
                "Intervals hold the figure with 95 %% confidence: %d draws of whole prompts, seed %d. p is that of one"
                        + " comparison alone; among many some are small by chance.",
                report.bootstrap().draws(),
                report.bootstrap().seed()));
    }

    private void heading(String heading) {
        text.append(text.isEmpty() ? "" : "\n")
                .append(markdown ? "### " + heading + "\n" : heading + "\n" + "═".repeat(heading.length()) + "\n");
    }

    private void paragraph(String paragraph) {
        text.append(markdown ? "\n" + paragraph + "\n" : wrapped(paragraph));
    }

    private void table(Table table) {
        text.append(markdown ? "\n" + table.markdown() : table.text(WIDTH));
    }

    private static String wrapped(String paragraph) {
        StringBuilder lines = new StringBuilder();
        int column = 0;
        for (String word : paragraph.split(" ", -1)) {
            if (column > 0 && column + 1 + word.length() > WIDTH) {
                lines.append("\n  ");
                column = 2;
            } else if (column > 0) {
                lines.append(' ');
                column++;
            }
            lines.append(word);
            column += word.length();
        }
        return lines.append('\n').toString();
    }
}
