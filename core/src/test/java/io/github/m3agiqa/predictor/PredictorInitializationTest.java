package io.github.m3agiqa.predictor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** First weights, of the published sizes: those that are exact, and the distribution of those that are random. */
class PredictorInitializationTest {
    private static final int INPUT = 1000;
    private static final String STACK = "xlstm_pooler.xlstm_stack.";
    private static final String SLSTM = STACK + "blocks.1.xlstm.";
    private static final List<Integer> MLSTM_BLOCKS = List.of(0, 2, 3);

    private Scope scope;

    @BeforeEach
    void open() {
        scope = new Scope();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    @Test
    void hasThePublishedParameters() {
        Map<String, Tensor> weights = draw(HeadKind.XLSTM, 4, 128);

        assertThat(count(weights, STACK)).isEqualTo(6_464_536);
        assertThat(weights.keySet().stream().filter(name -> name.startsWith(STACK)))
                .hasSize(56);
        assertThat(count(weights, "fc.")).isEqualTo(65_793);
        assertThat(count(weights, "W.")).isEqualTo(512L * INPUT + 512);
    }

    @Test
    void linearLayersAreXavierUniform() {
        Map<String, Tensor> weights = draw(HeadKind.XLSTM, 4, 128);

        assertUniform(weights, "W.weight", Math.sqrt(6.0 / (INPUT + 512)));
        assertUniform(weights, "fc.0.weight", Math.sqrt(6.0 / (512 + 128)));
        assertUniform(weights, "fc.2.weight", Math.sqrt(6.0 / (128 + 1)));
        assertConstant(weights, 0, "W.bias", "fc.0.bias", "fc.2.bias");
    }

    @Test
    void mlstmBlocksAreThoseOfTheLibrary() {
        Map<String, Tensor> weights = draw(HeadKind.XLSTM, 4, 128);
        for (int block : MLSTM_BLOCKS) {
            String layer = STACK + "blocks." + block + ".xlstm.";
            // of the width 512 also where the matrices are 4 x 4
            for (String small : List.of("proj_up", "q_proj", "k_proj", "v_proj")) {
                assertNormal(weights, layer + small + ".weight", 0.02795);
            }
            assertNormal(weights, layer + "proj_down.weight", 0.02210);
            assertUniform(weights, layer + "conv1d.conv.weight", 0.5);
            assertUniform(weights, layer + "conv1d.conv.bias", 0.5);
            assertConstant(weights, 1, layer + "learnable_skip");
            assertConstant(
                    weights,
                    0,
                    layer + "mlstm_cell.igate.weight",
                    layer + "mlstm_cell.fgate.weight",
                    layer + "mlstm_cell.outnorm.weight",
                    STACK + "blocks." + block + ".xlstm_norm.weight");
            assertThat(floats(weights, layer + "mlstm_cell.fgate.bias")).containsExactly(3, 4, 5, 6);
            // four numbers of deviation 0.1
            assertThat(floats(weights, layer + "mlstm_cell.igate.bias"))
                    .doesNotContain(0)
                    .satisfies(bias -> assertThat(largest(bias)).isBetween(0.01, 0.5));
        }
        assertConstant(weights, 0, STACK + "post_blocks_norm.weight");
    }

    @Test
    void theSlstmBlockIsThatOfTheLibrary() {
        Map<String, Tensor> weights = draw(HeadKind.XLSTM, 4, 128);

        for (String gate : List.of("fgate", "igate", "zgate", "ogate")) {
            assertNormal(weights, SLSTM + gate + ".weight", 0.02795);
        }
        assertNormal(weights, STACK + "blocks.1.ffn.proj_up.weight", 0.02795);
        assertNormal(weights, STACK + "blocks.1.ffn.proj_down.weight", 0.02210);
        assertUniform(weights, SLSTM + "conv1d.conv.weight", 0.5);
        assertConstant(
                weights,
                0,
                SLSTM + "slstm_cell._recurrent_kernel_",
                SLSTM + "group_norm.weight",
                STACK + "blocks.1.xlstm_norm.weight",
                STACK + "blocks.1.ffn_norm.weight");
    }

    @Test
    void forgetGatesOfTheSlstmFallFrom5ToMinus7InEveryHead() {
        float[] bias = floats(draw(HeadKind.XLSTM, 4, 128), SLSTM + "slstm_cell._bias_");

        for (int head = 0; head < 4; head++) {
            float[] gates = Arrays.copyOfRange(bias, head * 512, (head + 1) * 512);
            float[] forget = Arrays.copyOfRange(gates, 128, 256);
            assertThat(Arrays.copyOf(forget, 3))
                    .containsExactly(new float[] {5, 4.6561f, 4.4283f}, Offset.offset(5e-5f));
            assertThat(forget[127]).isEqualTo(-7);
            assertThat(Arrays.copyOfRange(gates, 0, 128)).containsOnly(0);
            assertThat(Arrays.copyOfRange(gates, 256, 512)).containsOnly(0);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"LSTM", "GRU"})
    void recurrentLayersAreThoseOfTorch(HeadKind kind) {
        Map<String, Tensor> weights = draw(kind, 2, 256);

        for (String name : List.of("weight_ih_l0", "weight_hh_l0", "weight_ih_l1_reverse", "bias_hh_l1_reverse")) {
            assertUniform(weights, kind.id() + "." + name, 1 / Math.sqrt(512));
        }
    }

    @Test
    void transformerLayersAreThoseOfTorch() {
        Map<String, Tensor> weights = draw(HeadKind.TRANSFORMER, 2, 128);
        String layer = "transformer.layers.1.";

        assertUniform(weights, layer + "self_attn.in_proj_weight", Math.sqrt(6.0 / (4 * 512)));
        assertUniform(weights, layer + "self_attn.out_proj.weight", 1 / Math.sqrt(512));
        assertUniform(weights, layer + "linear1.bias", 1 / Math.sqrt(512));
        assertUniform(weights, layer + "linear2.weight", 1 / Math.sqrt(2048));
        assertConstant(weights, 0, layer + "self_attn.in_proj_bias", layer + "self_attn.out_proj.bias");
        assertConstant(weights, 1, layer + "norm1.weight", layer + "norm2.weight");
    }

    @Test
    void theMamba2LayerIsThatOfMambaSsm() {
        Map<String, Tensor> weights = draw(HeadKind.MAMBA2, 4, 128);

        float[] logDecay = floats(weights, "mamba2.A_log");
        float[] stepBias = floats(weights, "mamba2.dt_bias");
        assertThat(logDecay).hasSize(16).hasSameSizeAs(stepBias);
        for (int head = 0; head < logDecay.length; head++) {
            assertThat(Math.exp(logDecay[head])).isBetween(1 - 1e-5, 16 + 1e-5);
            assertThat(Math.log1p(Math.exp(stepBias[head]))).isBetween(0.999e-3, 0.1001);
        }
        assertUniform(weights, "mamba2.in_proj.weight", 1 / Math.sqrt(512));
        assertUniform(weights, "mamba2.out_proj.weight", 1 / Math.sqrt(1024));
        assertUniform(weights, "mamba2.conv1d.weight", 0.5);
        assertConstant(weights, 1, "mamba2.D", "mamba2.norm.weight");
        assertThat(weights.get("mamba2.in_proj.weight"))
                .satisfies(w -> assertThat(w.size(0)).isEqualTo(2 * 1024 + 2 * 128 + 16));
    }

    @ParameterizedTest
    @EnumSource
    void theSameSeedDrawsTheSameWeightsWhateverElseIsDrawn(HeadKind kind) {
        torch.manual_seed(1);
        float[] undisturbed = Torch.toFloats(torch.randn(4));

        torch.manual_seed(1);
        Map<String, Tensor> one = draw(kind, 7);
        float[] disturbed = Torch.toFloats(torch.randn(4));
        Map<String, Tensor> same = draw(kind, 7);
        Map<String, Tensor> other = draw(kind, 8);

        assertThat(disturbed).containsExactly(undisturbed);
        assertThat(one.keySet()).containsExactlyElementsOf(same.keySet());
        one.forEach(
                (name, weight) -> assertThat(Torch.toFloats(weight)).as(name).containsExactly(floats(same, name)));
        assertThat(floats(other, "W.weight")).isNotEqualTo(floats(one, "W.weight"));
    }

    @Test
    void aStackOfOneBlockHasNoSlstm() {
        Map<String, Tensor> weights =
                PredictorInitialization.draw(new HeadConfig(HeadKind.XLSTM, Pooler.MEAN, 16, 1, 8), 4, 0);

        assertThat(weights.keySet()).noneMatch(name -> name.contains("slstm"));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 5})
    void aMamba2HasFourLayers(int layers) {
        assertThatThrownBy(() -> new HeadConfig(HeadKind.MAMBA2, Pooler.MEAN, 16, layers, 8))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a mamba2 head has 4 layers, not " + layers);
    }

