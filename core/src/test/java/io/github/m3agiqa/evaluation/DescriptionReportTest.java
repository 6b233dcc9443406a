package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.DatasetReader;
import io.github.m3agiqa.evaluation.DescriptionReport.Described;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DescriptionReportTest {
    private static final int IMAGES = 60;

    @TempDir
    private Path folder;

    /** What is known of descriptions of images whose scores rise from 0 to 5. */
    private DescriptionReport.Summary summary(IntFunction<String> text) throws IOException {
        Files.writeString(
                folder.resolve("data.csv"),
                IntStream.range(0, IMAGES)
                        .mapToObj(i -> "%d.png,prompt %d,%s\n".formatted(i, i, 5.0 * i / (IMAGES - 1)))
                        .collect(Collectors.joining("", "name,prompt,mos_quality\n", "")));
        Dataset dataset = DatasetReader.read(folder);
        List<Described> described = IntStream.range(0, IMAGES)
                .mapToObj(i -> new Described(Aspect.QUALITY, i + ".png", text.apply(i)))
                .toList();
        DescriptionReport report = new DescriptionReport(dataset, described, Map.of());
        return Objects.requireNonNull(report.summaries().get(Aspect.QUALITY));
    }

    @Test
    void wordsThatFollowTheScoresGiveThemAway() throws IOException {
        Estimate srcc =
                summary(i -> i < IMAGES / 2 ? "it is blurry" : "it is sharp").textOnlySrcc();

        assertThat(srcc.value()).isGreaterThan(0.7);
    }

    /** As of a model that says the same of every image, and of a language without spaces between words. */
    @Test
    void thereIsNoFigureWhereNoWordsTellDescriptionsApart() throws IOException {
        for (IntFunction<String> text : List.<IntFunction<String>>of(_ -> "it is a picture", Integer::toString)) {
            Estimate srcc = summary(text).textOnlySrcc();

            assertThat(srcc.value()).isNull();
            assertThat(srcc.reason()).isEqualTo("no words tell the descriptions apart");
        }
        assertThat(summary(_ -> "it is a picture").duplicates()).isEqualTo(IMAGES - 1);
    }
}
