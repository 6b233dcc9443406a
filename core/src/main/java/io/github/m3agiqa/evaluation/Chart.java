package io.github.m3agiqa.evaluation;

import static io.github.m3agiqa.evaluation.Markup.at;

import io.github.m3agiqa.Interval;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;
import org.jspecify.annotations.Nullable;

/** Drawings of figures as SVG, whose colours are those of the page around them. */
final class Chart {
    /** With more dots than these, names for all of them would make the page heavy. */
    private static final int NAMED_DOTS = 1200;

    private static final int WIDTH = 460;
    private static final int HEIGHT = 380;
    private static final int SCATTER_HEIGHT = 480;
    private static final int LEFT = 46;
    private static final int RIGHT = 14;
    private static final int TOP = 14;
    private static final int BOTTOM = 46;
    private static final int CURVE_POINTS = 120;

    /** So many days have room for their names. */
    private static final int MOST_DAYS = 6;

    /** Of the number at a tick. */
    private static final int DIGITS = 4;

    /** The most bins to each side of 0. The last counts what lies beyond, so that no outlier makes the rest small. */
    private static final int MOST_BINS = 20;

    /** The colours of report.css; what is left shares the last. */
    private static final int COLOURS = 10;

    private Chart() {}

    /** The number of the colour of something that has so many before it. */
    static int colour(int before) {
        return Math.min(before, COLOURS - 1);
    }

    /**
     * A dot of a scatter plot.
     *
     * @param colour the number of its colour
     * @param name what it says when it is pointed at
     */
    record Dot(double x, double y, int colour, String name) {}

    /**
     * A row of a bar chart.
     *
     * @param note small print under the label
     * @param figure how long the bar is; no bar if there is none
     * @param colour the number of its colour
     */
    record Bar(String label, String note, Estimate figure, int colour) {}

    /**
     * A line of values over days.
     *
     * @param colour the number of its colour
     */
    record Line(String name, int colour, List<Moment> moments) {}

    /**
     * A value of a line.
     *
     * @param day which of the days
     * @param interval null if there is none
     */
    record Moment(int day, double value, @Nullable Interval interval) {
        double low() {
            return interval == null ? value : interval.low();
        }

        double high() {
            return interval == null ? value : interval.high();
        }
    }

    /** Two ends of an axis and how it lies in the drawing. */
    private record Axis(double low, double high, double from, double to) {
        double of(double value) {
            return from + (value - low) / (high - low) * (to - from);
        }

        /** Round values, about five of them. */
        List<Double> ticks() {
            double step = Math.pow(10, Math.floor(Math.log10((high - low) / 4)));
            for (double factor : new double[] {2, 2.5, 2}) {
                if ((high - low) / step > 7) {
                    step *= factor;
                }
            }
            List<Double> ticks = new ArrayList<>();
            for (double i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) {
                ticks.add(i * step);
            }
            return ticks;
        }

        static String label(double tick) {
            return new BigDecimal(tick)
                    .round(new MathContext(DIGITS))
                    .stripTrailingZeros()
                    .toPlainString()
                    .replace('-', '−');
        }
    }

