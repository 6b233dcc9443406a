package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.Interval;
import io.github.m3agiqa.evaluation.Chart.Bar;
import io.github.m3agiqa.evaluation.Chart.Dot;
import io.github.m3agiqa.testing.ArabicDigits;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChartTest {
    private static String residuals(double... residuals) {
        Markup page = new Markup();
        Chart.residuals(page, "errors", residuals, 0.25);
        return page.toString();
    }

    private static String scatter(double... predicted) {
        Markup page = new Markup();
        List<Dot> dots = IntStream.range(0, predicted.length)
                .mapToObj(i -> new Dot(predicted[i], 2.5, 0, "image " + i))
                .toList();
        Chart.scatter(page, "scatter", dots, x -> 2.5, false, "computed");
        return page.toString();
    }

    @Test
    void everyErrorIsInABin() {
        String chart = residuals(-0.3, -0.25, -0.01, 0, 0.1, 0.24);

        assertThat(chart)
                .contains(
                        "1 images, error -0.50 to -0.25",
                        "2 images, error -0.25 to 0.00",
                        "3 images, error 0.00 to 0.25");
    }

    @Test
    void anOutlierDoesNotMakeTheRestSmall() {
        String chart = residuals(0.1, 0.2, 1e12, -1e300);

        assertThat(chart)
                .contains("2 images, error 0.00 to 0.25")
                .contains("1 images, error of 4.75 or more")
                .hasSizeLessThan(10_000);
    }

    @Test
    void isTheSameWhereDigitsAreOthers() {
        String chart = scatter(1, 2);

        try (ArabicDigits _ = new ArabicDigits()) {
            assertThat(scatter(1, 2)).isEqualTo(chart);
        }
    }

    @ParameterizedTest
    @CsvSource({"0, 1, 0.2", "20, 35, 25", "0, 0.00001, 0.000002", "-3e9, 3e9, 2000000000", "7, 7, 6.5"})
    void ticksAreRoundOnAnyScale(double low, double high, String tick) {
        assertThat(scatter(low, high)).contains(">" + tick + "<").doesNotContain("NaN", "Infinity");
    }

    @Test
    void dotsAreNamedUnlessThereAreTooMany() {
        assertThat(scatter(1, 2)).contains("<title>image 1</title>");
        assertThat(scatter(new double[1201])).doesNotContain("<title>");
    }

    @Test
    void aModelWithoutAFigureIsStillARowAndDoesNotStretchTheAxis() {
        Markup page = new Markup();
        Chart.points(
                page,
                "models",
                List.of(
                        new Bar("good", "", Estimate.of(0.85, new Interval(0.82, 0.88)), 0),
                        new Bar("constant", "", Estimate.absent("all computed scores are the same"), 0)),
                "SRCC");

        assertThat(page.toString())
                .contains(
                        "good: 0.8500, 95 % interval 0.820 to 0.880",
                        ">constant<", ">all computed scores are the same<")
                .doesNotContain(">0<", ">0.5<");
    }
}
