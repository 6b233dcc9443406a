package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.TokenizedConversation;
import io.github.m3agiqa.mllm.TrainingPass;
import io.github.m3agiqa.mllm.TrainingPass.Example;
import io.github.m3agiqa.mllm.Turn;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.Goldens;
import io.github.m3agiqa.testing.Parity;
import io.github.m3agiqa.testing.Release;
import io.github.m3agiqa.training.LoraSettings.Initial;
import io.github.m3agiqa.training.LoraSettings.Part;
import io.github.m3agiqa.weights.PeftAdapter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** LoRA training of the tiny release against the numbers of PEFT and torch. */
@Tag("shared")
class ReleaseLoraTest {
    private static final Parity PARITY = new Parity("LoRA training");
    private static final JsonNode EXPECTED = Release.expected().path("lora_training");
    private static final LoraSettings SETTINGS = new LoraSettings(
            8,
            8,
            0,
            Set.of("q_proj", "k_proj", "v_proj", "o_proj"),
            Set.of(Part.EMBEDDING, Part.RESAMPLER, Part.VISION),
            Initial.ADAPTER);
    private static final Optimization ADAMW =
            new Optimization(1e-3, List.of(0.9, 0.95), 1e-8, 0.1, 0, new Schedule(Schedule.Kind.CONSTANT, 0));

    /** The reference's names of some weights. */
    private static final Map<String, String> NAMES = Map.of(
            "lora_A", "llm.model.layers.0.self_attn.q_proj.lora_A.weight",
            "lora_B", "llm.model.layers.0.self_attn.q_proj.lora_B.weight",
            "resampler.query", "resampler.query",
            "resampler.in_proj_weight", "resampler.attn.in_proj_weight",
            "resampler.proj", "resampler.proj",
            "vpm.patch_embedding.weight", "vpm.embeddings.patch_embedding.weight",
            "vpm.position_embedding.weight", "vpm.embeddings.position_embedding.weight",
            "vpm.layers.0.q_proj.weight", "vpm.encoder.layers.0.self_attn.q_proj.weight",
            "embed_tokens", "llm.model.embed_tokens.weight",
            "last.o_proj.lora_B", "llm.model.layers.2.self_attn.o_proj.lora_B.weight");

    private static List<Turn> turns() {
        List<Turn> turns = new ArrayList<>();
        EXPECTED.path("conversation").forEach(message -> {
            String content = message.path("content").asText();
            turns.add(
                    message.path("role").asText().equals("user")
                            ? Turn.user(content.replace("<image>\n", ""))
                            : Turn.assistant(content));
        });
        return turns;
    }

    private static Example example(MiniCpmV mllm) {
        Release.Case first = Release.cases().getFirst();
        assertThat(first.toString()).isEqualTo(EXPECTED.path("image").asText());
        RgbImage image = first.image();
        SlicePlan plan = mllm.plan(image, EXPECTED.path("max_slice_nums").asInt());
        return new Example(image, plan, mllm.template().tokenize(plan, turns(), false));
    }

