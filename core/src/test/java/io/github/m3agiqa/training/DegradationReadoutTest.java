package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.image.Degradation;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.training.DegradationReadout.Spoiling;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class DegradationReadoutTest {
    private static final int HIDDEN = 8;
    private static final int CLEAN = 8;

    private static List<Spoiling> spoilings(long first, int count) {
        return LongStream.range(first, first + count).mapToObj(Spoiling::random).toList();
    }

    /** States that say how far a picture is spoilt, beside what all of them and what each one alone has. */
    private static Tensor states(List<Spoiling> spoilings, Random random) {
        int pictures = CLEAN + spoilings.size();
        float[] states = new float[pictures * HIDDEN];
        for (int i = 0; i < states.length; i++) {
            states[i] = 5 + 0.02f * (float) random.nextGaussian();
        }
        for (int i = 0; i < spoilings.size(); i++) {
            int way =
                    Arrays.asList(Degradation.values()).indexOf(spoilings.get(i).kind());
            states[(CLEAN + i) * HIDDEN + way] +=
                    (float) (0.2 + 0.8 * spoilings.get(i).place());
        }
        return Torch.floats(states, pictures, HIDDEN);
    }

    @Test
    void seedsThatAreNearGiveAllWays() {
        List<Spoiling> spoilings = spoilings(1000, 40);

        assertThat(spoilings).extracting(Spoiling::kind).contains(Degradation.values());
        assertThat(spoilings)
                .extracting(Spoiling::place)
                .doesNotHaveDuplicates()
                .allMatch(p -> p >= 0 && p <= 1);
        assertThat(spoilings(1000, 40)).isEqualTo(spoilings);
    }

    /** A new readout finds nothing spoilt, so it misses all there is: over four ways of each picture. */
    @Test
    void theErrorIsOverAllWaysOfAllPictures() {
        List<Spoiling> spoilings =
                List.of(new Spoiling(Degradation.BLUR, 1, 0), new Spoiling(Degradation.BLOCKS, 0.5, 0));
        try (Scope _ = new Scope();
                DegradationReadout readout = new DegradationReadout(HIDDEN, Device.CPU)) {
            Tensor error = readout.error(states(spoilings, new Random(1)), spoilings);

            assertThat((double) Torch.toFloats(error)[0])
                    .isCloseTo((1 + 0.6 * 0.6) / (4.0 * (CLEAN + 2)), within(1e-6));
        }
    }

    @Test
    void itLearnsToReadStatesAndTheirGradientsSayHowToBeRead() {
        Optimization settings =
                new Optimization(0.05, List.of(0.9, 0.95), 1e-8, 0, 1, new Schedule(Schedule.Kind.COSINE, 10));
        try (Scope _ = new Scope();
                DegradationReadout readout = new DegradationReadout(HIDDEN, Device.CPU);
                AdamWOptimizer optimizer = new AdamWOptimizer(readout.weights(), _ -> false, settings)) {
            Random random = new Random(2);
            for (int step = 0; step < 200; step++) {
                List<Spoiling> spoilings = spoilings(100L * step, 8);
                readout.error(states(spoilings, random), spoilings).backward();
                optimizer.step(step, 200);
            }
            List<Spoiling> unseen = spoilings(-50, 8);
            Tensor states = states(unseen, random).requires_grad_(true);
            Tensor error = readout.error(states, unseen);
            error.backward();

            assertThat(Torch.toFloats(error)[0]).isLessThan(0.005f);
            assertThat((double) Torch.toFloats(Torch.gradient(states).abs().max())[0])
                    .isPositive();
        }
    }
}