    /**
     * Computed against human scores, with the curve that was fitted.
     *
     * @param title what it shows, for those who do not see it
     * @param onScale whether both axes have the same scale, so that the diagonal is perfection
     */
    static void scatter(
            Markup page, String title, List<Dot> dots, DoubleUnaryOperator curve, boolean onScale, String xLabel) {
        double lowest = dots.stream().mapToDouble(Dot::x).min().orElse(0);
        double highest = dots.stream().mapToDouble(Dot::x).max().orElse(5);
        double margin = highest > lowest ? 0.03 * (highest - lowest) : 1;
        Axis x = new Axis(
                onScale ? Math.min(0, lowest) : lowest - margin,
                onScale ? Math.max(5, highest) : highest + margin,
                LEFT,
                WIDTH - RIGHT);
        Axis y = new Axis(0, 5, SCATTER_HEIGHT - BOTTOM, TOP);
        open(page, title, WIDTH, SCATTER_HEIGHT);
        axes(page, x, y, xLabel, "people (MOS)");
        if (onScale) {
            line(page, "ideal", x.of(0), y.of(0), x.of(5), y.of(5));
        }
        boolean named = dots.size() <= NAMED_DOTS;
        for (int colour : dots.stream().map(Dot::colour).distinct().sorted().toList()) {
            page.open("g", "class", "dots c" + colour);
            for (Dot dot : dots) {
                if (dot.colour != colour) {
                    continue;
                }
                String[] place = {"cx", at(x.of(dot.x)), "cy", at(y.of(dot.y)), "r", "2.6"};
                if (named) {
                    page.open("circle", place).element("title", dot.name).close();
                } else {
                    page.empty("circle", place);
                }
            }
            page.close();
        }
        StringBuilder path = new StringBuilder();
        for (int i = 0; i <= CURVE_POINTS; i++) {
            double at = lowest + i * (highest - lowest) / CURVE_POINTS;
            double opinion = Math.clamp(curve.applyAsDouble(at), 0, 5);
            path.append(i == 0 ? "M" : "L").append(at(x.of(at))).append(' ').append(at(y.of(opinion)));
        }
        page.empty("path", "class", "curve halo", "d", path.toString());
        page.empty("path", "class", "curve", "d", path.toString());
        page.close();
    }

    /** How many images were scored how much too low or too high. */
    static void residuals(Markup page, String title, double[] residuals, double binWidth) {
        double reach = 0;
        for (double residual : residuals) {
            reach = Math.max(reach, Math.abs(residual));
        }
        int half = (int) Math.clamp(Math.ceil(reach / binWidth), 4, MOST_BINS);
        int[] counts = new int[2 * half];
        for (double residual : residuals) {
            counts[half + (int) Math.clamp(Math.floor(residual / binWidth), -half, half - 1)]++;
        }
        int most = 1;
        for (int count : counts) {
            most = Math.max(most, count);
        }
        Axis x = new Axis(-half * binWidth, half * binWidth, LEFT, WIDTH - RIGHT);
        Axis y = new Axis(0, 1.05 * most, HEIGHT - BOTTOM, TOP);
        open(page, title, WIDTH, HEIGHT);
        axes(page, x, y, "error: computed less people's score", "images");
        for (int i = 0; i < counts.length; i++) {
            double from = (i - half) * binWidth;
            if (counts[i] > 0) {
                boolean open = half == MOST_BINS && (i == 0 || i == counts.length - 1);
                String name = open
                        ? String.format(
                                Locale.ROOT, "%d images, error of %.2f or more", counts[i], (half - 1) * binWidth)
                        : String.format(Locale.ROOT, "%d images, error %.2f to %.2f", counts[i], from, from + binWidth);
                column(page, from < 0 ? "bar low" : "bar high", x, y, from, from + binWidth, counts[i], name);
            }
        }
        line(page, "zero", x.of(0), TOP, x.of(0), y.of(0));
        page.close();
    }

    /** How many texts have how many words. */
    static void lengths(Markup page, String title, int[] words, int binWidth) {
        int longest = Arrays.stream(words).max().orElse(0);
        int[] counts = new int[longest / binWidth + 1];
        for (int length : words) {
            counts[length / binWidth]++;
        }
        int most = Arrays.stream(counts).max().orElse(1);
        Axis x = new Axis(0, counts.length * (double) binWidth, LEFT, WIDTH - RIGHT);
        Axis y = new Axis(0, 1.05 * most, HEIGHT - BOTTOM, TOP);
        open(page, title, WIDTH, HEIGHT);
        axes(page, x, y, "words", "descriptions");
        for (int i = 0; i < counts.length; i++) {
            if (counts[i] > 0) {
                int from = i * binWidth;
                String name = "%d descriptions of %d to %d words".formatted(counts[i], from, from + binWidth - 1);
                column(page, "bar low", x, y, from, from + binWidth, counts[i], name);
            }
        }
        page.close();
    }

