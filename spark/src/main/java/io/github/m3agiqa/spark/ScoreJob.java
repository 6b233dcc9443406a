package io.github.m3agiqa.spark;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.array_distinct;
import static org.apache.spark.sql.functions.explode;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The job: images in, Parquet with scores out. */
@Command(
        name = "m3agiqa-spark",
        description = "Scores the images of a Parquet, CSV, JSON or binaryFile input into Parquet.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Example:",
            "  spark-submit --class io.github.m3agiqa.spark.ScoreJob m3agiqa-spark.jar --input hdfs:///images.parquet"
                    + " --output hdfs:///scores --model /models/nano"
        })
public final class ScoreJob implements Callable<Integer> {
    /** Of Parquet rows, 4096 by default, which fills memory when each has an image. */
    private static final String READER_BATCH = "spark.sql.parquet.columnarReaderBatchSize";

    @Option(names = "--input", required = true, description = "What to score; a path that Spark can read.")
    private String input = "";

    @Option(
            names = "--format",
            defaultValue = "parquet",
            description = "parquet (the default), csv, json or binaryFile.")
    private String format = "parquet";

    @Option(names = "--output", required = true, description = "A folder that does not exist yet.")
    private String output = "";

    @Option(names = "--model", required = true, description = "A folder on every executor, or an unpacked archive.")
    private String model = "";

    @Option(names = "--aspects", split = ",", description = "All that the model has by default.")
    private List<String> aspects = List.of();

    @Option(names = "--dtype", defaultValue = "bf16", description = "fp32, bf16 (the default), fp16 or int8.")
    private String dtype = "bf16";

    @Option(names = "--no-describe", description = "Do not describe the images first.")
    private boolean noDescribe;

    @Option(
            names = "--device",
            description = "cpu (the default) or cuda, with the cards that Spark gives out as the resource gpu.")
    private Device.Kind device = Device.Kind.CPU;

    @Option(
            names = "--image-root",
            description = "Where relative paths of images start; by default in the folder that the input lies in.")
    private @Nullable String imageRoot;

    @Option(
            names = "--partitions",
            description = "Into how many tasks the images are split; by default at least four for each core.")
    private int partitions;

    @Option(names = "--partition-by", split = ",", description = "Columns that become folders of the output.")
    private List<String> partitionBy = List.of();

    ScoreJob() {}

    public static void main(String[] arguments) {
        JobCommand.run(new ScoreJob(), arguments);
    }

    @Override
    public Integer call() throws IOException {
        SparkScoring settings = new SparkScoring(
                model, aspects.stream().map(Aspect::of).toList(), Precision.of(dtype), !noDescribe, device);
        try (SparkSession spark = SparkSession.builder().appName("m3agiqa").getOrCreate()) {
            if (!spark.conf().contains(READER_BATCH)) {
                spark.conf().set(READER_BATCH, 64);
            }
            Dataset<Row> images = split(read(spark.read()), spark.sparkContext().defaultParallelism());
            Instant start = Instant.now();
            Dataset<Row> scores = M3Agiqa.score(images, root(spark), settings);
            scores.write().partitionBy(partitionBy.toArray(String[]::new)).parquet(output);
            Duration duration = Duration.between(start, Instant.now());
            // an empty table in folders has no file that says its columns
            System.out.println(summary(spark.read().schema(scores.schema()).parquet(output), duration));
        }
        return 0;
    }

    private String root(SparkSession spark) throws IOException {
        Path path = new Path(imageRoot == null ? input : imageRoot);
        Path whole =
                path.getFileSystem(spark.sparkContext().hadoopConfiguration()).makeQualified(path);
        return (imageRoot == null && !whole.isRoot() ? whole.getParent() : whole).toString();
    }

    /** A short list of paths would be a single task. */
    private Dataset<Row> split(Dataset<Row> images, int cores) {
        if (partitions > 0) {
            return images.repartition(partitions);
        }
        int atLeast = 4 * cores;
        return images.javaRDD().getNumPartitions() < atLeast ? images.repartition(atLeast) : images;
    }

    private String summary(Dataset<Row> scores, Duration duration) {
        long images = scores.count();
        String failures = failures(scores);
        return String.format(
                Locale.ROOT,
                "m3agiqa-spark: %,d images in %,.0f s, %,.2f a second; failed: %s; written to %s",
                images,
                duration.toMillis() / 1e3,
                images * 1e3 / duration.toMillis(),
                failures.isEmpty() ? "none" : failures,
                output);
    }

    /** How many images have an error of a code, in whole or in one of their aspects. */
    static String failures(Dataset<Row> scores) {
        List<String> columns = List.of(scores.columns());
        Column[] codes = Stream.concat(
                        Stream.of("error.code"),
                        Arrays.stream(Aspect.values())
                                .map(Aspect::id)
                                .filter(columns::contains)
                                .map(aspect -> aspect + ".error.code"))
                .map(functions::col)
                .toArray(Column[]::new);
        return scores
                .select(explode(array_distinct(array(codes))).as("code"))
                .where("code is not null")
                .groupBy("code")
                .count()
                .orderBy("code")
                .collectAsList()
                .stream()
                .map(row -> String.format(Locale.ROOT, "%,d %s", row.getLong(1), row.getString(0)))
                .collect(Collectors.joining(", "));
    }

    private Dataset<Row> read(DataFrameReader reader) {
        return format.toLowerCase(Locale.ROOT).equals("csv")
                ? reader.option("header", true)
                        .option("multiLine", true)
                        .option("escape", "\"")
                        .csv(input)
                : reader.format(format).load(input);
    }
}
