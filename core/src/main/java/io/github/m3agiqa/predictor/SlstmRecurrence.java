package io.github.m3agiqa.predictor;

import static io.github.m3agiqa.predictor.Slstm.GATES;

import java.util.Arrays;

/**
 * The steps of an sLSTM over plain arrays. One step of one conversation is a few thousand multiplications; as tensors it
 * would be fifteen calls of the engine, each of which costs more than it computes.
 *
 * <p>Arithmetic and results are those of {@link SlstmSteps} up to rounding, without gradients.
 */
final class SlstmRecurrence {
    /**
     * The rows of R, (heads * size, gates * size). Each is an array of its own, as the compiler makes no vectors of a loop
     * that begins at different places of two arrays, which may be the same one.
     */
    private final float[][] kernel;

    private final int heads;
    private final int size;

    /**
     * @param kernel R, (heads, size, gates * size), gates i, f, z, o
     * @param size channels of a head
     */
    SlstmRecurrence(float[] kernel, int heads, int size) {
        this.heads = heads;
        this.size = size;
        this.kernel = new float[heads * size][];
        int width = GATES * size;
        Arrays.setAll(this.kernel, row -> Arrays.copyOfRange(kernel, row * width, (row + 1) * width));
    }

    /**
     * Runs all steps.
     *
     * @param inputs W x + b, (batch, steps, heads, gates * size)
     * @return y, (batch, steps, heads, size)
     */
    float[] run(float[] inputs, int batch, int steps) {
        float[] outputs = new float[batch * steps * heads * size];
        for (int sequence = 0; sequence < batch; sequence++) {
            for (int head = 0; head < heads; head++) {
                Memory memory = new Memory();
                for (int step = 0; step < steps; step++) {
                    int at = (sequence * steps + step) * heads + head;
                    System.arraycopy(inputs, at * GATES * size, memory.before, 0, GATES * size);
                    if (step == 0) {
                        memory.first();
                    } else {
                        memory.addRecurrent(head);
                        memory.next();
                    }
                    System.arraycopy(memory.output, 0, outputs, at * size, size);
                }
            }
        }
        return outputs;
    }

    /** What a head remembers of a sequence; the names are those of the equations, with c and n over e^m. */
    private final class Memory {
        private final float[] before = new float[GATES * size]; // W x + R y + b
        private final float[] output = new float[size]; // y
        private final float[] cell = new float[size]; // c
        private final float[] normalizer = new float[size]; // n
        private final float[] stabilizer = new float[size]; // m

        /** Adds R y. */
        void addRecurrent(int head) {
            for (int k = 0; k < size; k++) {
                float y = output[k];
                float[] row = kernel[head * size + k];
                for (int j = 0; j < row.length; j++) {
                    before[j] = Math.fma(y, row[j], before[j]);
                }
            }
        }

        /** The memory is empty, and only the input counts. */
        void first() {
            for (int j = 0; j < size; j++) {
                stabilizer[j] = before[j];
                cell[j] = tanh(before[2 * size + j]);
                normalizer[j] = 1;
                output[j] = sigmoid(before[3 * size + j]) * cell[j];
            }
        }

        void next() {
            for (int j = 0; j < size; j++) {
                float logInput = before[j];
                float logForget = stabilizer[j] + logSigmoid(before[size + j]);
                float largest = Math.max(logInput, logForget);
                float write = (float) Math.exp(logInput - largest);
                float keep = (float) Math.exp(logForget - largest);
                stabilizer[j] = largest;
                cell[j] = keep * cell[j] + write * tanh(before[2 * size + j]);
                normalizer[j] = keep * normalizer[j] + write;
                output[j] = sigmoid(before[3 * size + j]) * cell[j] / normalizer[j];
            }
        }
    }

    private static float sigmoid(float x) {
        return (float) (1 / (1 + Math.exp(-x)));
    }

    private static float logSigmoid(float x) {
        return (float) (Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))));
    }

    private static float tanh(float x) {
        return (float) (1 - 2 / (1 + Math.exp(2.0 * x)));
    }
}