    private static void column(
            Markup page, String kind, Axis x, Axis y, double from, double to, int count, String name) {
        double left = x.of(from) + 0.75;
        double top = y.of(count);
        String width = at(x.of(to) - 0.75 - left);
        String height = at(y.of(0) - top);
        page.open("rect", "class", kind, "x", at(left), "y", at(top), "width", width, "height", height);
        page.element("title", name).close();
    }

    /** How values change from day to day, with their intervals. */
    static void lines(Markup page, String title, List<String> days, List<Line> lines) {
        List<Moment> all = lines.stream().flatMap(line -> line.moments.stream()).toList();
        double lowest = all.stream().mapToDouble(Moment::low).min().orElse(0);
        double highest = all.stream().mapToDouble(Moment::high).max().orElse(1);
        double margin = Math.max(0.02, 0.05 * (highest - lowest));
        Axis x = new Axis(-0.5, Math.max(0.5, days.size() - 0.5), LEFT, WIDTH - RIGHT);
        Axis y = new Axis(lowest - margin, highest + margin, HEIGHT - BOTTOM, TOP);
        open(page, title, WIDTH, HEIGHT);
        grid(page, x, y);
        int every = Math.max(1, (days.size() + MOST_DAYS - 1) / MOST_DAYS);
        for (int day = 0; day < days.size(); day += every) {
            label(page, "tick middle", x.of(day), y.from + 17, days.get(day));
        }
        for (Line line : lines) {
            page.open("g", "class", "line c" + line.colour).element("title", line.name);
            StringBuilder path = new StringBuilder();
            for (Moment moment : line.moments) {
                path.append(path.isEmpty() ? "M" : "L")
                        .append(at(x.of(moment.day)))
                        .append(' ')
                        .append(at(y.of(moment.value)));
                line(page, "reach", x.of(moment.day), y.of(moment.low()), x.of(moment.day), y.of(moment.high()));
                page.open("circle", "cx", at(x.of(moment.day)), "cy", at(y.of(moment.value)), "r", "3")
                        .element(
                                "title",
                                String.format(
                                        Locale.ROOT, "%s, %s: %.3f", line.name, days.get(moment.day), moment.value))
                        .close();
            }
            page.empty("path", "d", path.toString()).close();
        }
        page.close();
    }

    /**
     * Bars from 0 with their intervals, one under the other.
     *
     * @param meaning of the axis
     */
    static void bars(Markup page, String title, List<Bar> bars, String meaning) {
        double lowest =
                bars.stream().mapToDouble(bar -> lowest(bar.figure)).min().orElse(0);
        rows(page, title, bars, meaning, Math.min(0, Math.floor(lowest * 5) / 5), 1, true);
    }

    /** Points with their intervals on an axis that shows how they differ. */
    static void points(Markup page, String title, List<Bar> points, String meaning) {
        List<Estimate> known = points.stream()
                .map(Bar::figure)
                .filter(figure -> figure.value() != null)
                .toList();
        double lowest = known.stream().mapToDouble(Chart::lowest).min().orElse(0);
        double highest = known.stream().mapToDouble(Chart::highest).max().orElse(1);
        rows(
                page,
                title,
                points,
                meaning,
                Math.floor((lowest - 0.005) * 20) / 20,
                Math.ceil((highest + 0.005) * 20) / 20,
                false);
    }

    private static void rows(
            Markup page, String title, List<Bar> rows, String meaning, double low, double high, boolean fromZero) {
        int rowHeight = 34;
        int left = 132;
        int right = 62;
        int floor = TOP + rows.size() * rowHeight + 2;
        Axis x = new Axis(low, high, left, WIDTH - right);
        open(page, title, WIDTH, floor + BOTTOM);
        for (double tick : x.ticks()) {
            line(page, "grid", x.of(tick), TOP, x.of(tick), floor);
            label(page, "tick middle", x.of(tick), floor + 15, Axis.label(tick));
        }
        label(page, "axis middle", (x.from + x.to) / 2, floor + 36, meaning);
        for (int i = 0; i < rows.size(); i++) {
            Bar row = rows.get(i);
            double middle = TOP + (i + 0.5) * rowHeight;
            label(page, "name end", left - 10, row.note.isEmpty() ? middle + 4 : middle - 1, shortened(row.label));
            if (!row.note.isEmpty()) {
                label(page, "small end", left - 10, middle + 11, row.note);
            }
            row(page, row, x, middle, fromZero);
        }
        if (fromZero) {
            line(page, "zero", x.of(0), TOP, x.of(0), floor);
        }
        page.close();
    }

