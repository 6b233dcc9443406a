package io.github.m3agiqa.teacher;

/**
 * What a convolution or a pool looks at.
 *
 * @param height cells
 * @param width cells
 * @param rowStep how far it moves down
 * @param columnStep how far it moves to the right
 * @param same whether the input is padded so that a step of 1 keeps its size; by TensorFlow's rule an odd padding has
 *     its larger part at the bottom and on the right
 */
record Window(int height, int width, int rowStep, int columnStep, boolean same) {
    Window {
        if (height < 1 || width < 1 || rowStep < 1 || columnStep < 1) {
            throw new IllegalArgumentException(
                    "a window of %d x %d that moves by %d and %d".formatted(height, width, rowStep, columnStep));
        }
    }

    /** Cells that are added to an input. */
    record Padding(int top, int bottom, int left, int right) {
        boolean symmetric() {
            return top == bottom && left == right;
        }

        Grid of(Grid grid) {
            return new Grid(grid.rows().padded(top, bottom), grid.columns().padded(left, right));
        }
    }

    Padding padding(long rows, long columns) {
        int down = same ? total(rows, height, rowStep) : 0;
        int right = same ? total(columns, width, columnStep) : 0;
        return new Padding(down / 2, down - down / 2, right / 2, right - right / 2);
    }

    private static int total(long cells, int size, int step) {
        return Math.toIntExact(Math.max((Math.ceilDiv(cells, step) - 1) * step + size - cells, 0));
    }

    Grid of(Grid grid) {
        Grid padded = padding(grid.rows().cells(), grid.columns().cells()).of(grid);
        return new Grid(
                padded.rows().windowed(height, rowStep), padded.columns().windowed(width, columnStep));
    }
}
