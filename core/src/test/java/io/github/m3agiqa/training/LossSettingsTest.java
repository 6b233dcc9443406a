package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.Goldens;
import io.github.m3agiqa.training.LossSettings.Kind;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Losses against those of the published code. */
class LossSettingsTest {
    /** Float32 results of the published code, printed with all their digits. */
    private static final double TOLERANCE = 1e-6;

    private static final JsonNode GOLDEN = Goldens.read("misc.json").path("loss");

    @ParameterizedTest
    @CsvSource({
        "mse, MSE, 0, 0",
        "mae, MAE, 0, 0",
        "smoothl1, HUBER, 0, 0",
        "fidelity, FIDELITY, 0, 0",
        "margin, MARGIN, 1, 0",
        "margin_mse, MARGIN, 0.001, 0.8",
        "ranknet, RANKNET, 0, 0",
        "ranknet_mse, RANKNET, 0, 0.8",
    })
    void arePublished(String published, Kind kind, double margin, double mse) {
        try (Scope _ = new Scope()) {
            Tensor loss =
                    new LossSettings(kind, margin, mse).of(vector(GOLDEN.path("pred")), vector(GOLDEN.path("true")));

            assertThat((double) Torch.toFloats(loss)[0])
                    .isEqualTo(GOLDEN.path("values").path(published).asDouble(), within(TOLERANCE));
        }
    }

    @ParameterizedTest
    @CsvSource({"FIDELITY, 0.29189", "MARGIN, 0", "RANKNET, 0.693147"})
    void comparisonsTeachNothingAboutOneImage(Kind kind, double constant) {
        try (Scope _ = new Scope()) {
            Tensor predicted = Torch.floats(new float[] {2}, 1).requires_grad_(true);
            Tensor loss = new LossSettings(kind, 1, 0).of(predicted, Torch.floats(new float[] {3}, 1));

            assertThat((double) Torch.toFloats(loss)[0]).isEqualTo(constant, within(1e-5));
            if (loss.requires_grad()) {
                loss.backward();
                assertThat(Torch.toFloats(Torch.gradient(predicted))).containsOnly(0);
            }
        }
    }

    @Test
    void aMixIsTheWeightedSum() {
        try (Scope _ = new Scope()) {
            Tensor predicted = vector(GOLDEN.path("pred"));
            Tensor mos = vector(GOLDEN.path("true"));
            float mixed = Torch.toFloats(new LossSettings(Kind.MAE, 0, 0.25).of(predicted, mos))[0];

            assertThat((double) mixed).isEqualTo(0.75 * 0.375 + 0.25 * 0.1875, within(TOLERANCE));
        }
    }

    private static Tensor vector(JsonNode array) {
        double[] numbers = Goldens.doubles(array);
        float[] floats = new float[numbers.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) numbers[i];
        }
        return Torch.floats(floats, floats.length);
    }
}
