package io.github.m3agiqa.predictor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class SlstmRecurrenceTest {
    private static final int HEADS = 4;
    private static final int SIZE = 8;
    private static final int BATCH = 2;
    private static final int STEPS = 60;

    private final Random random = new Random(5);

    private float[] random(int count, double scale) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) (scale * random.nextGaussian());
        }
        return numbers;
    }

    /** The equations as they stand in the paper, in float64 and without a stabilizer. */
    @Test
    void computesTheEquations() {
        float[] kernel = random(HEADS * SIZE * 4 * SIZE, 0.2);
        float[] inputs = random(BATCH * STEPS * HEADS * 4 * SIZE, 1);
        double[] expected = new double[BATCH * STEPS * HEADS * SIZE];
        for (int batch = 0; batch < BATCH; batch++) {
            for (int head = 0; head < HEADS; head++) {
                double[] y = new double[SIZE];
                double[] c = new double[SIZE];
                double[] n = new double[SIZE];
                for (int step = 0; step < STEPS; step++) {
                    int at = (batch * STEPS + step) * HEADS + head;
                    double[] gates = new double[4 * SIZE];
                    for (int j = 0; j < gates.length; j++) {
                        gates[j] = inputs[at * 4 * SIZE + j];
                        for (int k = 0; k < SIZE; k++) {
                            gates[j] += y[k] * kernel[(head * SIZE + k) * 4 * SIZE + j];
                        }
                    }
                    for (int j = 0; j < SIZE; j++) {
                        double input = Math.exp(gates[j]);
                        double forget = 1 / (1 + Math.exp(-gates[SIZE + j]));
                        c[j] = forget * c[j] + input * Math.tanh(gates[2 * SIZE + j]);
                        n[j] = forget * n[j] + input;
                        y[j] = c[j] / n[j] / (1 + Math.exp(-gates[3 * SIZE + j]));
                        expected[at * SIZE + j] = y[j];
                    }
                }
            }
        }

        float[] outputs = new SlstmRecurrence(kernel, HEADS, SIZE).run(inputs, BATCH, STEPS);

        for (int i = 0; i < expected.length; i++) {
            assertThat((double) outputs[i]).isCloseTo(expected[i], Offset.offset(1e-5));
        }
    }

    /** Gates of hundreds would overflow without a stabilizer; what is no number stays none. */
    @Test
    void largeGatesAreNoOverflowAndNotANumberStaysOne() {
        float[] inputs = random(STEPS * HEADS * 4 * SIZE, 300);
        SlstmRecurrence recurrence = new SlstmRecurrence(random(HEADS * SIZE * 4 * SIZE, 1), HEADS, SIZE);

        for (float output : recurrence.run(inputs, 1, STEPS)) {
            assertThat(output).isBetween(-1f, 1f);
        }
        inputs[HEADS * 4 * SIZE] = Float.POSITIVE_INFINITY;
        assertThat(recurrence.run(inputs, 1, STEPS)).contains(Float.NaN);
    }
}
