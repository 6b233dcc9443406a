package io.github.m3agiqa.teacher;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * What a layer says about every square of an image: mean and deviation of its channels over the cells whose centre lies
 * in the square. Where fewer than four do, the four nearest count, as far as they are within a side of the square's
 * centre; if none is, the nearest. Of a layer with cells as far apart as squares only the mean is taken.
 */
final class SquarePooling {
    private static final int FEWEST = 4;

    private final boolean deviations;
    private final List<int[]> cells = new ArrayList<>();

    /**
     * Assigns cells to squares.
     *
     * @param side squares in a row and in a column
     * @param patch side of a square in pixels
     */
    SquarePooling(Grid grid, int side, int patch) {
        this.deviations = Math.max(grid.rows().stride(), grid.columns().stride()) < patch;
        for (int row = 0; row < side; row++) {
            for (int column = 0; column < side; column++) {
                cells.add(cells(grid, (row + 0.5) * patch, (column + 0.5) * patch, patch));
            }
        }
    }

    private static int[] cells(Grid grid, double row, double column, int patch) {
        int columns = grid.columns().cells();
        List<double[]> near = new ArrayList<>(); // cell, distance, whether inside
        for (int i = 0; i < grid.rows().cells(); i++) {
            double down = grid.rows().centre(i) - row;
            for (int j = 0; j < columns; j++) {
                double right = grid.columns().centre(j) - column;
                boolean inside = 2 * down >= -patch && 2 * down < patch && 2 * right >= -patch && 2 * right < patch;
                near.add(new double[] {i * columns + j, Math.hypot(down, right), inside ? 1 : 0});
            }
        }
        int[] inside = cells(near.stream().filter(cell -> cell[2] == 1).toList());
        if (inside.length >= FEWEST) {
            return inside;
        }
        near.sort(Comparator.comparingDouble(cell -> cell[1]));
        int[] nearest = cells(
                near.stream().filter(cell -> cell[1] <= patch).limit(FEWEST).toList());
        return nearest.length > 0 ? nearest : cells(near.subList(0, 1));
    }

    private static int[] cells(List<double[]> near) {
        return near.stream().mapToInt(cell -> (int) cell[0]).toArray();
    }

    /** The cells that count for a square, row by row. */
    int[] cells(int square) {
        return cells.get(square).clone();
    }

    /**
     * Pools a layer.
     *
     * @param flat (cells, channels)
     * @return (squares, channels), or twice as many numbers with deviations
     */
    Tensor pool(Tensor flat) {
        Map<Integer, List<Integer>> squaresByCells = new TreeMap<>();
        for (int square = 0; square < cells.size(); square++) {
            squaresByCells
                    .computeIfAbsent(cells.get(square).length, _ -> new ArrayList<>())
                    .add(square);
        }
        Device device = Device.of(flat);
        List<Tensor> parts = new ArrayList<>();
        int[] places = new int[cells.size()];
        int place = 0;
        for (var entry : squaresByCells.entrySet()) {
            List<Integer> squares = entry.getValue();
            for (int square : squares) {
                places[square] = place++;
            }
            int[] chosen = squares.stream()
                    .flatMapToInt(square -> IntStream.of(cells.get(square)))
                    .toArray();
            Tensor values = flat.index_select(0, Torch.indices(device, chosen))
                    .view(squares.size(), entry.getKey(), flat.size(1));
            parts.add(statistics(values, 1, deviations));
        }
        return Torch.cat(0, parts).index_select(0, Torch.indices(device, places));
    }

    /** The means over a dimension, which goes, and after them the population's deviations if they are wanted. */
    static Tensor statistics(Tensor values, long dimension, boolean deviations) {
        Tensor mean = Torch.mean(values, dimension);
        if (!deviations) {
            return mean.squeeze(dimension);
        }
        Tensor deviation = Torch.mean(values.sub(mean).square(), dimension).sqrt();
        return Torch.cat(-1, mean.squeeze(dimension), deviation.squeeze(dimension));
    }
}
