package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.predictor.HeadConfig;
import io.github.m3agiqa.predictor.HeadKind;
import io.github.m3agiqa.predictor.Pooler;
import io.github.m3agiqa.predictor.Predictor;
import io.github.m3agiqa.predictor.PredictorInitialization;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.HeldTensors;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Fourteen conversations, of which eight have scores and three each are a ranking. */
class BatchPartsTest {
    private static final int SIZE = 6;
    private static final int SCORED = 8;
    private static final int RANKED = 3;
    private static final List<String> KEYS =
            IntStream.range(0, SCORED + 2 * RANKED).mapToObj(String::valueOf).toList();

    private Scope scope;
    private Tensor mos;
    private List<Tensor> conversations; // each (tokens, size)

    @BeforeEach
    void draw() {
        scope = new Scope();
        Engine.seed(1);
        mos = torch.rand(SCORED);
        conversations = KEYS.stream().map(key -> torch.randn(tokens(key), SIZE)).toList();
    }

    @AfterEach
    void free() {
        scope.close();
    }

    private static int tokens(String key) {
        return 3 + 5 * Integer.parseInt(key) % 11;
    }

    private Tensor scores(Predictor predictor, List<String> keys) {
        int[] lengths = keys.stream().mapToInt(BatchPartsTest::tokens).toArray();
        int longest = Arrays.stream(lengths).max().orElseThrow();
        Tensor padded = Torch.zeros(Dtype.F32, Device.CPU, lengths.length, longest, SIZE);
        for (int i = 0; i < lengths.length; i++) {
            padded.select(0, i).narrow(0, 0, lengths[i]).copy_(conversations.get(Integer.parseInt(keys.get(i))));
        }
        return predictor.forward(predictor.projection().apply(padded), lengths);
    }

    private Tensor loss(Tensor predicted) {
        Tensor pairs = new LossSettings(LossSettings.Kind.RANKNET, 0, 0.5).of(predicted.narrow(0, 0, SCORED), mos);
        Tensor first = Rankings.loss(predicted.narrow(0, SCORED, RANKED), 0.3);
        Tensor second = Rankings.loss(predicted.narrow(0, SCORED + RANKED, RANKED), 0.3);
        return pairs.add(first).add(second);
    }

    private Predictor predictor(Map<String, Tensor> weights, HeadKind kind) {
        return new Predictor(new HeldTensors("memory", weights), kind, Pooler.MEAN, Device.CPU);
    }

    private static Map<String, Tensor> weights(HeadKind kind) {
        Map<String, Tensor> weights = PredictorInitialization.draw(new HeadConfig(kind, Pooler.MEAN, 8, 4, 8), SIZE, 2);
        weights.values().forEach(weight -> weight.requires_grad_(true));
        return weights;
    }

    /** The loss, then all gradients. */
    private float[][] learned(HeadKind kind, int parts, int steps) {
        Map<String, Tensor> weights = weights(kind);
        List<Tensor> all = List.copyOf(weights.values());
        try (Predictor predictor = predictor(weights, kind);
                BatchParts batch = new BatchParts(BatchPartsTest::tokens, parts)) {
            float[] loss = {};
            for (int i = 0; i < steps; i++) {
                loss = Torch.toFloats(batch.learn(KEYS, keys -> scores(predictor, keys), all, this::loss));
            }
            Tensor gradients = Torch.cat(
                    0,
                    all.stream()
                            .map(weight -> Torch.gradient(weight).reshape(-1))
                            .toList());
            return new float[][] {loss, Torch.toFloats(gradients)};
        }
    }

    @ParameterizedTest
    @EnumSource(HeadKind.class)
    void partsGiveTheLossAndTheGradientsOfTheWhole(HeadKind kind) {
        float[][] whole = learned(kind, 1, 1);
        for (int parts = 2; parts <= 3; parts++) {
            float[][] together = learned(kind, parts, 1);

            assertThat(together[0]).containsExactly(whole[0], within(1e-5F));
            assertThat(together[1]).containsExactly(whole[1], within(1e-5F));
            assertThat(learned(kind, parts, 1)).isDeepEqualTo(together);
        }
    }

