package io.github.m3agiqa.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;

class MonitorJobTest extends SparkTest {
    private static final StructType ASPECT =
            new StructType().add("score", DataTypes.FloatType).add("description", DataTypes.StringType);
    private static final StructType SCORED = new StructType()
            .add("image_path", DataTypes.StringType)
            .add("prompt", DataTypes.StringType)
            .add("generator", DataTypes.StringType)
            .add("day", DataTypes.StringType)
            .add("quality", ASPECT);

    /** Two generators over six days, of which one makes worse images on the last day; every tenth image failed. */
    private Dataset<Row> scores() {
        Random random = new Random(1);
        List<Row> rows = new ArrayList<>();
        for (String generator : List.of("old", "new")) {
            for (int day = 1; day <= 6; day++) {
                double mean = generator.equals("new") && day == 6 ? 2.4 : 3;
                for (int i = 0; i < 200; i++) {
                    Float score = i % 10 == 0 ? null : (float) Math.clamp(mean + random.nextGaussian() / 2, 0, 5);
                    String name = "%s-%d-%03d.png".formatted(generator, day, i);
                    rows.add(RowFactory.create(
                            name, "<i>a hill</i>", generator, "2026-11-0" + day, RowFactory.create(score, "said")));
                }
            }
        }
        return spark.createDataFrame(rows, SCORED);
    }

    @Test
    void writesMeansDriftAndWorstImagesAndAPage() throws IOException {
        String input = folder.resolve("scores").toString();
        scores().write().partitionBy("day").parquet(input);
        double expected = scores().where("generator = 'new' and day = '2026-11-06'")
                .selectExpr("avg(quality.score)")
                .first()
                .getDouble(0);
        Path output = folder.resolve("monitoring");

        MonitorJob.main(new String[] {
            "--input",
            input,
            "--output",
            output.toString(),
            "--baseline-from",
            "2026-11-01",
            "--baseline-to",
            "2026-11-03",
            "--worst",
            "5"
        });

        start();
        Dataset<Row> means = spark.read().parquet(output.resolve("means").toString());
        assertThat(means.count()).isEqualTo(12);
        Row last = means.where("generator = 'new' and day = '2026-11-06'").first();
        assertThat(last.<Long>getAs("images")).isEqualTo(180);
        assertThat(last.<Long>getAs("failed")).isEqualTo(20);
        assertThat(last.<Double>getAs("mean")).isEqualTo(expected, within(1e-6));
        assertThat(last.<Double>getAs("low")).isLessThan(expected);
        Dataset<Row> drift = spark.read().parquet(output.resolve("drift").toString());
        assertThat(drift.count()).isEqualTo(6);
        assertThat(drift.where("drifted").collectAsList()).singleElement().satisfies(row -> {
            assertThat(row.<String>getAs("generator")).isEqualTo("new");
            assertThat(row.<String>getAs("day")).isEqualTo("2026-11-06");
        });
        List<Row> worst =
                spark.read().parquet(output.resolve("worst").toString()).collectAsList();
        float least = scores().selectExpr("min(quality.score)").first().getFloat(0);
        assertThat(worst).hasSize(5);
        assertThat(worst.getFirst().<Double>getAs("score")).isEqualTo((double) least);
        assertThat(Files.readString(output.resolve("report.html")))
                .contains("1 of 6 comparisons differ", "&lt;i&gt;a hill")
                .doesNotContain("<i>");
    }

    @Test
    void saysWhichColumnsItNeeds() {
        Dataset<Row> nameless = scores().drop("generator");

        assertThatThrownBy(() -> ScoreMonitor.of(nameless, "generator", "day", "1", "2", 0.05, 5))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("generator and day; there are [image_path");
    }

    @Test
    void saysThatALevelIsNoPercentage() {
        Dataset<Row> scores = scores();

        assertThatThrownBy(() -> ScoreMonitor.of(scores, "generator", "day", "2026-11-01", "2026-11-03", 5, 5))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("between 0 and 1, not 5");
    }

    @Test
    void findsColumnsInUpperCase() {
        Dataset<Row> scores = scores().withColumnRenamed("generator", "Generator");

        ScoreMonitor monitor = ScoreMonitor.of(scores, "generator", "DAY", "2026-11-01", "2026-11-03", 0.05, 5);

        assertThat(monitor.means().count()).isEqualTo(12);
    }
}