    private static void row(Markup page, Bar row, Axis x, double middle, boolean fromZero) {
        Double value = row.figure.value();
        if (value == null) {
            label(page, "small", x.from + 6, middle + 4, String.valueOf(row.figure.reason()));
            return;
        }
        Interval interval = row.figure.interval();
        String range = interval == null
                ? ""
                : String.format(Locale.ROOT, ", 95 %% interval %.3f to %.3f", interval.low(), interval.high());
        page.open("g").element("title", String.format(Locale.ROOT, "%s: %.4f%s", row.label, value, range));
        String kind = "bar c" + row.colour;
        if (fromZero) {
            String left = at(Math.min(x.of(0), x.of(value)));
            String width = at(Math.abs(x.of(value) - x.of(0)));
            String top = at(middle - 8);
            page.empty("rect", "class", kind, "x", left, "y", top, "width", width, "height", "16", "rx", "3");
        }
        if (interval != null) {
            line(page, "whisker", x.of(interval.low()), middle, x.of(interval.high()), middle);
            line(page, "whisker", x.of(interval.low()), middle - 4, x.of(interval.low()), middle + 4);
            line(page, "whisker", x.of(interval.high()), middle - 4, x.of(interval.high()), middle + 4);
        }
        if (!fromZero) {
            page.empty("circle", "class", kind, "cx", at(x.of(value)), "cy", at(middle), "r", "5.5");
        }
        label(
                page,
                "value end",
                WIDTH - 6,
                middle + 4,
                String.format(Locale.ROOT, "%.3f", value).replace('-', '−'));
        page.close();
    }

    private static double highest(Estimate figure) {
        Interval interval = figure.interval();
        Double value = figure.value();
        return interval != null ? interval.high() : value != null ? value : 0;
    }

    private static double lowest(Estimate figure) {
        Interval interval = figure.interval();
        Double value = figure.value();
        return interval != null ? interval.low() : value != null ? value : 0;
    }

    private static String shortened(String text) {
        return text.length() <= 18 ? text : text.substring(0, 17) + "…";
    }

    private static void open(Markup page, String title, int width, int height) {
        page.open(
                "svg", "viewBox", "0 0 " + width + " " + height, "role", "img", "aria-label", title, "class", "chart");
    }

    /** A line from left to right at every tick of the upright axis. */
    private static void grid(Markup page, Axis x, Axis y) {
        for (double tick : y.ticks()) {
            line(page, "grid", x.from, y.of(tick), x.to, y.of(tick));
            label(page, "tick end", x.from - 8, y.of(tick) + 4, Axis.label(tick));
        }
    }

    private static void axes(Markup page, Axis x, Axis y, String xLabel, String yLabel) {
        grid(page, x, y);
        for (double tick : x.ticks()) {
            line(page, "grid", x.of(tick), y.from, x.of(tick), y.to);
            label(page, "tick middle", x.of(tick), y.from + 17, Axis.label(tick));
        }
        label(page, "axis middle", (x.from + x.to) / 2, y.from + 38, xLabel);
        page.element(
                "text",
                yLabel,
                "class",
                "axis middle",
                "transform",
                "translate(13 %s) rotate(-90)".formatted(at((y.from + y.to) / 2)));
    }

    private static void line(Markup page, String kind, double x1, double y1, double x2, double y2) {
        page.empty("line", "class", kind, "x1", at(x1), "y1", at(y1), "x2", at(x2), "y2", at(y2));
    }

    private static void label(Markup page, String kind, double x, double y, String text) {
        page.element("text", text, "class", kind, "x", at(x), "y", at(y));
    }
}