    @Test
    void labelsAreThePublishedOnes() {
        try (TrainableModel model = new TrainableModel(Release.model(), Precision.FP32, Device.CPU);
                MiniCpmV mllm = model.with(null)) {
            TokenizedConversation conversation = example(mllm).conversation();
            PARITY.same(
                    "labels",
                    Arrays.stream(conversation.labels()).boxed().toList(),
                    Arrays.stream(Goldens.ints(EXPECTED.path("labels"))).boxed().toList());
            JsonNode truncated = EXPECTED.path("truncated");
            TokenizedConversation cut =
                    conversation.first(truncated.path("max_length").asInt());
            PARITY.same(
                    "labels, truncated",
                    Arrays.stream(cut.labels()).boxed().toList(),
                    Arrays.stream(Goldens.ints(truncated.path("labels")))
                            .boxed()
                            .toList());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void threeStepsAreThoseOfTheReference(boolean recomputed) {
        ModelFolder release = Release.model();
        String how = recomputed ? ", activations recomputed" : "";
        try (Scope _ = new Scope();
                TrainableModel model = new TrainableModel(release, Precision.FP32, Device.CPU);
                PeftAdapter start = new PeftAdapter(Release.folder().resolve("adapter"));
                LoraAdapter adapter = LoraAdapter.continued(SETTINGS, start, model.base(), Device.CPU);
                MiniCpmV mllm = model.with(adapter);
                AdamWOptimizer optimizer = new AdamWOptimizer(adapter.weights(), LoraAdapter::decays, ADAMW)) {
            Map<String, Tensor> weights = adapter.weights();
            assertThat(weights).hasSize(EXPECTED.path("num_trainable_tensors").asInt());
            assertThat(weights.values().stream().mapToLong(Tensor::numel).sum())
                    .isEqualTo(EXPECTED.path("num_trainable_parameters").asLong());

            List<Double> losses = new ArrayList<>();
            for (int step = 0; step < 3; step++) {
                try (Scope _ = new Scope()) {
                    losses.add(learn(mllm, recomputed));
                    if (step == 0) {
                        compareGradients(weights, how);
                    }
                    double norm = optimizer.step(step, 3);
                    if (step == 0) {
                        double expected =
                                EXPECTED.path("global_grad_norm_all_trainable").asDouble();
                        PARITY.compare("length of the gradient over its own" + how, norm / expected, 1, 1e-4);
                        compareWeights(weights, how);
                    }
                }
            }
            losses.add(learn(mllm, recomputed));
            double[] expected = Goldens.doubles(EXPECTED.path("loss_before_step_1_2_3_and_after_3"));
            PARITY.compare("loss" + how, losses.getFirst(), expected[0], 1e-4);
            PARITY.compare(
                    "loss after 1, 2 and 3 steps, over its own" + how,
                    IntStream.range(1, 4)
                            .mapToDouble(i -> losses.get(i) / expected[i])
                            .toArray(),
                    new double[] {1, 1, 1},
                    1e-3);
        }
    }

    private static double learn(MiniCpmV mllm, boolean recomputed) {
        TrainingPass pass =
                new TrainingPass(mllm, List.of(example(mllm)), new TrainingPass.Settings(true, recomputed), 0);
        pass.backward(1.0 / pass.targets());
        return pass.lossSum() / pass.targets();
    }

    private static void compareGradients(Map<String, Tensor> weights, String how) {
        named(weights).forEach((name, weight) -> {
            JsonNode expected = EXPECTED.path("grad").path(name);
            float[] gradient = Torch.toFloats(weight.grad());
            double largest = Arrays.stream(Goldens.doubles(expected.path("largest")))
                    .map(Math::abs)
                    .max()
                    .orElseThrow();
            compare(
                    "gradients over the largest of their tensor" + how,
                    gradient,
                    IntStream.range(0, 4).toArray(),
                    expected.path("first4"),
                    largest);
            compare(
                    "gradients over the largest of their tensor" + how,
                    gradient,
                    Goldens.ints(expected.path("spread_idx")),
                    expected.path("spread"),
                    largest);
            compare(
                    "gradients over the largest of their tensor" + how,
                    gradient,
                    Goldens.ints(expected.path("largest_idx")),
                    expected.path("largest"),
                    largest);
        });
    }

    private static void compare(String quantity, float[] actual, int[] places, JsonNode expected, double scale) {
        PARITY.compare(
                quantity,
                Arrays.stream(places)
                        .mapToDouble(place -> actual[place] / scale)
                        .toArray(),
                Arrays.stream(Goldens.doubles(expected))
                        .map(value -> value / scale)
                        .toArray(),
                1e-4);
    }

    private static void compareWeights(Map<String, Tensor> weights, String how) {
        int compared = 0;
        for (var entry : named(weights).entrySet()) {
            float[] after = Torch.toFloats(entry.getValue());
            for (JsonNode places : EXPECTED.path("after_one_step").path(entry.getKey())) {
                for (int i = 0; i < places.path("idx").size(); i++) {
                    if (places.path("usable").get(i).asBoolean()) {
                        compared++;
                        PARITY.compare(
                                "weights after one step" + how,
                                after[places.path("idx").get(i).asInt()],
                                places.path("after").get(i).asDouble(),
                                2e-6);
                    }
                }
            }
        }
        assertThat(compared).isGreaterThan(60);
    }

    private static Map<String, Tensor> named(Map<String, Tensor> weights) {
        Map<String, Tensor> named = new LinkedHashMap<>();
        NAMES.forEach((name, ours) -> named.put(name, weights.get(ours)));
        return named;
    }

    @AfterAll
    static void write() {
        PARITY.write();
    }
}
