package io.github.m3agiqa.spark;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The second job: scores in, what became of them from day to day out. */
@Command(
        name = "m3agiqa-monitor",
        description =
                "Watches the output of ScoreJob: mean scores by generator and day, drift against a baseline, and the"
                        + " images with the lowest scores, as Parquet and as a page.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Example:",
            "  spark-submit --class io.github.m3agiqa.spark.MonitorJob m3agiqa-spark.jar --input hdfs:///scores"
                    + " --output hdfs:///monitoring --baseline-from 2026-11-01 --baseline-to 2026-11-07",
            "",
            "The output has the folders means, drift and worst, and report.html."
        })
public final class MonitorJob implements Callable<Integer> {
    @Option(names = "--input", required = true, description = "What ScoreJob wrote.")
    private String input = "";

    @Option(names = "--output", required = true, description = "A folder that does not exist yet.")
    private String output = "";

    @Option(names = "--generator", description = "The column with the generator (default: ${DEFAULT-VALUE}).")
    private String generator = "generator";

    @Option(
            names = "--day",
            description = "The column with the day, in a form that sorts by time (default: ${DEFAULT-VALUE}).")
    private String day = "day";

    @Option(names = "--baseline-from", required = true, description = "The first day of the baseline.")
    private String baselineFrom = "";

    @Option(names = "--baseline-to", required = true, description = "Its last day.")
    private String baselineTo = "";

    @Option(
            names = "--level",
            description = "How probable one false alarm in the whole report may be (default: ${DEFAULT-VALUE}).")
    private double level = 0.05;

    @Option(names = "--worst", description = "How many images of each aspect are listed (default: ${DEFAULT-VALUE}).")
    private int worst = 20;

    private MonitorJob() {}

    public static void main(String[] arguments) {
        JobCommand.run(new MonitorJob(), arguments);
    }

    @Override
    public Integer call() throws IOException {
        try (SparkSession spark =
                SparkSession.builder().appName("m3agiqa-monitor").getOrCreate()) {
            ScoreMonitor monitor = ScoreMonitor.of(
                    spark.read().parquet(input), generator, day, baselineFrom, baselineTo, level, worst);
            monitor.means().coalesce(1).write().parquet(output + "/means");
            monitor.drift().coalesce(1).write().parquet(output + "/drift");
            monitor.worst().coalesce(1).write().parquet(output + "/worst");
            Path page = new Path(output, "report.html");
            FileSystem files = page.getFileSystem(spark.sparkContext().hadoopConfiguration());
            try (var out = files.create(page)) {
                out.write(monitor.page().getBytes(StandardCharsets.UTF_8));
            }
        }
        return 0;
    }
}
