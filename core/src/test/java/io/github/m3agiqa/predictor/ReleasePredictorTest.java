package io.github.m3agiqa.predictor;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.predictor.XlstmStack.Form;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.testing.Goldens;
import io.github.m3agiqa.testing.Parity;
import io.github.m3agiqa.testing.Release;
import io.github.m3agiqa.weights.SafetensorsFolder;
import io.github.m3agiqa.weights.TorchCheckpoint;
import java.util.List;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The score head of the tiny release, read from its Lightning checkpoint, on the reference's own hidden states. */
@Tag("shared")
class ReleasePredictorTest {
    private static final Parity PARITY = new Parity("release predictor");

    static List<Release.Case> cases() {
        return Release.cases();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void predicts(Release.Case given) {
        JsonNode expected = given.expected().path("predictor");
        String name = "case%d.predictor.".formatted(given.index());
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard();
                SafetensorsFolder base = new SafetensorsFolder(Release.folder().resolve("base"));
                Predictor predictor = new Predictor(
                        new TorchCheckpoint(Release.folder().resolve("predictor.ckpt")),
                        HeadKind.XLSTM,
                        Pooler.MEAN,
                        Device.CPU)) {
            Tensor head = base.load("llm.lm_head.weight", Dtype.F32, Device.CPU);
            Tensor hidden = Release.tensor(name + "last_hidden");

            Projection literal = predictor.projection();
            Tensor projected = literal.apply(torch.linear(hidden, head));
            PARITY.compare("W over logits", projected, Goldens.doubles(Release.tensor(name + "W_out")), 2e-4);
            Tensor folded = literal.folded(w -> w.matmul(head), head.size(1)).apply(hidden);
            PARITY.compare("W folded into lm_head", folded, Goldens.doubles(Release.tensor(name + "W_out")), 2e-4);

            List<Tensor> states = ((XlstmStack) predictor.head()).trace(projected.unsqueeze(0), Form.PARALLEL);
            for (int block = 0; block < 4; block++) {
                PARITY.compare(
                        "output of block " + block,
                        states.get(block),
                        Goldens.doubles(Release.tensor(name + "block" + block)),
                        2e-4);
            }
            PARITY.compare(
                    "output of the stack", states.get(4), Goldens.doubles(Release.tensor(name + "xlstm_out")), 1e-4);
            Tensor pooled = Pooler.MEAN.pool(states.get(4).squeeze(0));
            PARITY.compare("pooled vector", pooled, Goldens.doubles(Release.tensor(name + "pooled")), 3e-5);
            PARITY.compare(
                    "hidden layer of the regression",
                    predictor.hiddenLayer(pooled).narrow(0, 0, 8),
                    Goldens.doubles(expected.path("fc0_relu_first8")),
                    3e-5);

            PARITY.compare(
                    "raw score",
                    predictor.predict(projected),
                    expected.path("raw_score").asDouble(),
                    1e-4);
            PARITY.compare(
                    "raw score, W folded",
                    predictor.predict(folded),
                    expected.path("raw_score_collapsed_W_lm_head").asDouble(),
                    1e-4);
            double vanilla = expected.path("counter_test_raw_scores")
                    .path("slstm_bias_read_in_vanilla_layout")
                    .asDouble();
            assertThat(Math.abs(predictor.predict(projected) - vanilla)).isGreaterThan(0.05);
        }
    }

    @AfterAll
    static void write() {
        PARITY.write();
    }
}
