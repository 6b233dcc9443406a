package io.github.m3agiqa.predictor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.ArabicDigits;
import io.github.m3agiqa.weights.HeldTensors;
import io.github.m3agiqa.weights.SafetensorsFile;
import io.github.m3agiqa.weights.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Predictors of every kind: batches, files, and what does not fit. */
class PredictorTest {
    private static final int INPUT = 24;
    private static final int STEPS = 11;
    private static final int[] LENGTHS = {5, 9, 1};

    @TempDir
    private Path folder;

    private Scope scope;

    @BeforeEach
    void open() {
        scope = new Scope();
        torch.manual_seed(11);
    }

    @AfterEach
    void close() {
        scope.close();
    }

    static Stream<Arguments> kindsAndPoolers() {
        return Arrays.stream(HeadKind.values())
                .flatMap(kind -> Arrays.stream(Pooler.values()).map(pooler -> Arguments.of(kind, pooler)));
    }

    /** Scores of unit size, tolerance 1e-5: products of matrices are rounded differently where there are more rows. */
    @ParameterizedTest
    @MethodSource("kindsAndPoolers")
    void scoresOfABatchAreThoseOneByOne(HeadKind kind, Pooler pooler) {
        Tensor padded = padded();
        try (Predictor predictor = predictor(weights(kind, 1), kind, pooler)) {
            float[] together =
                    Torch.toFloats(predictor.forward(predictor.projection().apply(padded), LENGTHS));

            for (int i = 0; i < LENGTHS.length; i++) {
                Tensor alone = padded.select(0, i).narrow(0, 0, LENGTHS[i]);
                float score = predictor.predict(predictor.projection().apply(alone));
                assertThat(together[i]).isEqualTo(score, within(1e-5f));
            }
        }
    }

    /**
     * Tolerance 1e-4 of the largest gradient of each tensor: that of a single number, such as mamba2.D, is a sum over all
     * steps in which much cancels, and threads sum in another order.
     */
    @ParameterizedTest
    @MethodSource("kindsAndPoolers")
    void gradientsOfABatchAreThoseOneByOne(HeadKind kind, Pooler pooler) {
        Tensor padded = padded();
        Map<String, Tensor> weights = weights(kind, 2);
        weights.values().forEach(weight -> weight.set_requires_grad(true));
        try (Predictor predictor = predictor(weights, kind, pooler)) {
            predictor
                    .forward(predictor.projection().apply(padded), LENGTHS)
                    .square()
                    .sum()
                    .backward();
            Map<String, float[]> together = gradients(weights);

            for (int i = 0; i < LENGTHS.length; i++) {
                Tensor alone = padded.narrow(0, i, 1).narrow(1, 0, LENGTHS[i]);
                predictor
                        .forward(predictor.projection().apply(alone), LENGTHS[i])
                        .square()
                        .sum()
                        .backward();
            }

            gradients(weights).forEach((name, gradient) -> {
                float largest = largest(gradient);
                assertThat(together.get(name))
                        .as(name)
                        .containsExactly(gradient, Offset.offset(1e-4f * largest + 1e-7f));
            });
            assertThat(together.get("W.weight"))
                    .satisfies(gradient -> assertThat(largest(gradient)).isGreaterThan(1e-3f));
        }
    }

    /** Three of them, and each is the head of its seed. */
    @ParameterizedTest
    @EnumSource
    void theScoreOfMembersIsTheirMean(HeadKind kind) {
        int layers = kind == HeadKind.MAMBA2 ? Mamba2.REPEATS : 2;
        HeadConfig config = new HeadConfig(kind, Pooler.MEAN, 16, layers, 8);
        Tensor padded = padded();
        Map<String, Tensor> together = PredictorNames.LIGHTNING.of(PredictorInitialization.draw(config, INPUT, 3, 20));
        try (Predictor members = predictor(together, kind, Pooler.MEAN)) {
            Tensor projected = members.projection().apply(padded);
            float[] mean = Torch.toFloats(members.forward(projected, LENGTHS));
            float[] each = Torch.toFloats(members.each(projected, LENGTHS).t().contiguous());

            float[] sum = new float[LENGTHS.length];
            for (int member = 0; member < 3; member++) {
                try (Predictor alone =
                        predictor(PredictorInitialization.draw(config, INPUT, 1, 20 + member), kind, Pooler.MEAN)) {
                    float[] scores =
                            Torch.toFloats(alone.forward(alone.projection().apply(padded), LENGTHS));
                    for (int i = 0; i < scores.length; i++) {
                        assertThat(each[member * scores.length + i]).isEqualTo(scores[i], within(1e-5f));
                        sum[i] += scores[i];
                    }
                }
            }
            for (int i = 0; i < sum.length; i++) {
                assertThat(mean[i]).isEqualTo(sum[i] / 3, within(1e-5f));
            }
        }
    }

