package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.evaluation.Table.Cell;
import java.util.List;
import org.junit.jupiter.api.Test;

class TableTest {
    private static final Table TABLE = new Table(
            List.of("model", "n", "PLCC\nfit"),
            1,
            List.of(
                    List.of(new Cell("a long name", false), new Cell("12", false), new Cell("0.9", true)),
                    List.of(new Cell("b", false), new Cell("3", false), new Cell("0.85", false))));

    @Test
    void namesAreLeftAndNumbersRight() {
        assertThat(TABLE.text(100)).isEqualTo("""
                                 PLCC
                model         n   fit
                ─────────────────────
                a long name  12   0.9
                b             3  0.85
                """);
    }

    @Test
    void columnsMoveCloserBeforeNamesAreCut() {
        assertThat(TABLE.text(19)).isEqualTo("""
                               PLCC
                model        n  fit
                ───────────────────
                a long name 12  0.9
                b            3 0.85
                """);
        assertThat(TABLE.text(17)).contains("a long n… 12  0.9\n");
        assertThat(TABLE.text(1)).contains("a long …");
    }

    @Test
    void markdownSaysWhatIsBestAndNothingElse() {
        assertThat(TABLE.markdown()).isEqualTo("""
                | model | n | PLCC fit |
                | --- | ---: | ---: |
                | a long name | 12 | **0.9** |
                | b | 3 | 0.85 |
                """);
        assertThat(new Table(List.of("m"), 1, List.of(List.of(new Cell("a|b*c_d<e>", false)))).markdown())
                .contains("| a\\|b\\*c\\_d\\<e> |");
    }

    @Test
    void refusesRowsThatDoNotFit() {
        assertThatThrownBy(() -> new Table(List.of("a", "b"), 1, List.of(List.of(new Cell("1", false)))))
                .hasMessage("1 cells under 2 heads");
    }
}
