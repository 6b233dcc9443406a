package io.github.m3agiqa.evaluation;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A table of short texts, for a terminal, as Markdown or on a page.
 *
 * @param heads of the columns; a line end breaks a head where there is room for two lines
 * @param names how many columns, from the left, hold names; the others hold numbers
 * @param rows as many cells each as there are heads
 */
record Table(List<String> heads, int names, List<List<Cell>> rows) {
    private static final int GAP = 2;
    private static final int NARROWEST = 8;

    /**
     * A cell.
     *
     * @param text what it says
     * @param best whether it is the best of its column
     */
    record Cell(String text, boolean best) {}

    Table {
        heads = List.copyOf(heads);
        rows = rows.stream().map(List::copyOf).toList();
        for (List<Cell> row : rows) {
            if (row.size() != heads.size()) {
                throw new IllegalArgumentException("%d cells under %d heads".formatted(row.size(), heads.size()));
            }
        }
    }

    /**
     * Aligned columns; where they are too wide, they move closer and then the names of the first are cut short.
     *
     * @param width how many characters a line may have
     */
    String text(int width) {
        List<String[]> headLines =
                heads.stream().map(head -> head.split("\n", -1)).toList();
        int headHeight =
                headLines.stream().mapToInt(lines -> lines.length).max().orElse(0);
        int[] widths = new int[heads.size()];
        int total = 0;
        for (int column = 0; column < widths.length; column++) {
            int at = column;
            int widest = rows.stream()
                    .mapToInt(row -> length(row.get(at).text))
                    .max()
                    .orElse(0);
            for (String line : headLines.get(column)) {
                widest = Math.max(widest, length(line));
            }
            widths[column] = widest;
            total += widest;
        }
        int gaps = heads.size() - 1;
        int gap = total + GAP * gaps <= width ? GAP : 1;
        widths[0] = Math.min(widths[0], Math.max(NARROWEST, widths[0] - (total + gap * gaps - width)));
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < headHeight; i++) {
            List<String> cells = new ArrayList<>();
            for (String[] head : headLines) {
                int line = i - (headHeight - head.length);
                cells.add(line < 0 ? "" : head[line]);
            }
            lines.add(line(cells, widths, gap));
        }
        lines.add("─".repeat(lines.stream().mapToInt(Table::length).max().orElse(0)));
        for (List<Cell> row : rows) {
            lines.add(line(row.stream().map(Cell::text).toList(), widths, gap));
        }
        return lines.stream().map(line -> line + "\n").collect(Collectors.joining());
    }

    private String line(List<String> cells, int[] widths, int gap) {
        StringBuilder line = new StringBuilder();
        for (int column = 0; column < cells.size(); column++) {
            String text = shortened(cells.get(column), widths[column]);
            String padding = " ".repeat(widths[column] - length(text));
            line.append(" ".repeat(column == 0 ? 0 : gap)).append(column < names ? text + padding : padding + text);
        }
        return line.toString().stripTrailing();
    }

    private static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    private static String shortened(String text, int width) {
        return length(text) <= width ? text : text.substring(0, text.offsetByCodePoints(0, width - 1)) + "…";
    }

    /** A Markdown table, the best of each column in bold. */
    String markdown() {
        StringBuilder text = new StringBuilder();
        text.append(heads.stream()
                .map(head -> escaped(head.replace('\n', ' ')))
                .collect(Collectors.joining(" | ", "| ", " |\n")));
        for (int column = 0; column < heads.size(); column++) {
            text.append(column < names ? "| --- " : "| ---: ");
        }
        text.append("|\n");
        for (List<Cell> row : rows) {
            text.append(row.stream()
                    .map(cell -> cell.best ? "**" + escaped(cell.text) + "**" : escaped(cell.text))
                    .collect(Collectors.joining(" | ", "| ", " |\n")));
        }
        return text.toString();
    }

    /**
     * Writes a table that scrolls, the best of each column in bold.
     *
     * @param name what it is called for those who do not see it
     */
    void html(Markup page, String name) {
        page.scrolling("scroll", name).open("table").open("thead").open("tr");
        for (int column = 0; column < heads.size(); column++) {
            page.columnHead(heads.get(column).replace('\n', ' '), column < names);
        }
        page.close().close().open("tbody");
        for (List<Cell> row : rows) {
            page.open("tr");
            for (int column = 0; column < row.size(); column++) {
                Cell cell = row.get(column);
                if (column == 0) {
                    page.element("th", cell.text, "scope", "row");
                } else if (cell.best) {
                    page.open("td", "class", "best")
                            .element("strong", cell.text)
                            .close();
                } else {
                    page.element("td", cell.text, "class", column < names ? "name" : "");
                }
            }
            page.close();
        }
        page.close().close().close();
    }

    private static String escaped(String text) {
        return text.replaceAll("([\\\\|*_`<\\[\\]])", "\\\\$1").replaceAll("\\R", " ");
    }
}
