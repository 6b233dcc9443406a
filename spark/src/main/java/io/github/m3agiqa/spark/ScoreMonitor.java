package io.github.m3agiqa.spark;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_list;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.floor;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.when;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.evaluation.Monitoring;
import io.github.m3agiqa.evaluation.Monitoring.Cell;
import io.github.m3agiqa.evaluation.MonitoringHtml;
import io.github.m3agiqa.evaluation.MonitoringHtml.Worst;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * What became of the scores of a Dataset from day to day. Spark adds up scores and their squares, of which the driver makes
 * means and intervals, and counts them in bins of a hundredth, of which it makes the tests.
 */
public final class ScoreMonitor {
    private static final double BINS_A_POINT = 100;

    private static final StructType MEANS =
            StructType.fromDDL("generator STRING, day STRING, aspect STRING, images BIGINT, failed BIGINT, mean DOUBLE,"
                    + " low DOUBLE, high DOUBLE");
    private static final StructType DRIFT = StructType.fromDDL(
            "generator STRING, day STRING, aspect STRING, baseline_images BIGINT, images BIGINT, baseline_mean DOUBLE,"
                    + " mean DOUBLE, distance DOUBLE, p_value DOUBLE, p_corrected DOUBLE, drifted BOOLEAN");

    private final SparkSession spark;
    private final Monitoring monitoring;
    private final List<Row> worst;
    private final StructType worstSchema;
    private final String baseline;

    private ScoreMonitor(SparkSession spark, Monitoring monitoring, Dataset<Row> worst, String baseline) {
        this.spark = spark;
        this.monitoring = monitoring;
        this.worst = worst.collectAsList();
        this.worstSchema = worst.schema();
        this.baseline = baseline;
    }

    /**
     * Looks at scores.
     *
     * @param scored what {@link M3Agiqa#score} made, with a generator and a day in two of the columns that it kept
     * @param generator the column with the generator
     * @param day the column with the day, in a form that sorts by time
     * @param from the first day of the baseline
     * @param to the last day of the baseline
     * @param level how probable one false alarm among all comparisons may be
     * @param worst how many images with the lowest scores of each aspect are listed
     * @throws IllegalArgumentException if a column is missing, or the level is no probability
     * @throws io.github.m3agiqa.InputException if no score is of a day of the baseline
     */
    public static ScoreMonitor of(
            Dataset<Row> scored, String generator, String day, String from, String to, double level, int worst) {
        if (!(level > 0 && level < 1)) {
            throw new IllegalArgumentException("the level is a probability between 0 and 1, not " + level);
        }
        // as Spark itself finds them
        Set<String> columns = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
        columns.addAll(Arrays.asList(scored.columns()));
        List<String> aspects = Arrays.stream(Aspect.values())
                .map(Aspect::id)
                .filter(columns::contains)
                .toList();
        if (aspects.isEmpty() || !columns.contains(generator) || !columns.contains(day)) {
            throw new IllegalArgumentException("scores need a column of an aspect, %s and %s; there are %s"
                    .formatted(generator, day, Arrays.toString(scored.columns())));
        }
        List<Dataset<Row>> each = aspects.stream()
                .map(aspect -> of(scored, columns, generator, day, aspect))
                .toList();
        Dataset<Row> all = each.stream().reduce(Dataset::union).orElseThrow();
        Dataset<Row> lowest = each.stream()
                .map(one -> one.where(col("score").isNotNull())
                        .orderBy(col("score"), col("image"))
                        .limit(worst))
                .reduce(Dataset::union)
                .orElseThrow();
        return new ScoreMonitor(
                scored.sparkSession(),
                Monitoring.of(cells(all), from, to, level),
                lowest,
                "%s to %s".formatted(from, to));
    }

    /** The scores of an aspect, a row an image. */
    private static Dataset<Row> of(
            Dataset<Row> scored, Set<String> columns, String generator, String day, String aspect) {
        return scored.select(
                text(col(generator)).as("generator"),
                text(col(day)).as("day"),
                lit(aspect).as("aspect"),
                col(aspect + ".score").cast(DataTypes.DoubleType).as("score"),
                first(columns, "image_path", "path").as("image"),
                first(columns, "prompt").as("prompt"),
                col(aspect + ".description").as("description"));
    }

