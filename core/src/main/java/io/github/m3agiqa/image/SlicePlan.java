package io.github.m3agiqa.image;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How MiniCPM-V cuts an image: a thumbnail of the whole, and, if the image is larger than one tile, a grid of tiles of
 * the resized image. All sizes are multiples of the patch size.
 *
 * @param thumbnail the size of the thumbnail, or of the only image where there is no grid
 * @param grid columns and rows of the tiles, null if the image is not sliced
 * @param tile the size of each tile, null if the image is not sliced
 */
public record SlicePlan(
        Size thumbnail, @Nullable Grid grid, @Nullable Size tile) {
    /** A size in pixels. */
    public record Size(int width, int height) {}

    /** Columns and rows of a grid. */
    public record Grid(int columns, int rows) {
        /** The number of cells. */
        public int cells() {
            return columns * rows;
        }
    }

    /**
     * The settings of the slicing.
     *
     * @param maxSlices the largest number of tiles
     * @param resolution the side of a square with the area that a tile should have, in pixels
     * @param patch the side of a patch, in pixels
     */
    public record Settings(int maxSlices, int resolution, int patch) {
        public Settings {
            if (maxSlices < 1 || patch < 1 || resolution < patch) {
                throw new IllegalArgumentException("maxSlices %d, resolution %d and patch %d do not fit together"
                        .formatted(maxSlices, resolution, patch));
            }
        }
    }

    /**
     * ln(columns / rows), as glibc rounds it: the choice between a grid and its transpose hangs on the last bit, and a
     * JVM may round it otherwise.
     */
    private static final Map<Grid, Double> LOG_RATIO = Map.ofEntries(
            Map.entry(new Grid(1, 2), -0.6931471805599453),
            Map.entry(new Grid(2, 1), 0.6931471805599453),
            Map.entry(new Grid(1, 3), -1.0986122886681098),
            Map.entry(new Grid(3, 1), 1.0986122886681098),
            Map.entry(new Grid(1, 4), -1.3862943611198906),
            Map.entry(new Grid(2, 2), 0.0),
            Map.entry(new Grid(4, 1), 1.3862943611198906),
            Map.entry(new Grid(1, 5), -1.6094379124341003),
            Map.entry(new Grid(5, 1), 1.6094379124341003),
            Map.entry(new Grid(1, 6), -1.791759469228055),
            Map.entry(new Grid(2, 3), -0.40546510810816444),
            Map.entry(new Grid(3, 2), 0.4054651081081644),
            Map.entry(new Grid(6, 1), 1.791759469228055),
            Map.entry(new Grid(1, 7), -1.9459101490553135),
            Map.entry(new Grid(7, 1), 1.9459101490553132),
            Map.entry(new Grid(1, 8), -2.0794415416798357),
            Map.entry(new Grid(2, 4), -0.6931471805599453),
            Map.entry(new Grid(4, 2), 0.6931471805599453),
            Map.entry(new Grid(8, 1), 2.0794415416798357),
            Map.entry(new Grid(1, 9), -2.1972245773362196),
            Map.entry(new Grid(3, 3), 0.0),
            Map.entry(new Grid(9, 1), 2.1972245773362196));

    /** Plans an image of that size. */
    public static SlicePlan of(int width, int height, Settings settings) {
        double area = (double) settings.resolution * settings.resolution;
        int wanted = (int) Math.min(Math.ceil((double) width * height / area), settings.maxSlices);
        if (wanted <= 1) {
            return new SlicePlan(bestSize(width, height, true, settings), null, null);
        }
        Grid grid = bestGrid(width, height, wanted, settings.maxSlices);
        int cellWidth = fit(width, grid.columns) / grid.columns;
        int cellHeight = fit(height, grid.rows) / grid.rows;
        return new SlicePlan(
                bestSize(width, height, false, settings), grid, bestSize(cellWidth, cellHeight, true, settings));
    }

    private static Grid bestGrid(int width, int height, int wanted, int maxSlices) {
        double logRatio = Math.log((double) width / height);
        Grid best = new Grid(1, 1);
        double smallest = Double.POSITIVE_INFINITY;
        for (int cells = Math.max(2, wanted - 1); cells <= Math.min(wanted + 1, maxSlices); cells++) {
            for (int columns = 1; columns <= cells; columns++) {
                if (cells % columns == 0) {
                    Grid grid = new Grid(columns, cells / columns);
                    double difference = Math.abs(logRatio - logRatio(grid));
                    if (difference < smallest) {
                        best = grid;
                        smallest = difference;
                    }
                }
            }
        }
        return best;
    }

    private static double logRatio(Grid grid) {
        Double tabulated = LOG_RATIO.get(grid);
        return tabulated != null ? tabulated : Math.log((double) grid.columns / grid.rows);
    }

    /** A size of about the tile's area and the same aspect ratio, scaled down always, up only if told so. */
    private static Size bestSize(int width, int height, boolean upscale, Settings settings) {
        double resolution = settings.resolution;
        if (!upscale && (double) width * height <= resolution * resolution) {
            return new Size(fit(width, settings.patch), fit(height, settings.patch));
        }
        double ratio = (double) width / height;
        double scaledHeight = Math.floor(resolution / Math.sqrt(ratio));
        // from the height as it was cut off, as published
        double scaledWidth = Math.floor(scaledHeight * ratio);
        return new Size(fit(scaledWidth, settings.patch), fit(scaledHeight, settings.patch));
    }

    /** The nearest multiple, at least one; halves go to the even multiple, as Python rounds. */
    private static int fit(double length, int multiple) {
        return Math.max((int) Math.rint(length / multiple) * multiple, multiple);
    }

    /** The number of images that come out: the thumbnail and the tiles. */
    public int images() {
        return 1 + (grid == null ? 0 : grid.cells());
    }

    /** The images: the thumbnail, then the tiles row by row. */
    public List<RgbImage> cut(RgbImage image) {
        List<RgbImage> images = new ArrayList<>(images());
        images.add(BicubicResize.resize(image, thumbnail.width, thumbnail.height));
        if (grid != null && tile != null) {
            RgbImage refined = BicubicResize.resize(image, tile.width * grid.columns, tile.height * grid.rows);
            for (int row = 0; row < grid.rows; row++) {
                for (int column = 0; column < grid.columns; column++) {
                    images.add(refined.crop(column * tile.width, row * tile.height, tile.width, tile.height));
                }
            }
        }
        return images;
    }
}
