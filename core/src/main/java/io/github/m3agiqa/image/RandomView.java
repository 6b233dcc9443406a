package io.github.m3agiqa.image;

import java.util.SplittableRandom;

/**
 * Another picture made of a picture, for networks to learn from what teachers see in it: a part of it, magnified;
 * often in other tones; sometimes blurred by sampling, or with noise. People would score it otherwise than the picture.
 *
 * @see <a href="https://arxiv.org/abs/2106.05237">Knowledge distillation: a good teacher is patient and consistent</a>
 */
public final class RandomView {
    private static final double SMALLEST_PART = 0.5;
    private static final double OTHER_TONES = 0.5;
    private static final double MOST_GAIN = 1.4;
    private static final double MOST_OFFSET = 30;
    private static final double BLURRED = 0.25;
    private static final double MOST_SHRINKING = 4;
    private static final double NOISY = 0.25;
    private static final double MOST_NOISE = 25;
    private static final int LEVELS = 255;

    private RandomView() {}

    /** A view of the picture's own size; the same for the same seed. */
    public static RgbImage of(RgbImage image, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        RgbImage view = part(image, random);
        if (random.nextDouble() < BLURRED) {
            double shrinking = random.nextDouble(1, MOST_SHRINKING);
            view = view.resized(shrunk(image.width(), shrinking), shrunk(image.height(), shrinking))
                    .resized(image.width(), image.height());
        }
        boolean otherTones = random.nextDouble() < OTHER_TONES;
        double noise = random.nextDouble() < NOISY ? random.nextDouble(MOST_NOISE) : 0;
        return otherTones || noise > 0 ? recoloured(view, otherTones, noise, random) : view;
    }

    private static RgbImage part(RgbImage image, SplittableRandom random) {
        double share = random.nextDouble(SMALLEST_PART, 1);
        int width = (int) Math.ceil(share * image.width());
        int height = (int) Math.ceil(share * image.height());
        return image.crop(
                        random.nextInt(image.width() - width + 1),
                        random.nextInt(image.height() - height + 1),
                        width,
                        height)
                .resized(image.width(), image.height());
    }

    private static int shrunk(int size, double shrinking) {
        return Math.max(1, (int) Math.round(size / shrinking));
    }

    private static RgbImage recoloured(RgbImage image, boolean otherTones, double noise, SplittableRandom random) {
        double[] gain = {1, 1, 1};
        double[] offset = {0, 0, 0};
        if (otherTones) {
            double contrast = random.nextDouble(1 / MOST_GAIN, MOST_GAIN);
            double brightness = random.nextDouble(-MOST_OFFSET, MOST_OFFSET);
            for (int channel = 0; channel < gain.length; channel++) {
                gain[channel] = contrast;
                // contrast turns around grey; each channel is also a little brighter or darker than the others
                offset[channel] =
                        brightness + (1 - contrast) * LEVELS / 2 + random.nextDouble(-MOST_OFFSET, MOST_OFFSET) / 2;
            }
        }
        byte[] in = image.pixels();
        byte[] out = new byte[in.length];
        for (int i = 0; i < in.length; i++) {
            double grain = noise == 0 ? 0 : noise * random.nextGaussian();
            out[i] = (byte) Math.clamp(Math.round((in[i] & 0xff) * gain[i % 3] + offset[i % 3] + grain), 0, LEVELS);
        }
        return new RgbImage(image.width(), image.height(), out);
    }
}
