package io.github.m3agiqa.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.Score;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.testing.DrawnImages;
import io.github.m3agiqa.testing.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;

class M3AgiqaTest extends SparkTest {
    private static final SparkScoring SETTINGS = SparkScoring.of(
                    TestModels.tiny().toAbsolutePath().toString())
            .withPrecision(Precision.FP32)
            .withAspects(List.of(Aspect.QUALITY, Aspect.CORRESPONDENCE));

    /** Row by row what the scorer gives, from bytes as from paths, with the failures in their rows. */
    @Test
    void scoresAsTheScorerDoes() throws IOException {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            byte[] png = DrawnImages.encode(DrawnImages.landscape(60 + i, 40, i), "png");
            Path file = Files.write(folder.resolve(i + ".png"), png);
            String prompt = i == 3 ? null : "prompt " + i;
            rows.add(RowFactory.create(file.toString(), prompt, i % 2 == 0 ? png : null, "kept " + i));
        }
        rows.add(RowFactory.create("broken", "x", new byte[] {1, 2, 3}, "kept 6"));
        rows.add(RowFactory.create(folder.resolve("none.png").toString(), "x", null, "kept 7"));
        rows.add(RowFactory.create("a:b.png", "x", null, "kept 8")); // Hadoop takes a for a scheme
        rows.add(RowFactory.create("hdfs://host.invalid/a.png", "x", null, "kept 9"));
        StructType schema = new StructType()
                .add("image_path", DataTypes.StringType)
                .add("prompt", DataTypes.StringType)
                .add("content", DataTypes.BinaryType)
                .add("extra", DataTypes.StringType);

        List<Row> scored = M3Agiqa.score(spark.createDataFrame(rows, schema).repartition(3), SETTINGS)
                .orderBy("extra")
                .collectAsList();

