package io.github.m3agiqa.predictor;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.HeldTensors;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.WeightStore;
import java.util.Map;
import java.util.Objects;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The Mamba-2 layer against its plain twin, which goes step by step in float64. */
class Mamba2Test {
    private Scope scope;

    @BeforeEach
    void open() {
        scope = new Scope();
        torch.manual_seed(17);
    }

    @AfterEach
    void close() {
        scope.close();
    }

    /** Tolerance 2e-6 of the largest output: float32 sums of as many terms as there are steps. */
    @ParameterizedTest
    @CsvSource({"1, 1, 3, 2", "5, 2, 4, 8", "70, 3, 2, 16", "600, 1, 4, 4"})
    void theQuadraticFormIsTheRecurrence(int steps, int heads, int headSize, int state) {
        Tensor x = torch.randn(1, steps, heads, headSize);
        Tensor a = Torch.scale(torch.rand(1, steps, heads), -1.6);
        Tensor b = torch.randn(1, steps, state);
        Tensor c = torch.randn(1, steps, state);

        float[] actual = Torch.toFloats(Mamba2.stateSpace(x, a, b, c));

        double[] expected = recurrence(
                doubles(x), doubles(a), doubles(b), doubles(c), new Mamba2.Sizes(1, heads * headSize, heads, state));
        assertClose(actual, expected, 2e-6);
    }

    /** Tolerance 2e-5 of the largest output, for four layers after each other. */
    @Test
    void theNetworkIsItsTwin() {
        int width = 12;
        int steps = 9;
        Map<String, Tensor> drawn =
                PredictorInitialization.draw(new HeadConfig(HeadKind.MAMBA2, Pooler.MEAN, width, 4, 4), 1, 3);
        drawn.replaceAll((_, weight) ->
                weight.add(Torch.scale(torch.randn(weight.sizes().vec().get()), 0.1)));
        HeldTensors held = new HeldTensors("memory", drawn);
        ModelWeights weights = ModelWeights.of(new WeightStore(held, Precision.FP32, Device.CPU));
        Mamba2 network = Mamba2.of(
                width, new WeightShapes(held, "mamba2."), weights.root().at("mamba2"));
        Tensor x = torch.randn(1, steps, width);

        double[] expected = doubles(x);
        for (int i = 0; i < 4; i++) {
            expected = layer(drawn, Mamba2.Sizes.of(width), expected);
        }
        assertClose(Torch.toFloats(network.forward(x, steps)), expected, 2e-5);
    }

    /** One layer, written out for one sequence. */
    private static double[] layer(Map<String, Tensor> weights, Mamba2.Sizes sizes, double[] input) {
        double[] inProjection = weight(weights, "in_proj.weight");
        double[] kernel = weight(weights, "conv1d.weight");
        double[] kernelBias = weight(weights, "conv1d.bias");
        double[] logDecay = weight(weights, "A_log");
        double[] skip = weight(weights, "D");
        double[] stepBias = weight(weights, "dt_bias");
        double[] norm = weight(weights, "norm.weight");
        double[] outProjection = weight(weights, "out_proj.weight");
        int width = sizes.width();
        int inner = sizes.inner();
        int heads = sizes.heads();
        int state = sizes.state();
        int headSize = inner / heads;
        int steps = input.length / width;
        double[] projected = product(input, inProjection, width);
        double[] x = new double[steps * inner];
        double[] scaled = new double[steps * inner];
        double[] a = new double[steps * heads];
        double[] b = new double[steps * state];
        double[] c = new double[steps * state];
        for (int t = 0; t < steps; t++) {
            for (int channel = 0; channel < sizes.convolved(); channel++) {
                double sum = kernelBias[channel];
                for (int j = 0; j < 4; j++) {
                    int from = t - 3 + j;
                    sum += from < 0
                            ? 0
                            : kernel[channel * 4 + j] * projected[from * sizes.projected() + inner + channel];
                }
                double value = silu(sum);
                if (channel < inner) {
                    x[t * inner + channel] = value;
                } else if (channel < inner + state) {
                    b[t * state + channel - inner] = value;
                } else {
                    c[t * state + channel - inner - state] = value;
                }
            }
            for (int head = 0; head < heads; head++) {
                double raw = projected[(t + 1) * sizes.projected() - heads + head] + stepBias[head];
                double step = Math.log1p(Math.exp(raw));
                a[t * heads + head] = -Math.exp(logDecay[head]) * step;
                for (int i = 0; i < headSize; i++) {
                    int at = t * inner + head * headSize + i;
                    scaled[at] = x[at] * step;
                }
            }
        }
        double[] y = recurrence(scaled, a, b, c, sizes);
        for (int t = 0; t < steps; t++) {
            double squares = 0;
            for (int i = 0; i < inner; i++) {
                int at = t * inner + i;
                y[at] = (y[at] + skip[i / headSize] * x[at]) * silu(projected[t * sizes.projected() + i]);
                squares += y[at] * y[at];
            }
            for (int i = 0; i < inner; i++) {
                y[t * inner + i] *= norm[i] / Math.sqrt(squares / inner + 1e-5);
            }
        }
        return product(y, outProjection, inner);
    }

    /** h = exp(a) h + b xᵀ, y = hᵀ c for each head. */
    private static double[] recurrence(double[] x, double[] a, double[] b, double[] c, Mamba2.Sizes sizes) {
        int inner = sizes.inner();
        int heads = sizes.heads();
        int state = sizes.state();
        double[] y = new double[x.length];
        double[][] h = new double[inner][state];
        for (int t = 0; t < x.length / inner; t++) {
            for (int i = 0; i < inner; i++) {
                double decay = Math.exp(a[t * heads + i / (inner / heads)]);
                for (int n = 0; n < state; n++) {
                    h[i][n] = decay * h[i][n] + b[t * state + n] * x[t * inner + i];
                    y[t * inner + i] += h[i][n] * c[t * state + n];
                }
            }
        }
        return y;
    }

    /** Rows times the transposed matrix. */
    private static double[] product(double[] rows, double[] matrix, int in) {
        int out = matrix.length / in;
        double[] product = new double[rows.length / in * out];
        for (int i = 0; i < product.length; i++) {
            for (int j = 0; j < in; j++) {
                product[i] += rows[i / out * in + j] * matrix[i % out * in + j];
            }
        }
        return product;
    }

    private static double silu(double x) {
        return x / (1 + Math.exp(-x));
    }

    private static double[] weight(Map<String, Tensor> weights, String name) {
        return doubles(Objects.requireNonNull(weights.get("mamba2." + name), name));
    }

    private static double[] doubles(Tensor tensor) {
        float[] floats = Torch.toFloats(tensor);
        double[] doubles = new double[floats.length];
        for (int i = 0; i < floats.length; i++) {
            doubles[i] = floats[i];
        }
        return doubles;
    }

    private static void assertClose(float[] actual, double[] expected, double tolerance) {
        float[] rounded = new float[expected.length];
        float largest = 0;
        for (int i = 0; i < rounded.length; i++) {
            rounded[i] = (float) expected[i];
            largest = Math.max(largest, Math.abs(rounded[i]));
        }
        assertThat(actual).containsExactly(rounded, Offset.offset((float) (tolerance * largest)));
    }
}