    private static Map<String, Tensor> draw(HeadKind kind, int layers, int regression) {
        return PredictorInitialization.draw(new HeadConfig(kind, Pooler.MEAN, 512, layers, regression), INPUT, 42);
    }

    private static Map<String, Tensor> draw(HeadKind kind, long seed) {
        int layers = kind == HeadKind.MAMBA2 ? Mamba2.REPEATS : 2;
        return PredictorInitialization.draw(new HeadConfig(kind, Pooler.MEAN, 16, layers, 8), 12, seed);
    }

    private static long count(Map<String, Tensor> weights, String prefix) {
        return weights.entrySet().stream()
                .filter(entry -> entry.getKey().startsWith(prefix))
                .mapToLong(entry -> entry.getValue().numel())
                .sum();
    }

    private static float[] floats(Map<String, Tensor> weights, String name) {
        return Torch.toFloats(Objects.requireNonNull(weights.get(name), name));
    }

    private static void assertConstant(Map<String, Tensor> weights, float value, String... names) {
        for (String name : names) {
            assertThat(floats(weights, name)).as(name).containsOnly(value);
        }
    }

    /** Within the bound and up to it; deviation of the mean and of the second moment of six standard errors. */
    private static void assertUniform(Map<String, Tensor> weights, String name, double bound) {
        float[] numbers = floats(weights, name);
        assertThat(largest(numbers)).as(name).isLessThanOrEqualTo(bound * (1 + 1e-6));
        assertMoments(name, numbers, bound / Math.sqrt(3), Math.sqrt(4.0 / 5));
    }

    /** Deviation of the mean and of the second moment of six standard errors. */
    private static void assertNormal(Map<String, Tensor> weights, String name, double deviation) {
        float[] numbers = floats(weights, name);
        assertThat(largest(numbers)).as(name).isGreaterThan(2.5 * deviation);
        assertMoments(name, numbers, deviation, Math.sqrt(2));
    }

    /**
     * The first two moments.
     *
     * @param spread the standard deviation of x² over the variance of x
     */
    private static void assertMoments(String name, float[] numbers, double deviation, double spread) {
        double sum = 0;
        double squares = 0;
        for (float number : numbers) {
            sum += number / deviation;
            squares += number / deviation * (number / deviation);
        }
        double six = 6 / Math.sqrt((double) numbers.length);
        assertThat(sum / numbers.length).as("mean of %s", name).isEqualTo(0, within(six));
        // the deviations of the specification have four digits
        assertThat(squares / numbers.length).as("variance of %s", name).isEqualTo(1, within(six * spread + 5e-4));
    }

    private static double largest(float[] numbers) {
        double largest = 0;
        for (float number : numbers) {
            largest = Math.max(largest, Math.abs(number));
        }
        return largest;
    }
}
