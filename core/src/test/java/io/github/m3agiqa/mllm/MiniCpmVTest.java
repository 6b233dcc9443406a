package io.github.m3agiqa.mllm;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.mllm.SiglipVision.PatchGrid;
import io.github.m3agiqa.mllm.TokenizedConversation.Span;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.FilledTensors;
import io.github.m3agiqa.testing.Goldens;
import io.github.m3agiqa.testing.Parity;
import io.github.m3agiqa.weights.Adapter;
import io.github.m3agiqa.weights.HeldTensors;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.ModelWeights.LoraMode;
import io.github.m3agiqa.weights.Parameters;
import io.github.m3agiqa.weights.PeftAdapter;
import io.github.m3agiqa.weights.SafetensorsWriter;
import io.github.m3agiqa.weights.WeightStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The networks against the numbers that the published code computed from the same made-up weights. */
class MiniCpmVTest {
    private static final Parity PARITY = new Parity("golden MiniCPM-V");
    private static final int PATCH = 14;

    private final JsonNode golden = Goldens.read("minicpmv_tiny.json");
    private final List<PatchGrid> grids = List.of(new PatchGrid(6, 8), new PatchGrid(7, 7));
    private Scope scope;

    @BeforeEach
    void open() {
        scope = new Scope();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    /** Tolerances: vision and resampler 1e-4, logits 2e-4, as the specification states for float32. */
    @Test
    void computesAsThePublishedCode() {
        Parameters parameters = parameters();
        SiglipVision vision = new SiglipVision(visionConfig(), VisionMode.PUBLISHED, parameters.at("vpm"));
        Resampler resampler = new Resampler(new Resampler.Config(5, 256, 32), parameters.at("resampler"));
        Llama llama = new Llama(new Llama.Config(64, 256, 320, 2, 4, 2, 64, 1e-5, 500_000, 4096), parameters.at("llm"));

        PARITY.same(
                "vision position ids",
                Arrays.stream(PositionBuckets.of(49, 70)).boxed().toList(),
                Arrays.stream(Goldens.ints(golden.path("position_ids_vision")))
                        .boxed()
                        .toList());

        Tensor padded = vision.encodePadded(patches(), LayerChain.PLAIN); // (2, 49, 32)
        PARITY.compare(
                "vision tower, first rows",
                padded.select(0, 0).narrow(0, 0, 3),
                Goldens.doubles(golden.path("vpm_out_img0_first3")),
                1e-4);
        PARITY.compare(
                "vision tower, padding row",
                padded.select(0, 0).select(0, 48),
                Goldens.doubles(golden.path("vpm_out_img0_pad_last")),
                1e-4);

        List<Tensor> pictures = resampler.forward(vision.forward(patches(), grids, LayerChain.PLAIN), grids);
        PARITY.compare("resampler", Torch.stack(pictures), Goldens.doubles(golden.path("resampler_out")), 1e-4);

        Tensor logits = llama.logits(hidden(llama, pictures)); // (22, 64)
        PARITY.compare(
                "logits, last position", logits.select(0, 21), Goldens.doubles(golden.path("logits_last")), 2e-4);
        PARITY.compare(
                "logits, sum of each position",
                Torch.sum(logits, 1),
                Goldens.doubles(golden.path("logits_sum_per_pos")),
                2e-3);
        PARITY.same(
                "most likely token of each position",
                Arrays.stream(Torch.toLongs(Torch.top(logits, 1).indices()))
                        .boxed()
                        .toList(),
                Arrays.stream(Goldens.ints(golden.path("argmax")))
                        .mapToObj(Long::valueOf)
                        .toList());
    }

    /** What a program would compute that masked the padding and numbered patches in two dimensions. */
    @Test
    void theCorrectedTowerIsAnotherOne() {
        SiglipVision corrected = new SiglipVision(
                visionConfig(), VisionMode.CORRECTED, parameters().at("vpm"));

        float first = Torch.toFloats(
                corrected.forward(patches(), grids, LayerChain.PLAIN).getFirst())[0];

        double published = golden.path("vpm_out_img0_first3").get(0).get(0).asDouble();
        assertThat(Math.abs(first - published)).isGreaterThan(1e-3);
    }

    /** In the corrected tower an image's features do not depend on the images beside it. */
    @Test
    void theCorrectedTowerSeesEveryImageAlone() {
        SiglipVision corrected = new SiglipVision(
                visionConfig(), VisionMode.CORRECTED, parameters().at("vpm"));

        List<Tensor> together = corrected.forward(patches(), grids, LayerChain.PLAIN);
        for (int i = 0; i < 2; i++) {
            Tensor alone = corrected
                    .forward(List.of(patches().get(i)), List.of(grids.get(i)), LayerChain.PLAIN)
                    .getFirst();
            assertThat(Torch.toFloats(together.get(i))).containsExactly(Torch.toFloats(alone));
        }
    }

    /** The table of the resampler's positions; tolerance 1e-6, the rounding of float32 sines near 1. */
    @Test
    void placesPatchesAsPublished() {
        Tensor codes = Resampler.codes(6, 2048);
        JsonNode expected = Goldens.read("misc.json").path("pos_embed_r3_c5");

        expected.properties().forEach(entry -> {
            int channel = Integer.parseInt(entry.getKey());
            Tensor place = codes.select(0, channel < 2048 ? 5 : 3);
            PARITY.compare(
                    "resampler position code",
                    Torch.toFloats(place)[channel % 2048],
                    entry.getValue().asDouble(),
                    1e-6);
        });
    }

    private Tensor hidden(Llama llama, List<Tensor> pictures) {
        int[] ids = Goldens.ints(golden.path("input_ids"));
        List<Span> spans = new ArrayList<>();
        golden.path("image_bound")
                .forEach(bound ->
                        spans.add(new Span(bound.get(0).asInt(), bound.get(1).asInt())));
        List<Tensor> parts = new ArrayList<>();
        int at = 0;
        for (int i = 0; i < spans.size(); i++) {
            parts.add(llama.embed(Arrays.copyOfRange(ids, at, spans.get(i).start())));
            parts.add(pictures.get(i));
            at = spans.get(i).end();
        }
        parts.add(llama.embed(Arrays.copyOfRange(ids, at, ids.length)));
        try (KvCache cache = new KvCache(llama.config(), Device.CPU, ids.length)) {
            return llama.forward(Torch.cat(0, parts), cache.extension(ids.length));
        }
    }

    private static SiglipVision.Config visionConfig() {
        return new SiglipVision.Config(32, 48, 2, 4, 980, PATCH, List.of());
    }

    /** Adapters of the published model are for the language model alone, but PEFT can be told to adapt the tower, too. */
    @Test
    void aBranchInTheTowerIsTheSameMergedOrNot(@TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve(PeftAdapter.CONFIG), "{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":4}");
        Map<String, Tensor> branches = new LinkedHashMap<>();
        for (String module : List.of("0.self_attn.q_proj", "1.self_attn.out_proj")) {
            String name = PeftAdapter.PREFIX + "vpm.encoder.layers." + module;
            branches.put(name + Adapter.LORA_A, torch.randn(2, 32));
            branches.put(name + Adapter.LORA_B, torch.randn(32, 2));
        }
        SafetensorsWriter.write(folder.resolve(PeftAdapter.TENSORS), branches);

        Tensor unmerged = encoded(ModelWeights.of(store(), new PeftAdapter(folder), LoraMode.UNMERGED));
        Tensor merged = encoded(ModelWeights.of(store(), new PeftAdapter(folder), LoraMode.MERGED));

        assertThat(largestDifference(merged, unmerged)).isLessThan(1e-4);
        assertThat(largestDifference(encoded(ModelWeights.of(store())), unmerged))
                .as("the branches change something")
                .isGreaterThan(1e-2);
    }

