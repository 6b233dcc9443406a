package io.github.m3agiqa.training;

import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.NamedCsvRecord;
import de.siegmar.fastcsv.writer.CsvWriter;
import io.github.m3agiqa.CompleteFile;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.StepListener;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * The figures of a run in a CSV file, a row each time they are taken, and their curves as a picture beside it. A row is
 * written before the checkpoint of its step: a run that ends between the two takes the step again, and drops the row.
 */
final class MetricsFile {
    private static final int WIDTH = 900;
    private static final int HEIGHT = 500;

    private final Path file;
    private final List<String> columns;

    /**
     * Opens the figures of a run, or starts them.
     *
     * @param columns the first one counts steps
     * @param step figures after this step were lost with the state that they were of, and are dropped
     */
    MetricsFile(Path file, List<String> columns, long step) {
        this.file = file;
        this.columns = List.copyOf(columns);
        try {
            CompleteFile.write(file, partial -> writeUntil(step, partial));
        } catch (IOException e) {
            throw new InputException("%s cannot be written: %s".formatted(file, e), e);
        }
    }

    private void writeUntil(long step, Path partial) throws IOException {
        try (CsvWriter out = CsvWriter.builder().build(partial)) {
            out.writeRecord(columns);
            for (Map<String, String> row : Files.exists(file) ? rows(file) : List.<Map<String, String>>of()) {
                boolean whole = row.size() == columns.size();
                if (whole && Long.parseLong(row.getOrDefault(columns.getFirst(), "0")) <= step) {
                    out.writeRecord(columns.stream()
                            .map(column -> row.getOrDefault(column, ""))
                            .toList());
                }
            }
        }
    }

    private static List<Map<String, String>> rows(Path file) throws IOException {
        try (CsvReader<NamedCsvRecord> csv = CsvReader.builder().ofNamedCsvRecord(file)) {
            return csv.stream().map(NamedCsvRecord::getFieldsAsMap).toList();
        }
    }

    /**
     * Appends a row.
     *
     * @param values one a column; NaN for what was not taken
     */
    void append(long step, double... values) {
        List<String> fields = new ArrayList<>();
        fields.add(String.valueOf(step));
        for (double value : values) {
            fields.add(Double.isNaN(value) ? "" : String.valueOf(value));
        }
        if (fields.size() != columns.size()) {
            throw new IllegalArgumentException("%d values for the columns %s".formatted(fields.size(), columns));
        }
        try (CsvWriter out = CsvWriter.builder().build(file, StandardOpenOption.APPEND)) {
            out.writeRecord(fields);
        } catch (IOException e) {
            throw new InputException("%s cannot be written: %s".formatted(file, e), e);
        }
    }

    /**
     * Draws columns over the steps.
     *
     * @param picture a PNG file
     * @param listener told if it cannot be drawn, as on a system without fonts, which stops no training
     */
    void draw(Path picture, String title, List<String> shown, StepListener listener) {
        try {
            draw(picture, title, shown);
        } catch (InputException e) {
            throw e;
        } catch (RuntimeException | LinkageError | InternalError e) {
            listener.note("%s is not drawn: %s. Where the system has no fonts, install fontconfig and a font"
                    .formatted(picture, e));
        }
    }

    private void draw(Path picture, String title, List<String> shown) {
        XYChart chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(title)
                .xAxisTitle(columns.getFirst())
                .build();
        chart.getStyler().setChartBackgroundColor(Color.WHITE).setLegendVisible(true);
        try {
            List<Map<String, String>> rows = rows(file);
            for (String column : shown) {
                List<Double> x = new ArrayList<>();
                List<Double> y = new ArrayList<>();
                for (Map<String, String> row : rows) {
                    String value = row.getOrDefault(column, "");
                    if (!value.isEmpty()) {
                        x.add(Double.parseDouble(row.getOrDefault(columns.getFirst(), "")));
                        y.add(Double.parseDouble(value));
                    }
                }
                if (!x.isEmpty()) {
                    chart.addSeries(column, x, y).setMarker(SeriesMarkers.NONE);
                }
            }
            if (!chart.getSeriesCollection().isEmpty()) {
                BufferedImage image = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
                Graphics2D pen = image.createGraphics();
                chart.paint(pen, WIDTH, HEIGHT);
                pen.dispose();
                ImageIO.write(image, "png", picture.toFile());
            }
        } catch (IOException e) {
            throw new InputException("%s cannot be written: %s".formatted(picture, e), e);
        }
    }
}
