package io.github.m3agiqa.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.testing.DrawnImages;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DegradationTest {
    private static final long SEED = 5;

    private final RgbImage picture = new ImageDecoder(ImageDecoder.Limits.DEFAULT)
            .decode("drawn", DrawnImages.encode(DrawnImages.landscape(211, 150, 4), "png"), AlphaMode.DROP);

    /** A measure of the picture and of its five spoilt copies, the mildest first. */
    private List<Double> measured(Degradation degradation, ToDoubleFunction<RgbImage> measure) {
        List<Double> values = new ArrayList<>(List.of(measure.applyAsDouble(picture)));
        for (double strength : degradation.strengths()) {
            values.add(measure.applyAsDouble(degradation.apply(picture, strength, SEED)));
        }
        return values;
    }

    @ParameterizedTest
    @EnumSource
    void fiveStrengthsLeadEverFartherFromThePicture(Degradation degradation) {
        List<Double> distances = measured(degradation, copy -> squaredDifference(copy, picture));

        assertThat(distances).hasSize(1 + 5).isSorted().doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @EnumSource(names = {"BLUR", "SAMPLING"})
    void whatIsLostIsDetail(Degradation degradation) {
        List<Double> energies = measured(degradation, DegradationTest::gradientEnergy);

        assertThat(energies.reversed()).isSorted().doesNotHaveDuplicates();
    }

    @Test
    void noiseHasItsDeviation() {
        byte[] grey = new byte[3 * 200 * 200];
        Arrays.fill(grey, (byte) 128);
        RgbImage plain = new RgbImage(200, 200, grey);

        for (double strength : new double[] {8, 16, 32}) {
            RgbImage noisy = Degradation.NOISE.apply(plain, strength, SEED);
            // of 120 000 samples the deviation is known to 0.2 %
            assertThat(Math.sqrt(squaredDifference(noisy, plain))).isCloseTo(strength, within(0.02 * strength));
        }
    }

    /** Also from a picture that was stored as JPEG before, as most were: each step takes detail away. */
    @Test
    void whatWasStoredBeforeIsSpoiltStepByStep() {
        RgbImage stored = new ImageDecoder(ImageDecoder.Limits.DEFAULT)
                .decode("stored", ImageEncoder.jpeg(picture, 75), AlphaMode.DROP);
        List<Double> distances = new ArrayList<>();
        List<Double> steps = new ArrayList<>();
        for (double quality = 50; quality >= 15; quality -= 5) {
            RgbImage copy = Degradation.JPEG.apply(stored, quality, SEED);
            distances.add(squaredDifference(copy, stored));
            steps.add(columnSteps(copy, true) / columnSteps(copy, false));
        }

        assertThat(distances).isSorted();
        assertThat(steps).isSorted();
    }

    @Test
    void blocksOfEightPixelsShow() {
        List<Double> blockiness =
                measured(Degradation.JPEG, copy -> columnSteps(copy, true) / Math.max(1, columnSteps(copy, false)));

        assertThat(blockiness.getLast()).isGreaterThan(3 * blockiness.getFirst());
    }

    @ParameterizedTest
    @EnumSource
    void theSameSeedGivesTheSamePicture(Degradation degradation) {
        double strength = degradation.strengths().getFirst();
        RgbImage once = degradation.apply(picture, strength, SEED);
        RgbImage again = degradation.apply(picture, strength, SEED);

        assertThat(once.pixels()).isEqualTo(again.pixels());
        assertThat(List.of(once.width(), once.height())).containsExactly(picture.width(), picture.height());
    }

    private static double squaredDifference(RgbImage one, RgbImage other) {
        double sum = 0;
        for (int i = 0; i < one.pixels().length; i++) {
            double difference = (one.pixels()[i] & 0xff) - (other.pixels()[i] & 0xff);
            sum += difference * difference;
        }
        return sum / one.pixels().length;
    }

    private static double gradientEnergy(RgbImage image) {
        int row = 3 * image.width();
        double sum = 0;
        for (int i = row; i < image.pixels().length; i++) {
            double down = (image.pixels()[i] & 0xff) - (image.pixels()[i - row] & 0xff);
            double right = i % row < 3 ? 0 : (image.pixels()[i] & 0xff) - (image.pixels()[i - 3] & 0xff);
            sum += down * down + right * right;
        }
        return sum;
    }

    /** The mean step between neighbouring columns of which the right one does, or does not, begin a block. */
    private static double columnSteps(RgbImage image, boolean betweenBlocks) {
        double sum = 0;
        int steps = 0;
        for (int y = 0; y < image.height(); y++) {
            for (int x = 1; x < image.width(); x++) {
                if ((x % 8 == 4) == betweenBlocks) {
                    int at = 3 * (y * image.width() + x);
                    sum += Math.abs((image.pixels()[at] & 0xff) - (image.pixels()[at - 3] & 0xff));
                    steps++;
                }
            }
        }
        return sum / steps;
    }
}