    private static Column text(Column column) {
        return coalesce(column.cast(DataTypes.StringType), lit(""));
    }

    private static Column first(Set<String> columns, String... names) {
        return Arrays.stream(names)
                .filter(columns::contains)
                .findFirst()
                .map(name -> text(col(name)))
                .orElse(lit(""));
    }

    private static List<Cell> cells(Dataset<Row> scores) {
        Column bin = col("bin");
        return scores
                .groupBy(
                        col("generator"),
                        col("day"),
                        col("aspect"),
                        floor(col("score").multiply(BINS_A_POINT)).as("bin"))
                .agg(
                        count(lit(1)).as("images"),
                        sum(col("score")).as("sum"),
                        sum(col("score").multiply(col("score"))).as("squares"))
                .groupBy("generator", "day", "aspect")
                .agg(
                        coalesce(sum(when(bin.isNull(), col("images"))), lit(0L)),
                        coalesce(sum("sum"), lit(0.0)),
                        coalesce(sum("squares"), lit(0.0)),
                        collect_list(when(bin.isNotNull(), struct(bin, col("images")))))
                .collectAsList()
                .stream()
                .map(ScoreMonitor::cell)
                .toList();
    }

    private static Cell cell(Row row) {
        SortedMap<Double, Long> counts = new TreeMap<>();
        for (Row bin : row.<Row>getList(6)) {
            counts.put(bin.getLong(0) / BINS_A_POINT, bin.getLong(1));
        }
        return new Cell(
                row.getString(0),
                row.getString(1),
                row.getString(2),
                row.getLong(3),
                row.getDouble(4),
                row.getDouble(5),
                counts);
    }

    /**
     * The mean of each generator, day and aspect: {@code images}, {@code failed}, {@code mean}, null where none was scored, and
     * its 95 % interval {@code low}, {@code high}, null for fewer than two images.
     */
    public Dataset<Row> means() {
        List<Row> rows = new ArrayList<>();
        monitoring.means().forEach(mean -> {
            Interval interval = mean.interval();
            rows.add(RowFactory.create(
                    mean.generator(),
                    mean.day(),
                    mean.aspect(),
                    mean.images(),
                    mean.failed(),
                    known(mean.mean()),
                    interval == null ? null : interval.low(),
                    interval == null ? null : interval.high()));
        });
        return spark.createDataFrame(rows, MEANS);
    }

    private static @Nullable Double known(double number) {
        return Double.isNaN(number) ? null : number;
    }

    /** Every later day against the baseline, as {@link Monitoring.Drift} has it; its probabilities are {@code p_value} and {@code p_corrected}. */
    public Dataset<Row> drift() {
        List<Row> rows = new ArrayList<>();
        monitoring
                .drifts()
                .forEach(drift -> rows.add(RowFactory.create(
                        drift.generator(),
                        drift.day(),
                        drift.aspect(),
                        drift.baselineImages(),
                        drift.images(),
                        drift.baselineMean(),
                        drift.mean(),
                        drift.distance(),
                        drift.probability(),
                        drift.corrected(),
                        drift.drifted())));
        return spark.createDataFrame(rows, DRIFT);
    }

    /** The images with the lowest scores of each aspect, with what was said of them. */
    public Dataset<Row> worst() {
        return spark.createDataFrame(worst, worstSchema);
    }

    /** All of it as a page. */
    public String page() {
        List<Worst> rows = worst.stream()
                .map(row -> new Worst(
                        row.getAs("aspect"),
                        row.<Double>getAs("score"),
                        row.getAs("image"),
                        row.getAs("prompt"),
                        row.getAs("generator"),
                        row.getAs("day")))
                .toList();
        return MonitoringHtml.of(monitoring, rows, baseline);
    }
}
