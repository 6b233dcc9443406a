package io.github.m3agiqa.teacher;

import io.github.m3agiqa.tensor.Torch;
import org.bytedeco.pytorch.Tensor;

/** A map of numbers with the layers of convolutional networks as plain loops, the control for what libtorch makes. */
final class PlainMap {
    final int channels;
    final int rows;
    final int columns;
    final double[] numbers;

    private PlainMap(int channels, int rows, int columns) {
        this.channels = channels;
        this.rows = rows;
        this.columns = columns;
        this.numbers = new double[channels * rows * columns];
    }

    interface Cell {
        double at(int channel, int row, int column);
    }

    static PlainMap of(int channels, int rows, int columns, Cell cell) {
        PlainMap map = new PlainMap(channels, rows, columns);
        for (int c = 0; c < channels; c++) {
            for (int i = 0; i < rows; i++) {
                for (int j = 0; j < columns; j++) {
                    map.numbers[(c * rows + i) * columns + j] = cell.at(c, i, j);
                }
            }
        }
        return map;
    }

    double at(int channel, int row, int column) {
        return numbers[(channel * rows + row) * columns + column];
    }

    boolean inside(int row, int column) {
        return row >= 0 && row < rows && column >= 0 && column < columns;
    }

    Tensor tensor() {
        float[] floats = new float[numbers.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) numbers[i];
        }
        return Torch.floats(floats, 1, channels, rows, columns);
    }

    /** Where a window begins that keeps {@code ceil(size / step)} cells: half of what is missing, rounded down. */
    private static int before(int size, int window, int step, boolean same) {
        int missing = ((size + step - 1) / step - 1) * step + window - size;
        return same ? Math.max(missing, 0) / 2 : 0;
    }

    private static int after(int size, int window, int step, boolean same) {
        return same ? (size + step - 1) / step : (size - window) / step + 1;
    }

    /** A convolution; {@code kernel} is (size, size, inputs, outputs), or (size, size, inputs, 1) depthwise. */
    PlainMap convolved(float[] kernel, int size, int outputs, int step, boolean same, boolean depthwise) {
        int top = before(rows, size, step, same);
        int left = before(columns, size, step, same);
        return of(outputs, after(rows, size, step, same), after(columns, size, step, same), (o, i, j) -> {
            double sum = 0;
            for (int u = 0; u < size; u++) {
                for (int v = 0; v < size; v++) {
                    int row = i * step - top + u;
                    int column = j * step - left + v;
                    for (int c = 0; c < channels && inside(row, column); c++) {
                        int tap = (u * size + v) * channels + c;
                        if (!depthwise) {
                            sum += at(c, row, column) * kernel[tap * outputs + o];
                        } else if (c == o) {
                            sum += at(c, row, column) * kernel[tap];
                        }
                    }
                }
            }
            return sum;
        });
    }

    PlainMap pooled(int size, int step, boolean same, boolean largest) {
        int top = before(rows, size, step, same);
        int left = before(columns, size, step, same);
        return of(channels, after(rows, size, step, same), after(columns, size, step, same), (c, i, j) -> {
            double sum = 0;
            double most = Double.NEGATIVE_INFINITY;
            int count = 0;
            for (int u = 0; u < size; u++) {
                for (int v = 0; v < size; v++) {
                    if (inside(i * step - top + u, j * step - left + v)) {
                        double number = at(c, i * step - top + u, j * step - left + v);
                        sum += number;
                        most = Math.max(most, number);
                        count++;
                    }
                }
            }
            return largest ? most : sum / count;
        });
    }

    PlainMap normalized(float[] gamma, float[] beta, float[] mean, float[] variance, double epsilon) {
        return of(
                channels,
                rows,
                columns,
                (c, i, j) -> (at(c, i, j) - mean[c]) / Math.sqrt(variance[c] + epsilon) * gamma[c] + beta[c]);
    }

    PlainMap clamped(double most) {
        return of(channels, rows, columns, (c, i, j) -> Math.clamp(at(c, i, j), 0, most));
    }

    PlainMap plus(float[] bias) {
        return of(channels, rows, columns, (c, i, j) -> at(c, i, j) + bias[c]);
    }

    PlainMap plus(PlainMap other) {
        return of(channels, rows, columns, (c, i, j) -> at(c, i, j) + other.at(c, i, j));
    }

    PlainMap beside(PlainMap other) {
        return of(
                channels + other.channels,
                rows,
                columns,
                (c, i, j) -> c < channels ? at(c, i, j) : other.at(c - channels, i, j));
    }

    /** With zeros added below and on the right. */
    PlainMap padded(int bottom, int right) {
        return of(channels, rows + bottom, columns + right, (c, i, j) -> inside(i, j) ? at(c, i, j) : 0);
    }
}
