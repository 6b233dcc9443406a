package io.github.m3agiqa.teacher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Which cells count for a square of 32 pixels, and what becomes of them. */
class TeacherSquaresTest {
    private static Grid grid(int cells, int stride, double first) {
        Axis axis = new Axis(cells, stride, first);
        return new Grid(axis, axis);
    }

    /** mixed7 of InceptionV3 at 512 pixels: cells at 21.5, 37.5, 53.5, .. 485.5. */
    @Test
    void atTheEdgeTheNearestCellsCount() {
        SquarePooling squares = new SquarePooling(grid(30, 16, 21.5), 16, 32);

        assertThat(squares.cells(17)).containsExactly(31, 32, 61, 62); // rows 37.5 and 53.5, columns as well
        assertThat(squares.cells(0)).containsExactlyInAnyOrder(0, 1, 30, 31);
        // around (16, 48): 21.5 with 53.5, 37.5 and 69.5, and 37.5 with 53.5
        assertThat(squares.cells(1)).containsExactlyInAnyOrder(2, 1, 3, 32);
        // 485.5 and 469.5 lie 10.5 and 26.5 before the last centre, their corner 37.5
        assertThat(squares.cells(255)).containsExactlyInAnyOrder(29 * 30 + 29, 29 * 30 + 28, 28 * 30 + 29);
    }

    @Test
    void insideAllCellsOfTheSquareCount() {
        SquarePooling squares = new SquarePooling(grid(61, 8, 13.5), 16, 32);

        assertThat(squares.cells(17)).hasSize(16).startsWith(3 * 61 + 3).endsWith(6 * 61 + 6); // 37.5 .. 61.5
        assertThat(squares.cells(0)).hasSize(9); // 13.5, 21.5, 29.5
    }

    @Test
    void farFromAllCellsTheNearestCounts() {
        SquarePooling squares = new SquarePooling(grid(1, 32, 80), 4, 32);

        assertThat(squares.cells(0)).containsExactly(0);
        assertThat(new SquarePooling(grid(14, 32, 37.5), 16, 32).cells(255)).containsExactly(14 * 14 - 1);
    }

    @Test
    void cellsAsFarApartAsSquaresHaveNoDeviation() {
        try (Scope _ = new Scope()) {
            SquarePooling wide = new SquarePooling(grid(14, 32, 37.5), 16, 32);
            SquarePooling narrow = new SquarePooling(grid(30, 16, 21.5), 16, 32);

            assertThat(wide.pool(Torch.floats(new float[14 * 14 * 5], 14 * 14, 5))
                            .size(1))
                    .isEqualTo(5);
            assertThat(narrow.pool(Torch.floats(new float[900 * 5], 900, 5)).size(1))
                    .isEqualTo(10);
        }
    }

    @Test
    void meansAndDeviationsAreThoseOfPlainLoops() {
        Random random = new Random(2);
        float[] numbers = new float[30 * 30 * 2];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = random.nextFloat();
        }
        SquarePooling squares = new SquarePooling(grid(30, 16, 21.5), 16, 32);
        float[] pooled;
        try (Scope _ = new Scope()) {
            pooled = Torch.toFloats(squares.pool(Torch.floats(numbers, 900, 2)));
        }

        assertThat(pooled).hasSize(256 * 4);
        for (int square = 0; square < 256; square++) {
            int[] cells = squares.cells(square);
            for (int channel = 0; channel < 2; channel++) {
                double sum = 0;
                double squared = 0;
                for (int cell : cells) {
                    double number = numbers[2 * cell + channel];
                    sum += number;
                    squared += number * number;
                }
                double mean = sum / cells.length;
                double deviation = Math.sqrt(squared / cells.length - mean * mean);
                assertThat(pooled[4 * square + channel]).isCloseTo((float) mean, within(1e-6f));
                assertThat(pooled[4 * square + 2 + channel]).isCloseTo((float) deviation, within(1e-5f));
            }
        }
    }
}
