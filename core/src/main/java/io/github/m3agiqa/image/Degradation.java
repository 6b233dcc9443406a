package io.github.m3agiqa.image;

import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Ways to spoil a picture, each with five strengths from one that is seen at a second look to one that is gross. */
public enum Degradation {
    BLUR("Gaussian blur", "standard deviation in pixels") {
        @Override
        public RgbImage apply(RgbImage image, double strength, long seed) {
            return blurred(image, strength);
        }
    },
    NOISE("Gaussian noise", "standard deviation in levels of 255") {
        @Override
        public RgbImage apply(RgbImage image, double strength, long seed) {
            Random random = new Random(seed);
            byte[] in = image.pixels();
            byte[] out = new byte[in.length];
            for (int i = 0; i < in.length; i++) {
                out[i] = level((in[i] & 0xff) + strength * random.nextGaussian());
            }
            return new RgbImage(image.width(), image.height(), out);
        }
    },
    /**
     * Blocks lie between those of a JPEG that the picture may come from. On the same ones a coarser table takes no more
     * coefficients away until its steps pass the next multiple of the old ones: one of quality 75 loses the same at
     * quality 25 as at 40.
     */
    JPEG("JPEG", "quality of 100") {
        @Override
        public RgbImage apply(RgbImage image, double strength, long seed) {
            byte[] stored = ImageEncoder.jpeg(image.framed(HALF_A_BLOCK), strength);
            return new ImageDecoder(ImageDecoder.Limits.DEFAULT)
                    .decode("stored", stored, AlphaMode.DROP)
                    .crop(HALF_A_BLOCK, HALF_A_BLOCK, image.width(), image.height());
        }
    },
    SAMPLING("down-sampled and up again", "factor") {
        @Override
        public RgbImage apply(RgbImage image, double strength, long seed) {
            return image.resized(part(image.width(), strength), part(image.height(), strength))
                    .resized(image.width(), image.height());
        }
    };

    private static final int HALF_A_BLOCK = 4;

    private final String title;
    private final String unit;

    Degradation(String title, String unit) {
        this.title = title;
        this.unit = unit;
    }

    /** What is done, for reports. */
    public String title() {
        return title;
    }

    /** What a strength is a number of. */
    public String unit() {
        return unit;
    }

    /** The five strengths, the mildest first. */
    public List<Double> strengths() {
        return switch (this) {
            case BLUR -> List.of(1.0, 2.0, 3.0, 5.0, 8.0);
            case NOISE -> List.of(8.0, 16.0, 32.0, 48.0, 64.0);
            case JPEG -> List.of(40.0, 25.0, 15.0, 8.0, 4.0);
            case SAMPLING -> List.of(2.0, 3.0, 4.0, 6.0, 8.0);
        };
    }

    /**
     * A strength between the mildest and the worst of {@link #strengths()}.
     *
     * @param place 0 for the mildest, 1 for the worst; half-way is their geometric mean
     */
    public double strength(double place) {
        double mildest = strengths().getFirst();
        return mildest * StrictMath.pow(strengths().getLast() / mildest, place);
    }

    /**
     * A spoilt copy of a picture, as large as it.
     *
     * @param strength positive, in {@link #unit()}
     * @param seed of what is random; with one seed a stronger noise is the weaker one multiplied
     */
    public abstract RgbImage apply(RgbImage image, double strength, long seed);

    private static RgbImage blurred(RgbImage image, double deviation) {
        int reach = (int) Math.ceil(3 * deviation);
        double[] weights = new double[2 * reach + 1];
        double sum = 0;
        for (int i = 0; i < weights.length; i++) {
            double distance = (i - reach) / deviation;
            weights[i] = StrictMath.exp(-distance * distance / 2);
            sum += weights[i];
        }
        for (int i = 0; i < weights.length; i++) {
            weights[i] /= sum;
        }
        int width = image.width();
        int height = image.height();
        byte[] in = image.pixels();
        double[] across = new double[in.length];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                for (int i = 0; i < weights.length; i++) {
                    int from = 3 * (y * width + Math.clamp(x + i - reach, 0, width - 1));
                    for (int channel = 0; channel < 3; channel++) {
                        across[3 * (y * width + x) + channel] += weights[i] * (in[from + channel] & 0xff);
                    }
                }
            }
        }
        byte[] out = new byte[in.length];
        double[] row = new double[3 * width];
        for (int y = 0; y < height; y++) {
            Arrays.fill(row, 0);
            for (int i = 0; i < weights.length; i++) {
                int from = 3 * width * Math.clamp(y + i - reach, 0, height - 1);
                for (int j = 0; j < row.length; j++) {
                    row[j] += weights[i] * across[from + j];
                }
            }
            for (int j = 0; j < row.length; j++) {
                out[3 * width * y + j] = level(row[j]);
            }
        }
        return new RgbImage(width, height, out);
    }

    private static int part(int size, double factor) {
        return Math.max(1, (int) Math.round(size / factor));
    }

    private static byte level(double value) {
        return (byte) Math.clamp(Math.round(value), 0, 255);
    }
}
