package io.github.m3agiqa.predictor;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.predictor.XlstmStack.Form;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.FilledTensors;
import io.github.m3agiqa.testing.Goldens;
import io.github.m3agiqa.testing.Parity;
import io.github.m3agiqa.weights.HeldTensors;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.WeightStore;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class XlstmStackTest {
    private static final Parity PARITY = new Parity("golden xLSTM");
    private static final int STEPS = 7;
    private static final int WIDTH = 32;
    private static final XlstmConfig CONFIG = new XlstmConfig(WIDTH, 4, Set.of(1));

    private final JsonNode golden = Goldens.read("xlstm_tiny.json");
    private Scope scope;

    @BeforeEach
    void open() {
        scope = new Scope();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    /** Tolerance 2e-5 on a scale of 4: the rounding of some hundred float32 sums. */
    @ParameterizedTest
    @EnumSource
    void computesAsThePublishedLibrary(Form form) {
        List<Tensor> states = stack(learning()).trace(input(), form);

        for (int block = 0; block < 4; block++) {
            PARITY.compare(
                    "output of block %d, %s".formatted(block, form),
                    states.get(block),
                    Goldens.doubles(golden.path("after_block").get(block)),
                    2e-5);
        }
        PARITY.compare(
                "output of the stack, %s".formatted(form), states.get(4), Goldens.doubles(golden.path("output")), 2e-5);
        PARITY.compare(
                "mean over steps, %s".formatted(form),
                Pooler.MEAN.pool(states.get(4).squeeze(0)),
                Goldens.doubles(golden.path("mean_pool")),
                2e-5);
    }

    /** Over more steps than are computed at once, the gradients of all weights included. */
    @ParameterizedTest
    @ValueSource(ints = {STEPS, 150})
    void computesAsThePublishedFormDoes(int steps) {
        torch.manual_seed(11);
        Tensor x = Torch.scale(torch.randn(2, steps, WIDTH), 0.5);
        Map<String, Tensor> ours = learning();
        Map<String, Tensor> published = learning();

        Tensor output = stack(ours).forward(x, steps, steps);
        Tensor expected = new PublishedXlstm(CONFIG, weights(published).root()).forward(x);

        assertThat(largest(output.sub(expected))).isLessThan(1e-4 * largest(expected));
        output.square().sum().backward();
        expected.square().sum().backward();
        ours.forEach((name, weight) -> {
            Tensor gradient = Objects.requireNonNull(published.get(name)).grad();
            assertThat(largest(weight.grad().sub(gradient))).as(name).isLessThan(1e-3 * largest(gradient));
        });
    }

    private static double largest(Tensor x) {
        return x.abs().max().item().toDouble();
    }

    private Map<String, Tensor> learning() {
        Map<String, Tensor> learning = new LinkedHashMap<>();
        tensors().forEach((name, tensor) -> learning.put(name, tensor.clone().requires_grad_(true)));
        return learning;
    }

    /** What scoring runs, where no gradient is wanted. */
    @Test
    void computesAsThePublishedLibraryOverArrays() {
        try (NoGradGuard _ = new NoGradGuard()) {
            List<Tensor> states = stack().trace(input(), Form.PARALLEL);

            for (int block = 0; block < 4; block++) {
                PARITY.compare(
                        "output of block %d, over arrays".formatted(block),
                        states.get(block),
                        Goldens.doubles(golden.path("after_block").get(block)),
                        2e-5);
            }
        }
    }

    /** The names that the library swaps: with them swapped back the result is another one. */
    @Test
    void readsTheSwappedGatesAsTheyAre() {
        Map<String, Tensor> tensors = new LinkedHashMap<>(tensors());
        String gates = "blocks.1.xlstm.";
        Tensor input = tensors.get(gates + "igate.weight");
        Tensor forget = tensors.get(gates + "fgate.weight");
        tensors.put(gates + "igate.weight", forget);
        tensors.put(gates + "fgate.weight", input);

        Tensor output = stack(tensors).trace(input(), Form.PARALLEL).getLast();

        double last = Torch.toFloats(output.select(1, STEPS - 1))[0];
        double expected = golden.path("output").get(STEPS - 1).get(0).asDouble();
        assertThat(Math.abs(last - expected)).isGreaterThan(1e-3);
    }

    /**
     * The two forms of the mLSTM memory. Tolerance: 3e-4 of the output's norm, as single steps may divide by little, and the
     * summed gates of 300 steps reach some hundred, where a float32's steps are 3e-5.
     */
    @ParameterizedTest
    @CsvSource({"1, 1, 8", "1, 2, 16", "2, 5, 32", "3, 64, 16", "2, 129, 8", "1, 300, 64"})
    void parallelAndRecurrentAgree(int batch, int steps, int headSize) {
        torch.manual_seed(3);
        long[] vectors = {batch, XlstmConfig.HEADS, steps, headSize};
        long[] gates = {batch, XlstmConfig.HEADS, steps};
        Tensor query = torch.randn(vectors);
        Tensor key = torch.randn(vectors);
        Tensor value = torch.randn(vectors);
        Tensor inputGate = Torch.scale(torch.randn(gates), 3);
        Tensor forgetGate = Torch.plus(Torch.scale(torch.randn(gates), 3), 2);

        Tensor parallel = Mlstm.parallel(query, key, value, inputGate, forgetGate);
        Tensor recurrent = Mlstm.recurrent(query, key, value, inputGate, forgetGate);

        double difference = parallel.sub(recurrent).norm().item().toDouble();
        assertThat(difference / recurrent.norm().item().toDouble()).isLessThan(3e-4);
    }

    /** Gates that nearly close add up to exponents that no float32 holds; they cancel before they are taken. */
    @Test
    void gradientsStayFiniteWhereEverythingIsForgotten() {
        long steps = 100;
        Tensor[] inputs = {
            torch.randn(1, XlstmConfig.HEADS, steps, 8).requires_grad_(true),
            torch.randn(1, XlstmConfig.HEADS, steps, 8).requires_grad_(true),
            torch.randn(1, XlstmConfig.HEADS, steps, 8).requires_grad_(true),
            torch.randn(1, XlstmConfig.HEADS, steps).requires_grad_(true),
            Torch.plus(torch.randn(1, XlstmConfig.HEADS, steps), -5).detach().requires_grad_(true)
        };

        Mlstm.parallel(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4])
                .square()
                .sum()
                .backward();

        for (Tensor input : inputs) {
            assertThat(torch.isfinite(input.grad()).all().item().toBool()).isTrue();
        }
    }

    /** What follows the end of a sequence does not change it, so sequences of a batch may be padded. */
    @Test
    void paddingChangesNothing() {
        Tensor padded = Torch.cat(1, input(), torch.randn(1, 5, WIDTH));

        Tensor alone = stack().forward(input(), STEPS);
        Tensor among = stack().forward(padded, STEPS).narrow(1, 0, STEPS);

        assertThat(Torch.toFloats(among)).containsExactly(Torch.toFloats(alone), Offset.offset(2e-5f));
    }

    private Tensor input() {
        float[] x = new float[STEPS * WIDTH];
        for (int step = 0; step < STEPS; step++) {
            for (int channel = 0; channel < WIDTH; channel++) {
                x[step * WIDTH + channel] = (float) Math.sin(0.3 * (step + 1) * (channel + 1));
            }
        }
        return Torch.floats(x, 1, STEPS, WIDTH);
    }

    private XlstmStack stack() {
        return stack(tensors());
    }

    private static XlstmStack stack(Map<String, Tensor> tensors) {
        ModelWeights weights = weights(tensors);
        XlstmStack stack = new XlstmStack(CONFIG, weights.root());
        weights.check();
        return stack;
    }

    private static ModelWeights weights(Map<String, Tensor> tensors) {
        return ModelWeights.of(new WeightStore(new HeldTensors("memory", tensors), Precision.FP32, Device.CPU));
    }

    private Map<String, Tensor> tensors() {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        golden.path("shapes")
                .properties()
                .forEach(entry -> shapes.put(
                        entry.getKey(),
                        Arrays.stream(Goldens.ints(entry.getValue()))
                                .asLongStream()
                                .toArray()));
        HeldTensors filled = FilledTensors.of(
                shapes, (_, position, index) -> 0.25 * Math.sin(0.7 * (position + 1) + 0.37 * (index + 1)));
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        shapes.keySet()
                .forEach(name -> tensors.put(name, filled.load(name, io.github.m3agiqa.tensor.Dtype.F32, Device.CPU)));
        return tensors;
    }

    @AfterAll
    static void write() {
        PARITY.write();
    }
}
