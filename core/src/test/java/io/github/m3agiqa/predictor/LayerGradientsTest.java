package io.github.m3agiqa.predictor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.HeldTensors;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.Parameters;
import io.github.m3agiqa.weights.TensorInfo;
import io.github.m3agiqa.weights.TensorSource;
import io.github.m3agiqa.weights.WeightStore;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The gradients of one mLSTM and one sLSTM layer against central finite differences. The layers are run in float64, where
 * differences have ten digits.
 */
class LayerGradientsTest {
    private static final XlstmConfig CONFIG = new XlstmConfig(32, 2, Set.of(1));
    private static final int BATCH = 2;
    private static final int STEPS = 6;
    /** More than the mLSTM computes at once. */
    private static final int MANY_STEPS = 70;

    private static final double STEP = 1e-6;
    /** Of the largest gradient of the tensor: the square of the step, times third derivatives. */
    private static final double TOLERANCE = 1e-7;
    /** Elements of each tensor that are compared, spread over it. */
    private static final int COMPARED = 12;

    /** Tensors that are given as they are, whatever type is asked for. */
    private record AsTheyAre(HeldTensors held) implements TensorSource {
        @Override
        public String location() {
            return held.location();
        }

        @Override
        public Map<String, TensorInfo> tensors() {
            return held.tensors();
        }

        @Override
        public Tensor load(String name, Dtype wanted, Device device) {
            return held.load(name, Dtype.F64, device);
        }

        @Override
        public void close() {
            held.close();
        }
    }

    private Scope scope;

    @BeforeEach
    void open() {
        scope = new Scope();
        torch.manual_seed(29);
    }

    @AfterEach
    void close() {
        scope.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {STEPS, MANY_STEPS})
    void ofTheMlstmManyStepsAtOnceAreTheFiniteDifferences(int steps) {
        compare(0, steps, parameters -> {
            Mlstm layer = new Mlstm(CONFIG, parameters);
            return x -> layer.forward(x, Mlstm::parallel);
        });
    }

    @Test
    void ofTheMlstmStepByStepAreTheFiniteDifferences() {
        compare(0, STEPS, parameters -> {
            Mlstm layer = new Mlstm(CONFIG, parameters);
            return x -> layer.forward(x, Mlstm::recurrent);
        });
    }

    @Test
    void ofTheSlstmAreTheFiniteDifferences() {
        compare(1, STEPS, parameters -> new Slstm(CONFIG, parameters)::forward);
    }

    private static void compare(int block, int steps, Function<Parameters, UnaryOperator<Tensor>> layer) {
        Map<String, Tensor> weights = weights("xlstm_pooler.xlstm_stack.blocks.%d.xlstm.".formatted(block));
        ModelWeights model = ModelWeights.of(
                new WeightStore(new AsTheyAre(new HeldTensors("memory", weights)), Precision.FP32, Device.CPU));
        UnaryOperator<Tensor> network = layer.apply(model.root());
        model.check();
        Tensor x = random(1, BATCH, steps, CONFIG.width()).set_requires_grad(true);
        Tensor share = random(1, BATCH, steps, CONFIG.width());

        network.apply(x).mul(share).sum().backward();

        weights.put("x", x);
        weights.forEach((name, tensor) ->
                compare(name, tensor, () -> network.apply(x).mul(share).sum()));
    }

    private static void compare(String name, Tensor tensor, Supplier<Tensor> sum) {
        double[] gradient = doubles(Torch.gradient(tensor));
        double largest = 0;
        for (double number : gradient) {
            largest = Math.max(largest, Math.abs(number));
        }
        assertThat(largest).as("gradient of %s", name).isGreaterThan(1e-4);
        DoublePointer elements = new DoublePointer(tensor.data_ptr());
        for (int i = 0; i < Math.min(COMPARED, gradient.length); i++) {
            int at = (int) ((long) i * gradient.length / Math.min(COMPARED, gradient.length));
            double before = elements.get(at);
            elements.put(at, before + STEP);
            double above = value(sum);
            elements.put(at, before - STEP);
            double below = value(sum);
            elements.put(at, before);
            assertThat(gradient[at])
                    .as("gradient of %s at %d", name, at)
                    .isEqualTo((above - below) / (2 * STEP), within(TOLERANCE * largest));
        }
    }

    private static double value(Supplier<Tensor> sum) {
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            return sum.get().item().toDouble();
        }
    }

    /** Initial weights, moved so that none is at rest, in float64. */
    private static Map<String, Tensor> weights(String prefix) {
        Map<String, Tensor> weights = new LinkedHashMap<>();
        PredictorInitialization.draw(new HeadConfig(HeadKind.XLSTM, Pooler.MEAN, CONFIG.width(), 2, 4), 1, 31)
                .forEach((name, weight) -> {
                    if (name.startsWith(prefix)) {
                        Tensor moved = Torch.to(weight, Dtype.F64)
                                .add(random(0.3, weight.sizes().vec().get()));
                        weights.put(name.substring(prefix.length()), moved.set_requires_grad(true));
                    }
                });
        return weights;
    }

    private static Tensor random(double scale, long... shape) {
        return Torch.to(Torch.scale(torch.randn(shape), scale), Dtype.F64);
    }

    private static double[] doubles(Tensor tensor) {
        double[] elements = new double[Math.toIntExact(tensor.numel())];
        new DoublePointer(tensor.contiguous().data_ptr()).get(elements);
        return elements;
    }
}