    private Tensor encoded(ModelWeights weights) {
        return new SiglipVision(
                        visionConfig(), VisionMode.PUBLISHED, weights.root().at("vpm"))
                .encodePadded(patches(), LayerChain.PLAIN);
    }

    private static double largestDifference(Tensor a, Tensor b) {
        return a.sub(b).abs().max().item().toDouble();
    }

    /** Image q has at (c, y, x) the value sin(0.05 (x + 1) + 0.07 (y + 1) + c + 2 q). */
    private List<Tensor> patches() {
        List<Tensor> patches = new ArrayList<>();
        for (int q = 0; q < grids.size(); q++) {
            PatchGrid grid = grids.get(q);
            float[] values = new float[grid.patches() * 3 * PATCH * PATCH];
            int at = 0;
            for (int patch = 0; patch < grid.patches(); patch++) {
                for (int c = 0; c < 3; c++) {
                    for (int i = 0; i < PATCH * PATCH; i++) {
                        int x = patch % grid.columns() * PATCH + i % PATCH;
                        int y = patch / grid.columns() * PATCH + i / PATCH;
                        values[at++] = (float) Math.sin(0.05 * (x + 1) + 0.07 * (y + 1) + c + 2 * q);
                    }
                }
            }
            patches.add(Torch.floats(values, grid.patches(), 3 * PATCH * PATCH));
        }
        return patches;
    }

    private Parameters parameters() {
        return ModelWeights.of(store()).root();
    }

    private WeightStore store() {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        golden.path("shapes")
                .properties()
                .forEach(entry -> shapes.put(
                        entry.getKey(),
                        Arrays.stream(Goldens.ints(entry.getValue()))
                                .asLongStream()
                                .toArray()));
        HeldTensors tensors = FilledTensors.of(shapes, (name, position, index) -> {
            double i = index + 1;
            boolean gain = (name.contains("norm") || name.contains(".ln_")) && name.endsWith("weight");
            return 0.09 * Math.sin(0.7 * (position + 1) + 0.37 * i + 1e-5 * i * i) + (gain ? 1 : 0);
        });
        return new WeightStore(tensors, Precision.FP32, Device.CPU);
    }

    @AfterAll
    static void write() {
        PARITY.write();
    }
}
