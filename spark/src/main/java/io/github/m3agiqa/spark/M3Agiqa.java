package io.github.m3agiqa.spark;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.scoring.Scorer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructType;

/** Scoring as a call on a Dataset. */
public final class M3Agiqa {
    private M3Agiqa() {}

    /**
     * Adds the scores of every row's image.
     *
     * <p>An image is the bytes of a column {@code content}, or the file that {@code image_path} or {@code path} names on
     * any Hadoop file system; its prompt is the column {@code prompt}, if there is one. All columns but {@code content}
     * stay. A struct a column is added for each aspect, and {@code model}, {@code error} and {@code elapsed_millis} for
     * the whole image. Whatever goes wrong with an image is in its row, and the others go on.
     *
     * @throws IllegalArgumentException if there is no column with images
     */
    public static Dataset<Row> score(Dataset<Row> images, SparkScoring settings) {
        ImageColumns columns = ImageColumns.of(images.schema());
        ScoredRow rows = new ScoredRow(columns, aspects(settings));
        StructType schema = rows.schema(images.schema());
        MapPartitionsFunction<Row, Row> scoring = partition -> scored(partition, settings, columns, rows);
        return images.mapPartitions(scoring, Encoders.row(schema));
    }

    private static Iterator<Row> scored(
            Iterator<Row> partition, SparkScoring settings, ImageColumns columns, ScoredRow rows) {
        if (!partition.hasNext()) {
            return partition;
        }
        Scorer scorer = ExecutorScorer.of(settings);
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return partition.hasNext();
            }

            @Override
            public Row next() {
                Row image = partition.next();
                return rows.of(image, scorer.score(columns.input(image)));
            }
        };
    }

    /** The aspects asked for, or those of the model, which the driver must then be able to read. */
    private static List<Aspect> aspects(SparkScoring settings) {
        if (!settings.aspects().isEmpty()) {
            return settings.aspects();
        }
        return Files.isDirectory(Path.of(settings.model()))
                ? List.copyOf(ModelFolder.open(Path.of(settings.model()))
                        .manifest()
                        .aspects()
                        .keySet())
                : Arrays.asList(Aspect.values());
    }
}
