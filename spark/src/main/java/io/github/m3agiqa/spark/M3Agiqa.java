package io.github.m3agiqa.spark;

import static org.apache.spark.sql.functions.udf;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.scoring.Scorer;
import java.nio.file.Files;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/** Scoring as a call on a Dataset, and as a function of SQL. */
public final class M3Agiqa {
    private M3Agiqa() {}

    /**
     * Adds the scores of every row's image.
     *
     * <p>An image is the bytes of a column {@code content}, or the file that {@code image_path} or {@code path} names on
     * any Hadoop file system; its prompt is the column {@code prompt}, if there is one. All columns but {@code content}
     * stay. A struct is added for each aspect, of {@code score}, {@code rating}, {@code interval_low}, {@code interval_high},
     * {@code description} and {@code error}, each null where there is none, and {@code model}, {@code error} and {@code
     * elapsed_millis} for the whole image. Whatever goes wrong with an image is in its row, and the others go on.
     *
     * @throws IllegalArgumentException if there is no column with images, if it has something else, if there is already one of
     *     those that are added, or if the driver can read the model and it scores none of the aspects asked for
     * @throws io.github.m3agiqa.ModelException if the driver can read the model and it is damaged or scores nothing; one that
     *     an executor cannot open ends the job
     */
    public static Dataset<Row> score(Dataset<Row> images, SparkScoring settings) {
        return score(images, null, settings);
    }

    /**
     * As {@link #score(Dataset, SparkScoring)}.
     *
     * @param imageRoot where relative paths start, null for the file system's working directory
     */
    static Dataset<Row> score(Dataset<Row> images, @Nullable String imageRoot, SparkScoring settings) {
        ImageColumns columns = ImageColumns.of(images.schema(), imageRoot);
        ScoreColumns scores = new ScoreColumns(aspects(settings));
        List<StructField> fields =
                columns.kept().stream().map(i -> images.schema().fields()[i]).toList();
        Set<String> added = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
        added.addAll(List.of(scores.schema().fieldNames()));
        List<String> twice =
                fields.stream().map(StructField::name).filter(added::contains).toList();
        if (!twice.isEmpty()) {
            throw new IllegalArgumentException(
                    "the images already have the columns %s, which the scores need: drop or rename them"
                            .formatted(twice));
        }
        StructType schema = new StructType(
                Stream.concat(fields.stream(), Arrays.stream(scores.schema().fields()))
                        .toArray(StructField[]::new));
        MapPartitionsFunction<Row, Row> scoring = partition -> scored(partition, settings, columns, scores);
        return images.mapPartitions(scoring, Encoders.row(schema));
    }

    /**
     * Makes a function of an image's bytes and its prompt known to SQL: {@code SELECT name(content, prompt) FROM
     * images}. It returns a struct with the columns that {@link #score} adds. A prompt that is null is none.
     *
     * @throws IllegalArgumentException if the driver can read the model and it scores none of the aspects asked for
     */
    public static void register(SparkSession spark, String name, SparkScoring settings) {
        ScoreColumns scores = new ScoreColumns(aspects(settings));
        UDF2<byte[], String, Row> scoring =
                (content, prompt) -> RowFactory.create(scores.of(ExecutorScorer.ofTask(settings)
                        .score(ImagePrompt.of("", content == null ? new byte[0] : content, prompt))));
        // or the optimizer would call it again for every field that a query takes from its struct
        spark.udf().register(name, udf(scoring, scores.schema()).asNondeterministic());
    }

    private static Iterator<Row> scored(
            Iterator<Row> partition, SparkScoring settings, ImageColumns columns, ScoreColumns scores) {
        if (!partition.hasNext()) {
            return partition;
        }
        Scorer scorer = ExecutorScorer.ofTask(settings);
        int together = scorer.together();
        Deque<Row> ready = new ArrayDeque<>();
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return !ready.isEmpty() || partition.hasNext();
            }

            @Override
            public Row next() {
                if (ready.isEmpty()) {
                    List<Row> images = new ArrayList<>();
                    while (images.size() < together && partition.hasNext()) {
                        images.add(partition.next());
                    }
                    List<Assessment> assessments =
                            scorer.score(images.stream().map(columns::input).toList());
                    for (int i = 0; i < images.size(); i++) {
                        ready.add(answered(images.get(i), columns, scores.of(assessments.get(i))));
                    }
                }
                return ready.remove();
            }
        };
    }

    private static Row answered(Row image, ImageColumns columns, Object[] scores) {
        return RowFactory.create(Stream.concat(columns.kept().stream().map(image::get), Arrays.stream(scores))
                .toArray());
    }

    /** The aspects asked for, or those of the model if the driver can read it, or all. */
    private static List<Aspect> aspects(SparkScoring settings) {
        if (!Files.isDirectory(settings.path())) {
            return settings.aspects().isEmpty() ? Arrays.asList(Aspect.values()) : settings.aspects();
        }
        Set<Aspect> answered = settings.folder().manifest().answered(settings.aspects());
        return settings.aspects().isEmpty() ? List.copyOf(answered) : settings.aspects();
    }
}