    @Test
    void membersNeedRowsOfTheProjectionEach() {
        Map<String, Tensor> weights =
                PredictorInitialization.draw(new HeadConfig(HeadKind.MEAN, Pooler.MEAN, 16, 1, 8), INPUT, 3, 20);
        weights.put("W.weight", torch.randn(47, INPUT));

        assertThatThrownBy(() -> predictor(weights, HeadKind.MEAN, Pooler.MEAN))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("W has 47 rows for 3 members");
    }

    /** So that the recurrence is not idle: a score depends on the order of the steps, but for those that only pool. */
    @ParameterizedTest
    @EnumSource
    void readsStepsInOrder(HeadKind kind) {
        Tensor x = torch.randn(6, INPUT);
        try (Predictor predictor = predictor(weights(kind, 3), kind, Pooler.MEAN)) {
            float score = predictor.predict(predictor.projection().apply(x));
            float reversed = predictor.predict(predictor.projection().apply(torch.flip(x, 0)));

            boolean ordered = kind != HeadKind.MEAN && kind != HeadKind.TRANSFORMER;
            assertThat(Math.abs(score - reversed) > 1e-4).isEqualTo(ordered);
        }
    }

    /** Tolerance 1e-6: products of matrices are rounded differently where their memory begins elsewhere. */
    @ParameterizedTest
    @EnumSource
    void isReadFromAFileUnderEitherNames(HeadKind kind) throws IOException {
        Map<String, Tensor> weights = weights(kind, 4);
        Tensor x = torch.randn(4, INPUT);
        float expected;
        try (Predictor predictor = predictor(weights(kind, 4), kind, Pooler.MEAN)) {
            expected = predictor.predict(predictor.projection().apply(x));
        }
        for (PredictorNames names : PredictorNames.values()) {
            Path file = folder.resolve(names + ".safetensors");
            SafetensorsWriter.write(file, names.of(PredictorNames.LIGHTNING.of(weights)));
            try (SafetensorsFile stored = new SafetensorsFile(file)) {
                assertThat(stored.tensors().keySet())
                        .contains(names == PredictorNames.BARE ? "fc.0.bias" : "model.fc.0.bias");
            }
            try (Predictor predictor = new Predictor(new SafetensorsFile(file), kind, Pooler.MEAN, Device.CPU)) {
                float score = predictor.predict(predictor.projection().apply(x));
                assertThat(score).isEqualTo(expected, within(1e-6f));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void isReadWhereDigitsAreOthers(HeadKind kind) {
        int layers = kind == HeadKind.MAMBA2 ? Mamba2.REPEATS : 2;
        HeadConfig config = new HeadConfig(kind, Pooler.MEAN, 16, layers, 8);
        try (ArabicDigits _ = new ArabicDigits();
                Predictor predictor = predictor(PredictorInitialization.draw(config, INPUT, 2, 9), kind, Pooler.MEAN)) {
            Tensor projected = predictor.projection().apply(padded());

            assertThat(predictor.each(projected, LENGTHS).numel()).isEqualTo(2L * LENGTHS.length);
        }
    }

    @Test
    void refusesTheWeightsOfAnotherKind() {
        for (HeadKind kind : HeadKind.values()) {
            for (HeadKind other : HeadKind.values()) {
                if (kind != other) {
                    assertThatThrownBy(() -> predictor(weights(kind, 5), other, Pooler.MEAN))
                            .as("%s as %s", kind, other)
                            .isInstanceOf(ModelException.class)
                            .hasMessageContaining("memory");
                }
            }
        }
    }

    @Test
    void namesTheTensorThatAKindNeeds() {
        assertThatThrownBy(() -> predictor(weights(HeadKind.GRU, 6), HeadKind.LSTM, Pooler.MEAN))
                .hasMessage("memory is no such predictor: it has no matrix lstm.weight_hh_l0");
        assertThatThrownBy(() -> predictor(weights(HeadKind.LSTM, 6), HeadKind.MEAN, Pooler.MEAN))
                .hasMessageContaining("surplus: lstm.weight_ih_l0 [64, 16]")
                .hasMessageContaining("misshapen: fc.0.weight");
    }

    @Test
    void refusesAMamba2ThatDoesNotAddUp() {
        Map<String, Tensor> weights = new LinkedHashMap<>(weights(HeadKind.MAMBA2, 7));
        weights.put("mamba2.A_log", torch.randn(3));

        assertThatThrownBy(() -> predictor(weights, HeadKind.MAMBA2, Pooler.MEAN))
                .isInstanceOf(ModelException.class)
                .hasMessage("memory: 3 heads of an inner width of 32 with a state of 127 are no Mamba-2");
    }

    @ParameterizedTest
    @ValueSource(strings = {"5,9", "5,9,1,1", "5,9,0", "5,9,12"})
    void refusesLengthsThatDoNotFit(String lengths) {
        Tensor x = padded();
        int[] wrong = Arrays.stream(lengths.split(",", -1))
                .mapToInt(Integer::parseInt)
                .toArray();
        try (Predictor predictor = predictor(weights(HeadKind.MEAN, 8), HeadKind.MEAN, Pooler.MEAN)) {
            Tensor projected = predictor.projection().apply(x);

            assertThatThrownBy(() -> predictor.forward(projected, wrong))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("are not the lengths of 3 conversations of at most 11 steps");
        }
    }

    @Test
    void aHeadOfAnUnknownKindIsRefusedWithTheKnownOnes() {
        assertThat(HeadKind.of("mamba2")).isEqualTo(HeadKind.MAMBA2);
        assertThat(HeadKind.of("XLSTM")).isEqualTo(HeadKind.XLSTM);
        assertThatThrownBy(() -> HeadKind.of("mamba"))
                .hasMessage("unknown head 'mamba': known are xlstm, lstm, gru, transformer, mamba2, mean");
    }

    /** Conversations whose padding holds large numbers. */
    private static Tensor padded() {
        List<Tensor> rows = new ArrayList<>();
        for (int length : LENGTHS) {
            Tensor padding = Torch.scale(torch.randn(STEPS - length, INPUT), 20);
            rows.add(Torch.cat(0, torch.randn(length, INPUT), padding));
        }
        return Torch.stack(rows);
    }

    /** Weights of which none is at rest: some start at zero. */
    private static Map<String, Tensor> weights(HeadKind kind, long seed) {
        int layers = kind == HeadKind.MAMBA2 ? Mamba2.REPEATS : 2;
        Map<String, Tensor> weights =
                PredictorInitialization.draw(new HeadConfig(kind, Pooler.MEAN, 16, layers, 8), INPUT, seed);
        torch.manual_seed(seed);
        weights.replaceAll((_, weight) ->
                weight.add(Torch.scale(torch.randn(weight.sizes().vec().get()), 0.1)));
        return weights;
    }

    private static Predictor predictor(Map<String, Tensor> weights, HeadKind kind, Pooler pooler) {
        return new Predictor(new HeldTensors("memory", weights), kind, pooler, Device.CPU);
    }

    /** The gradients, which are then forgotten. */
    private static Map<String, float[]> gradients(Map<String, Tensor> weights) {
        Map<String, float[]> gradients = new LinkedHashMap<>();
        weights.forEach((name, weight) -> {
            gradients.put(name, Torch.toFloats(Torch.gradient(weight)));
            weight.mutable_grad().zero_();
        });
        return gradients;
    }

    private static float largest(float[] numbers) {
        float largest = 0;
        for (float number : numbers) {
            largest = Math.max(largest, Math.abs(number));
        }
        return largest;
    }
}
