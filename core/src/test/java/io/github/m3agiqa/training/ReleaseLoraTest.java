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
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.testing.Goldens;
import io.github.m3agiqa.testing.Parity;
import io.github.m3agiqa.testing.Release;
import io.github.m3agiqa.training.LoraSettings.Initial;
import io.github.m3agiqa.training.LoraSettings.Part;
import io.github.m3agiqa.weights.PeftAdapter;
import io.github.m3agiqa.weights.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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

    private static final GoldenStep GOLDEN = new GoldenStep(PARITY, EXPECTED, NAMES);

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
                        GOLDEN.compareGradients(weights, how);
                    }
                    double norm = optimizer.step(step, 3);
                    if (step == 0) {
                        double expected =
                                EXPECTED.path("global_grad_norm_all_trainable").asDouble();
                        PARITY.compare("length of the gradient over its own" + how, norm / expected, 1, 1e-4);
                        GOLDEN.compareWeights(weights, how);
                    }
                }
            }
            losses.add(learn(mllm, recomputed));
            GOLDEN.compareLosses(losses, how);
        }
    }

    private static double learn(MiniCpmV mllm, boolean recomputed) {
        TrainingPass pass =
                new TrainingPass(mllm, List.of(example(mllm)), new TrainingPass.Settings(true, recomputed), null, 0);
        pass.backward(1.0 / pass.targets(), 0);
        return pass.lossSum() / pass.targets();
    }

    @Test
    void whatIsExportedIsWhatPeftWrote(@TempDir Path folder) throws IOException {
        Path published = Release.folder().resolve("adapter");
        try (TrainableModel model = new TrainableModel(Release.model(), Precision.FP32, Device.CPU);
                PeftAdapter start = new PeftAdapter(published);
                LoraAdapter adapter = LoraAdapter.continued(SETTINGS, start, model.base(), Device.CPU)) {
            adapter.export(folder, "openbmb/MiniCPM-Llama3-V-2_5");
        }

        try (SafetensorsFile theirs = new SafetensorsFile(published.resolve(PeftAdapter.TENSORS));
                SafetensorsFile ours = new SafetensorsFile(folder.resolve(PeftAdapter.TENSORS));
                Scope _ = new Scope()) {
            assertThat(ours.tensors()).isEqualTo(theirs.tensors());
            assertThat(ours.tensors().keySet())
                    .allSatisfy(name -> assertThat(ours.load(name, Dtype.F32, Device.CPU)
                                    .equal(theirs.load(name, Dtype.F32, Device.CPU)))
                            .isTrue());
        }
        JsonNode theirs = Goldens.read(published.resolve(PeftAdapter.CONFIG));
        JsonNode ours = Goldens.read(folder.resolve(PeftAdapter.CONFIG));
        for (String key : List.of("peft_type", "r", "lora_alpha", "bias", "modules_to_save", "inference_mode")) {
            assertThat(ours.path(key)).as(key).isEqualTo(theirs.path(key));
        }
        assertThat(ours.propertyStream().map(Map.Entry::getKey))
                .as("keys that PEFT knows")
                .isSubsetOf(theirs.propertyStream().map(Map.Entry::getKey).toList());
        for (String module : List.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj")) {
            String name = "llm.model.layers.1.self_attn." + module;
            assertThat(name.matches(ours.path("target_modules").asText()))
                    .as(name)
                    .isEqualTo(name.matches(theirs.path("target_modules").asText()));
        }
    }

    @AfterAll
    static void write() {
        PARITY.write();
    }
}
