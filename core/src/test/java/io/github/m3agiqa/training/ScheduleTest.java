package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.training.Schedule.Kind;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Learning rates over a run of 1000 steps, 220 of them warm-up, by the formulas that their javadoc names. */
class ScheduleTest {
    @ParameterizedTest
    @CsvSource({
        "CONSTANT, 0, 0",
        "CONSTANT, 110, 0.5",
        "CONSTANT, 999, 1",
        "COSINE, 55, 0.25",
        "COSINE, 220, 1",
        "COSINE, 610, 0.5",
        "COSINE, 1000, 0",
        "LINEAR, 610, 0.5",
        "LINEAR, 1000, 0",
        "WARMUP_LOG, 0, 0",
        "WARMUP_LOG, 1, 0.128512", // ln 2 / ln 220
        "WARMUP_LOG, 219, 1",
        "WARMUP_LOG, 900, 1",
    })
    void followTheirCurve(Kind kind, long step, double factor) {
        assertThat(new Schedule(kind, 220).factor(step, 1000)).isEqualTo(factor, within(1e-6));
    }
}
