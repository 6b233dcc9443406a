package io.github.m3agiqa.spark;

import static org.apache.spark.sql.functions.col;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.testing.DrawnImages;
import io.github.m3agiqa.testing.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Executors that are processes of their own. */
class ClusterTest {
    private static final SparkScoring SETTINGS = SparkScoring.of(
                    TestModels.tiny().toAbsolutePath().toString())
            .withPrecision(Precision.FP32)
            .withDescribe(false)
            .withAspects(List.of(Aspect.QUALITY, Aspect.CORRESPONDENCE));
    private static final StructType SCHEMA = new StructType()
            .add("id", DataTypes.IntegerType)
            .add("shard", DataTypes.IntegerType)
            .add("content", DataTypes.BinaryType)
            .add("prompt", DataTypes.StringType);

    @TempDir
    private Path folder;

    /**
     * Images of which every hundredth is broken and every hundred-and-first has no prompt, 85 % of them in one shard.
     */
    private static List<Row> images(int count) {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            byte[] png = DrawnImages.encode(DrawnImages.landscape(20 + i % 9, 24, i), "png");
            byte[] content = i % 100 == 99 ? new byte[] {(byte) 0x89, 'P', 'N', 'G', (byte) i} : png;
            rows.add(RowFactory.create(i, i % 20 < 17 ? 0 : i % 20, content, i % 101 == 100 ? null : "prompt " + i));
        }
        return rows;
    }

    /** A few shards, of which one has nearly everything, in more partitions than shards. */
    private static Dataset<Row> skewed(SparkSession spark, List<Row> images) {
        return spark.createDataFrame(images, SCHEMA).repartition(8, col("shard"));
    }

    private static void assertScoredOnce(List<Row> images, List<Row> scored) {
        ScoreColumns columns = new ScoreColumns(SETTINGS.aspects());
        Engine.setThreads(1);
        try (Scorer scorer = Scorer.open(ModelFolder.open(TestModels.tiny()), SETTINGS.options())) {
            assertThat(scored).hasSameSizeAs(images);
            for (int i = 0; i < images.size(); i++) {
                Row image = images.get(i);
                Assessment expected = scorer.score(ImagePrompt.of("", image.getAs(2), image.getAs(3)));
                Object[] values = columns.of(expected);
                Row row = scored.get(i);
                assertThat(row.<Integer>getAs("id")).isEqualTo(i);
                assertThat(row.<Row>getAs("quality")).isEqualTo(values[1]);
                assertThat(row.<Row>getAs("correspondence")).isEqualTo(values[2]);
                assertThat(row.<Row>getAs("error")).isEqualTo(values[3]);
            }
        }
    }

    @Test
    void aThousandImagesGetTheScoresOfTheScorerRowByRow() throws IOException {
        List<Row> images = images(1000);
        List<Row> scored;
        try (SparkSession spark = LocalSpark.cluster(folder).getOrCreate()) {
            Dataset<Row> skewed = skewed(spark, images);
            List<Long> sizes = skewed.toJavaRDD()
                    .mapPartitions(rows -> List.of(sizeOf(rows)).iterator())
                    .collect();
            assertThat(sizes).contains(0L).anyMatch(size -> size >= 850);
            scored = M3Agiqa.score(skewed, SETTINGS).orderBy("id").collectAsList();
        }
        assertScoredOnce(images, scored);
        assertThat(scored.stream().filter(row -> !row.isNullAt(row.fieldIndex("error"))))
                .hasSize(10);
    }

    private static long sizeOf(Iterator<Row> rows) {
        long size = 0;
        for (; rows.hasNext(); rows.next()) {
            size++;
        }
        return size;
    }

    /** With speculation on top, every image is still written once, and by its own scores. */
    @Test
    void aKilledExecutorLosesAndDoublesNothing() throws IOException {
        List<Row> images = images(240);
        String output = folder.resolve("scores").toString();
        AtomicInteger killed = new AtomicInteger();
        List<Row> scored;
        try (SparkSession spark = LocalSpark.cluster(folder)
                .config("spark.speculation", true)
                .config("spark.speculation.multiplier", 1.1)
                .config("spark.speculation.quantile", 0.3)
                .getOrCreate()) {
            spark.sparkContext().addSparkListener(new SparkListener() {
                @Override
                public void onTaskEnd(SparkListenerTaskEnd end) {
                    if (killed.get() == 0) {
                        killed.addAndGet(killAnExecutor());
                    }
                }
            });
            Dataset<Row> dealt =
                    spark.createDataFrame(images, SCHEMA).coalesce(1).repartition(12);
            M3Agiqa.score(dealt, SETTINGS).write().parquet(output);
            scored = spark.read().parquet(output).orderBy("id").collectAsList();
        }
        assertThat(killed).hasValue(1);
        assertScoredOnce(images, scored);
    }

    /** @return how many were killed, 1 if there was one */
    private static int killAnExecutor() {
        return ProcessHandle.current()
                .descendants()
                .filter(process -> process.info()
                        .command()
                        .map(command -> command.endsWith("/java"))
                        .orElse(false))
                .findFirst()
                .filter(ProcessHandle::destroyForcibly)
                .map(_ -> 1)
                .orElse(0);
    }

    /** There is no card here, but the one that Spark gave to the task is the one that is asked for. */
    @Test
    void aTaskTakesTheCardThatSparkGaveToIt() throws IOException {
        Path cards = Files.writeString(
                folder.resolve("cards"), "#!/bin/sh\necho '{\"name\": \"gpu\", \"addresses\": [\"3\"]}'\n");
        assertThat(cards.toFile().setExecutable(true)).isTrue();
        try (SparkSession spark = LocalSpark.cluster(folder)
                .config("spark.worker.resource.gpu.amount", 1)
                .config("spark.worker.resource.gpu.discoveryScript", cards.toString())
                .config("spark.executor.resource.gpu.amount", 1)
                .config("spark.task.resource.gpu.amount", 1)
                .config("spark.task.maxFailures", 1)
                .getOrCreate()) {
            Dataset<Row> image = spark.createDataFrame(images(1), SCHEMA);

            assertThatThrownBy(() -> M3Agiqa.score(image, SETTINGS.withDevice(Device.Kind.CUDA))
                            .collectAsList())
                    .hasMessageContaining("device cuda:3: no CUDA device answers");
        }
    }
}