    @Test
    void gradientsAreAddedToThoseThatAreThere() {
        float[] once = learned(HeadKind.XLSTM, 2, 1)[1];
        float[] twice = learned(HeadKind.XLSTM, 2, 2)[1];

        for (int i = 0; i < once.length; i++) {
            assertThat(twice[i]).isCloseTo(2 * once[i], within(1e-6F));
        }
    }

    @Test
    void scoresAreInTheOrderOfTheBatch() {
        try (Predictor predictor = predictor(weights(HeadKind.XLSTM), HeadKind.XLSTM);
                BatchParts batch = new BatchParts(BatchPartsTest::tokens, 3)) {
            float[] together = batch.scores(KEYS, keys -> scores(predictor, keys));

            assertThat(together).containsExactly(Torch.toFloats(scores(predictor, KEYS)), within(1e-5F));
        }
    }

    /** What fails in a part, or in the loss, reaches the caller, and nothing waits for what will not come. */
    @Test
    void failuresReachTheCaller() {
        Map<String, Tensor> weights = weights(HeadKind.MEAN);
        List<Tensor> all = List.copyOf(weights.values());
        try (Predictor predictor = predictor(weights, HeadKind.MEAN);
                BatchParts batch = new BatchParts(BatchPartsTest::tokens, 3)) {
            for (String failing : KEYS) {
                assertThatThrownBy(() -> batch.learn(KEYS, keys -> failing(predictor, keys, failing), all, this::loss))
                        .isExactlyInstanceOf(IllegalStateException.class)
                        .hasMessage(failing);
            }
            assertThatThrownBy(() -> batch.learn(KEYS, keys -> scores(predictor, keys), all, _ -> {
                        throw new IllegalStateException("loss");
                    }))
                    .isExactlyInstanceOf(IllegalStateException.class)
                    .hasMessage("loss");
            assertThat(all).noneMatch(weight -> Torch.gradient(weight).defined());
        }
    }

    private Tensor failing(Predictor predictor, List<String> keys, String failing) {
        if (keys.contains(failing)) {
            throw new IllegalStateException(failing);
        }
        return scores(predictor, keys);
    }

    @Test
    void partsHaveOneThreadAnOperation() {
        int before = Engine.threads();
        Set<Integer> within = ConcurrentHashMap.newKeySet();
        Engine.setThreads(3);
        try (BatchParts batch = new BatchParts(BatchPartsTest::tokens, 2)) {
            batch.scores(KEYS, keys -> {
                within.add(Engine.threads());
                return torch.zeros(keys.size());
            });

            assertThat(within).containsExactly(1);
            assertThat(Engine.threads()).isEqualTo(1);
        }
        try (BatchParts _ = new BatchParts(BatchPartsTest::tokens, 1)) {
            assertThat(Engine.threads()).isEqualTo(3);
        } finally {
            Engine.setThreads(before);
        }
    }

    @Test
    void conversationsOfLikeLengthAreTogether() {
        int[] lengths = IntStream.range(0, 32).map(i -> i % 3 == 0 ? 300 : 160).toArray();

        List<List<Integer>> shares = BatchParts.shares(lengths, 2);

        assertThat(shares).hasSize(2);
        assertThat(shares.getFirst()).hasSize(11).allMatch(place -> lengths[place] == 300);
        assertThat(shares.getLast()).hasSize(21).allMatch(place -> lengths[place] == 160);
        assertThat(BatchParts.shares(new int[] {9, 9, 9, 9, 9, 9, 9, 9}, 2)).allMatch(share -> share.size() == 4);
        assertThat(BatchParts.shares(new int[] {5, 7}, 1)).containsExactly(List.of(0, 1));
    }
}
