package io.github.m3agiqa.weights;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.Fuzz;
import io.github.m3agiqa.testing.TorchZip;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Damaged weight files: typed errors and nothing else. {@code -Dfuzz.inputs=N} sets how many of each kind. */
@Timeout(value = 30, unit = TimeUnit.MINUTES)
class ReadersFuzzTest {
    private static final long MAX_ALLOCATED = 16 << 20;

    @TempDir
    private Path folder;

    @Test
    void safetensors() throws IOException {
        Path file = folder.resolve("a.safetensors");
        byte[] seed = safetensors(file);

        var outcomes = new Fuzz(List.of(seed), MAX_ALLOCATED).run(Fuzz.inputs(), bytes -> {
            Files.write(file, bytes);
            try (SafetensorsFile source = new SafetensorsFile(file)) {
                loadAll(source);
            }
        });

        assertThat(outcomes).containsKeys("read", "MODEL_INVALID").hasSize(2);
    }

    @Test
    void torchCheckpoints() throws IOException {
        byte[] stored = new TorchZip()
                .tensor("model.W.weight", new float[] {1, 2, 3, 4, 5, 6}, 2, 3)
                .tensor("model.W.bias", new float[] {1, 2}, 2)
                .string("epochs")
                .bytes('K', 7)
                .finish();
        Path file = folder.resolve("a.ckpt");

        var outcomes = new Fuzz(List.of(stored), MAX_ALLOCATED).run(Fuzz.inputs(), bytes -> {
            Files.write(file, bytes);
            try (TorchCheckpoint source = new TorchCheckpoint(file)) {
                loadAll(source);
            }
        });

        assertThat(outcomes).containsKeys("read", "MODEL_INVALID").hasSize(2);
    }

    /** The pickle alone, as most damage to the archive around it is noticed before the pickle is reached. */
    @Test
    void pickles() throws IOException {
        TorchZip zip = new TorchZip().tensor("a", new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
        zip.finish();
        Path file = folder.resolve("a.ckpt");

        var outcomes = new Fuzz(List.of(zip.pickle()), MAX_ALLOCATED).run(Fuzz.inputs(), bytes -> {
            Files.write(
                    file,
                    new TorchZip()
                            .entry("archive/data.pkl", bytes)
                            .entry("archive/data/0", new byte[24])
                            .archive());
            try (TorchCheckpoint source = new TorchCheckpoint(file)) {
                loadAll(source);
            }
        });

        assertThat(outcomes).containsKeys("read", "MODEL_INVALID").hasSize(2);
    }

    @Test
    void adapters() throws IOException {
        byte[] config =
                "{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":4,\"bias\":\"none\",\"modules_to_save\":[\"a\"]}"
                        .getBytes(StandardCharsets.UTF_8);
        byte[] weights = safetensors(folder.resolve("adapter_model.safetensors"));

        var outcomes = new Fuzz(List.of(config, weights), MAX_ALLOCATED).run(Fuzz.inputs(), bytes -> {
            boolean isConfig = bytes.length > 0 && bytes[0] == '{';
            Files.write(folder.resolve("adapter_config.json"), isConfig ? bytes : config);
            Files.write(folder.resolve("adapter_model.safetensors"), isConfig ? weights : bytes);
            try (PeftAdapter source = new PeftAdapter(folder)) {
                loadAll(source);
            }
        });

        assertThat(outcomes).containsKeys("read", "MODEL_INVALID").hasSize(2);
    }

    private static void loadAll(TensorSource source) {
        try (Scope _ = new Scope()) {
            for (String name : source.tensors().keySet()) {
                Torch.toFloats(source.load(name, Dtype.F32, Device.CPU));
            }
        }
    }

    private static byte[] safetensors(Path file) throws IOException {
        try (Scope _ = new Scope()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            tensors.put("base_model.model.a", Torch.floats(new float[] {1, 2, 3, 4, 5, 6}, 2, 3));
            tensors.put("base_model.model.b", Torch.to(Torch.floats(new float[] {1, 2}, 2), Dtype.BF16));
            SafetensorsWriter.write(file, tensors);
        }
        return Files.readAllBytes(file);
    }
}
