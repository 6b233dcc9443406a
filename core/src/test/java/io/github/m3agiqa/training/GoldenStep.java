package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.Goldens;
import io.github.m3agiqa.testing.Parity;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Training steps as the reference took them, with the gradients and new weights at some places of some tensors.
 *
 * @param parity where differences are noted
 * @param expected what the reference found
 * @param names the reference's names of some weights, and ours
 */
record GoldenStep(Parity parity, JsonNode expected, Map<String, String> names) {
    /** Compares gradients, in units of the largest one of their tensor. */
    void compareGradients(Map<String, Tensor> weights, String how) {
        forEach(weights, (name, weight) -> {
            JsonNode golden = expected.path("grad").path(name);
            float[] gradient = Torch.toFloats(Torch.gradient(weight));
            double largest = Arrays.stream(Goldens.doubles(golden.path("largest")))
                    .map(Math::abs)
                    .max()
                    .orElseThrow();
            int[] first = IntStream.range(0, golden.path("first4").size()).toArray();
            compareGradient(gradient, first, golden.path("first4"), largest, how);
            compareGradient(gradient, Goldens.ints(golden.path("spread_idx")), golden.path("spread"), largest, how);
            compareGradient(gradient, Goldens.ints(golden.path("largest_idx")), golden.path("largest"), largest, how);
        });
    }

    private void compareGradient(float[] actual, int[] places, JsonNode golden, double largest, String how) {
        parity.compare(
                "gradients over the largest of their tensor" + how,
                Arrays.stream(places)
                        .mapToDouble(place -> actual[place] / largest)
                        .toArray(),
                Arrays.stream(Goldens.doubles(golden))
                        .map(value -> value / largest)
                        .toArray(),
                1e-4);
    }

    /** Compares weights after one step, where a gradient was more than rounding. */
    void compareWeights(Map<String, Tensor> weights, String how) {
        forEach(weights, (name, weight) -> {
            float[] after = Torch.toFloats(weight);
            for (JsonNode places : expected.path("after_one_step").path(name)) {
                int[] at = Goldens.ints(places.path("idx"));
                for (int i = 0; i < at.length; i++) {
                    if (places.path("usable").get(i).asBoolean()) {
                        parity.compare(
                                "weights after one step" + how,
                                after[at[i]],
                                places.path("after").get(i).asDouble(),
                                2e-6);
                    }
                }
            }
        });
    }

    /** Compares the losses before the first, second and third step and after it. */
    void compareLosses(List<Double> losses, String how) {
        double[] golden = Goldens.doubles(expected.path("loss_before_step_1_2_3_and_after_3"));
        assertThat(losses).hasSameSizeAs(golden);
        parity.compare("loss over its own" + how, losses.getFirst() / golden[0], 1, 1e-4);
        for (int step = 1; step < golden.length; step++) {
            parity.compare("loss after 1, 2 and 3 steps, over its own" + how, losses.get(step) / golden[step], 1, 1e-3);
        }
    }

    private void forEach(Map<String, Tensor> weights, BiConsumer<String, Tensor> comparison) {
        // what the reference has, we have names of
        assertThat(names.keySet()).containsExactlyInAnyOrderElementsOf(expected.path("grad")::fieldNames);
        names.forEach((name, ours) -> comparison.accept(name, Objects.requireNonNull(weights.get(ours), ours)));
    }
}
