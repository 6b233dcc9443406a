package io.github.m3agiqa.spark;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.tensor.Precision;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine;
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

    @Option(names = "--dtype", defaultValue = "bf16", description = "fp32, bf16 (the default) or int8.")
    private String dtype = "bf16";

    @Option(names = "--no-describe", description = "Do not describe the images first.")
    private boolean noDescribe;

    @Option(names = "--partition-by", split = ",", description = "Columns that become folders of the output.")
    private List<String> partitionBy = List.of();

    private ScoreJob() {}

    public static void main(String[] arguments) {
        int exitCode = new CommandLine(new ScoreJob()).execute(arguments);
        if (exitCode != 0) {
            System.exit(exitCode);
        }
    }

    @Override
    public Integer call() throws IOException {
        SparkScoring settings =
                new SparkScoring(model, aspects.stream().map(Aspect::of).toList(), Precision.of(dtype), !noDescribe);
        try (SparkSession spark = SparkSession.builder().appName("m3agiqa").getOrCreate()) {
            Dataset<Row> scored = M3Agiqa.score(read(spark.read()), settings);
            scored.write().partitionBy(partitionBy.toArray(String[]::new)).parquet(output);
        }
        return 0;
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