        assertThat(scored).hasSize(10);
        assertThat(scored.getFirst().schema().fieldNames())
                .containsExactly(
                        "image_path",
                        "prompt",
                        "extra",
                        "model",
                        "quality",
                        "correspondence",
                        "error",
                        "elapsed_millis");
        Engine.setThreads(1);
        try (Scorer scorer = Scorer.open(ModelFolder.open(TestModels.tiny()), SETTINGS.options())) {
            for (int i = 0; i < 6; i++) {
                Row row = scored.get(i);
                Score quality = scorer.score(ImagePrompt.of(folder.resolve(i + ".png"), row.getAs("prompt")))
                        .score(Aspect.QUALITY)
                        .orElseThrow();
                Row struct = row.getAs("quality");
                assertThat(struct.<Float>getAs("score")).isEqualTo((float) quality.value());
                assertThat(struct.<String>getAs("description")).isEqualTo(quality.description());
                assertThat(row.isNullAt(row.fieldIndex("error"))).isTrue();
            }
        }
        Row unprompted = scored.get(3).getAs("correspondence");
        assertThat(unprompted.isNullAt(0)).isTrue();
        assertThat(unprompted.<Row>getAs("error").<String>getAs("code")).isEqualTo("PROMPT_MISSING");
        for (Row failed : scored.subList(6, 10)) {
            assertThat(failed.<Row>getAs("error").<String>getAs("code")).isEqualTo("IMAGE_UNREADABLE");
            assertThat(failed.isNullAt(failed.fieldIndex("quality"))).isTrue();
        }
    }

    /** As Spark itself finds columns; those of joined tables may share a name. */
    @Test
    void findsColumnsInUpperCaseAndKeepsThoseOfTheSameName() {
        byte[] png = DrawnImages.encode(DrawnImages.landscape(60, 40, 1), "png");
        StructType schema = new StructType()
                .add("Content", DataTypes.BinaryType)
                .add("id", DataTypes.StringType)
                .add("Prompt", DataTypes.StringType)
                .add("id", DataTypes.StringType);
        Dataset<Row> images = spark.createDataFrame(List.of(RowFactory.create(png, "left", "a hill", "right")), schema);

        Row scored = M3Agiqa.score(images, SETTINGS.withDescribe(false)).first();

        assertThat(scored.schema().fieldNames()).startsWith("id", "Prompt", "id", "model");
        assertThat(scored.getString(0)).isEqualTo("left");
        assertThat(scored.getString(2)).isEqualTo("right");
        assertThat(scored.<Row>getAs("correspondence").isNullAt(0)).isFalse();
    }

    @Test
    void anEmptyTableHasAnEmptyAnswer() {
        Path input = folder.resolve("empty.parquet");
        Path output = folder.resolve("scores");
        spark.range(0)
                .selectExpr("'a.png' as image_path", "'2026-11-01' as day")
                .write()
                .parquet(input.toString());

        ScoreJob.main(new String[] {
            "--input",
            input.toString(),
            "--output",
            output.toString(),
            "--model",
            SETTINGS.model(),
            "--partition-by",
            "day"
        });

        assertThat(output.resolve("_SUCCESS")).exists();
    }

    @Test
    void theSummaryCountsWhatHasNoScore() {
        byte[] png = DrawnImages.encode(DrawnImages.landscape(60, 40, 1), "png");
        StructType schema =
                new StructType().add("content", DataTypes.BinaryType).add("prompt", DataTypes.StringType);
        List<Row> rows = List.of(
                RowFactory.create(png, "a hill"),
                RowFactory.create(png, null),
                RowFactory.create(png, null),
                RowFactory.create(new byte[3], "a hill"));
        Dataset<Row> images = spark.createDataFrame(rows, schema);

        assertThat(ScoreJob.failures(M3Agiqa.score(images, SETTINGS)))
                .isEqualTo("1 IMAGE_UNREADABLE, 2 PROMPT_MISSING");
        assertThat(ScoreJob.failures(M3Agiqa.score(images.limit(1), SETTINGS))).isEmpty();
    }

    /** Each image once, however many fields are taken from what the function returns. */
    @Test
    void sqlScoresAsTheDatasetCallDoes() {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            rows.add(RowFactory.create(i, DrawnImages.encode(DrawnImages.landscape(60, 40, i), "png"), "prompt " + i));
        }
        rows.add(RowFactory.create(3, null, "prompt 3"));
        StructType schema = new StructType()
                .add("id", DataTypes.IntegerType)
                .add("content", DataTypes.BinaryType)
                .add("prompt", DataTypes.StringType);
        Dataset<Row> images = spark.createDataFrame(rows, schema);
        SparkScoring settings = SETTINGS.withDescribe(false);
        M3Agiqa.register(spark, "m3agiqa", settings);
        images.createOrReplaceTempView("images");

        List<Row> selected = spark.sql("SELECT id, s.quality.score AS quality, s.correspondence.score AS"
                        + " correspondence, s.error.code AS code FROM (SELECT id, m3agiqa(content, prompt) AS s FROM"
                        + " images) ORDER BY id")
                .collectAsList();

        assertThat(selected)
                .isEqualTo(M3Agiqa.score(images, settings)
                        .selectExpr("id", "quality.score", "correspondence.score", "error.code")
                        .orderBy("id")
                        .collectAsList());
        assertThat(selected.get(3).getString(3)).isEqualTo("IMAGE_UNREADABLE");
    }

    @Test
    void theJobWritesParquet() throws IOException {
        StringBuilder csv = new StringBuilder("image_path,prompt,day\n");
        for (int i = 0; i < 4; i++) {
            Path file = folder.resolve(i + ".png");
            Files.write(file, DrawnImages.encode(DrawnImages.landscape(50, 40, i), "png"));
            // as in the command, relative paths start where the list lies
            csv.append("%s,\"a \"\"hill\"\", %d\",%d\n".formatted(i < 2 ? file : file.getFileName(), i, i % 2));
        }
        Path input = Files.writeString(folder.resolve("list.csv"), csv);
        Path output = folder.resolve("scores");

        ScoreJob.main(new String[] {
            "--input",
            input.toString(),
            "--format",
            "csv",
            "--output",
            output.toString(),
            "--model",
            SETTINGS.model(),
            "--partition-by",
            "day",
            "--no-describe"
        });

        assertThat(output.resolve("day=1")).isDirectory();
        start();
        Dataset<Row> scores = spark.read().parquet(output.toString());
        assertThat(scores.count()).isEqualTo(4);
        assertThat(scores.where("authenticity.score is null or error is not null")
                        .count())
                .isZero();
        assertThat(scores.where("prompt = 'a \"hill\", 2'").count()).isEqualTo(1);
    }

    /** What Spark makes of a folder of images, or of its own tables. */
    @Test
    void theJobReadsBinaryFilesAndParquet() throws IOException {
        Path images = Files.createDirectories(folder.resolve("images"));
        for (int i = 0; i < 3; i++) {
            Files.write(images.resolve(i + ".png"), DrawnImages.encode(DrawnImages.landscape(50, 40, i), "png"));
        }
        Path table = folder.resolve("images.parquet");
        spark.read()
                .format("binaryFile")
                .load(images.toString())
                .selectExpr("path as image_path", "content", "'a hill' as prompt")
                .write()
                .parquet(table.toString());

        assertThat(job("binaryFile", images, folder.resolve("of-files"))
                        .select("path", "modificationTime", "length")
                        .count())
                .isEqualTo(3);
        Dataset<Row> ofTable = job("parquet", table, folder.resolve("of-table"));
        assertThat(ofTable.where("quality.score is not null and correspondence.score is not null")
                        .count())
                .isEqualTo(3);
        Dataset<Row> ofFiles = spark.read().parquet(folder.resolve("of-files").toString());
        assertThat(ofFiles.selectExpr("quality.score").orderBy("score").collectAsList())
                .isEqualTo(ofTable.selectExpr("quality.score").orderBy("score").collectAsList());
    }

    private Dataset<Row> job(String format, Path input, Path output) {
        ScoreJob.main(new String[] {
            "--input",
            input.toString(),
            "--format",
            format,
            "--output",
            output.toString(),
            "--model",
            SETTINGS.model(),
            "--partitions",
            "2",
            "--no-describe"
        });
        start();
        return spark.read().parquet(output.toString());
    }

    @Test
    void keepsATextThatIsCalledContentAndTheOrderOfTheAspects() {
        SparkScoring settings = SETTINGS.withAspects(List.of(Aspect.CORRESPONDENCE, Aspect.QUALITY));
        Dataset<Row> images = spark.range(1).selectExpr("'a.png' as image_path", "'a text' as Content");

        assertThat(M3Agiqa.score(images, settings).columns())
                .startsWith("image_path", "Content")
                .containsSubsequence("correspondence", "quality");
    }

    @Test
    void saysThatTheModelHasNoneOfTheAspects() {
        Path model = TestModels.tinyWith(
                folder.resolve("model"), manifest -> ((ObjectNode) manifest.path("aspects")).remove("authenticity"));
        SparkScoring none = SparkScoring.of(model.toString()).withAspects(List.of(Aspect.AUTHENTICITY));
        Dataset<Row> images = spark.range(1).selectExpr("'a.png' as image_path");

        assertThatThrownBy(() -> M3Agiqa.score(images, none))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("scores none of the aspects asked for, only [quality, correspondence]");
    }

    @Test
    void saysThatTheModelScoresNothing() {
        Path model = TestModels.tinyWith(
                folder.resolve("model"),
                manifest -> manifest.path("aspects").forEach(aspect -> ((ObjectNode) aspect).remove("predictor")));
        Dataset<Row> images = spark.range(1).selectExpr("'a.png' as image_path");

        assertThatThrownBy(() -> M3Agiqa.score(images, SparkScoring.of(model.toString())))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("has no predictor, so it describes images and scores none");
    }

    @Test
    void saysWhichColumnsItNeeds() {
        Dataset<Row> numbers = spark.range(3).toDF();

        assertThatThrownBy(() -> M3Agiqa.score(numbers, SETTINGS))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("image_path, path or content is needed, there are [id]");
        Dataset<Row> scored = numbers.selectExpr("'a.png' as image_path", "id as quality");
        assertThatThrownBy(() -> M3Agiqa.score(scored, SETTINGS))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("already have the columns [quality]");
        Dataset<Row> scoredInCapitals = numbers.selectExpr("'a.png' as image_path", "id as Model");
        assertThatThrownBy(() -> M3Agiqa.score(scoredInCapitals, SETTINGS))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("already have the columns [Model]");
        Dataset<Row> prompts = numbers.selectExpr("'a.png' as image_path", "'a' as prompt", "'b' as prompt");
        assertThatThrownBy(() -> M3Agiqa.score(prompts, SETTINGS))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2 columns are named prompt");
        Dataset<Row> text = numbers.selectExpr("'a.png' as image_path", "'a text' as content");
        assertThatThrownBy(() -> M3Agiqa.score(text, SETTINGS))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("the column content must have the images' bytes, but is string");
    }
}
