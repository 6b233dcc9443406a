package io.github.m3agiqa.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class SafetensorsFileTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16", "F64"})
    void readsBackWhatWasWritten(Dtype stored) throws IOException {
        float[] numbers = {1.5f, -2, 0.25f, 3, 0, -0.5f};
        Path file = folder.resolve("a.safetensors");
        try (Scope _ = new Scope()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            tensors.put("odd", Torch.to(Torch.floats(new float[] {7}, 1), stored));
            tensors.put("weight", Torch.to(Torch.floats(numbers, 2, 3), stored));
            SafetensorsWriter.write(file, tensors);
        }

        try (Scope _ = new Scope();
                SafetensorsFile source = new SafetensorsFile(file)) {
            assertThat(source.tensors()).containsEntry("weight", new TensorInfo(stored, List.of(2L, 3L)));
            for (Dtype wanted : List.of(stored, Dtype.F32, Dtype.BF16)) {
                Tensor tensor = source.load("weight", wanted, Device.CPU);
                assertThat(Torch.dtypeOf(tensor)).isEqualTo(wanted);
                assertThat(Torch.toFloats(tensor)).containsExactly(numbers);
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "no object             | []                                                                 | not a JSON object",
                "no JSON               | {\"a\"                                                             | not JSON",
                "unknown dtype         | {\"a\":{\"dtype\":\"F8\",\"shape\":[2],\"data_offsets\":[0,8]}}     | unknown dtype 'F8'",
                "negative side         | {\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}   | -2 in its shape",
                "fraction              | {\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,8]}}  | 1.5 in its shape",
                "overflow              | {\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807,9],\"data_offsets\":[0,8]}} | impossible shape",
                "wrong length          | {\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}    | needs 12 bytes and has 8",
                "swapped offsets       | {\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}    | data_offsets [8, 0]",
                "beyond the end        | {\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}   | incomplete download",
                "a hole                | {\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}    | starts at 4",
                "an overlap            | {\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}} | starts at 4",
                "the same name twice   | {\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}} | not JSON",
                "no offsets            | {\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}                           | no data_offsets",
            })
    void refusesDamage(String what, String header, String why) throws IOException {
        Path file = write(header.getBytes(StandardCharsets.UTF_8).length, header, 8);

        assertThatThrownBy(() -> new SafetensorsFile(file))
                .as(what)
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining(why);
    }

    /** Java closes the channel of a thread that is interrupted, which several models' threads may read from. */
    @Test
    void canBeReadByThreadsThatWereInterruptedAndAfterThem() throws IOException {
        Path file = folder.resolve("a.safetensors");
        try (Scope _ = new Scope()) {
            SafetensorsWriter.write(file, Map.of("weight", Torch.floats(new float[] {1.5f}, 1)));
        }

        Thread.currentThread().interrupt();
        try (Scope _ = new Scope();
                SafetensorsFile source = new SafetensorsFile(file)) {
            for (Dtype wanted : List.of(Dtype.F32, Dtype.BF16)) {
                assertThat(Torch.toFloats(source.load("weight", wanted, Device.CPU)))
                        .containsExactly(1.5f);
            }
            assertThat(Thread.interrupted()).as("still interrupted").isTrue();
            assertThat(Torch.toFloats(source.load("weight", Dtype.F32, Device.CPU)))
                    .containsExactly(1.5f);
        } finally {
            Thread.interrupted();
        }
    }

    @ParameterizedTest
    @CsvSource({"-1", "1", "100000001", "9223372036854775807"})
    void refusesAHeaderThatDoesNotFit(long headerBytes) throws IOException {
        Path file = write(headerBytes, "{}", 0);

        assertThatThrownBy(() -> new SafetensorsFile(file)).isInstanceOf(ModelException.class);
    }

    @Test
    void namesAMissingFile() {
        Path file = folder.resolve("none.safetensors");

        assertThatThrownBy(() -> new SafetensorsFile(file))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(file + ": no such file");
    }

    @Test
    void tensorsAreWrittenInTheTypesThatAreAskedFor() throws IOException {
        Path file = folder.resolve("types.safetensors");

        try (Scope _ = new Scope()) {
            SafetensorsWriter.write(
                    file,
                    Map.of("bias", Torch.floats(new float[] {1}, 1), "weight", Torch.floats(new float[] {2}, 1, 1)),
                    (name, tensor) -> name.equals("bias") || tensor.dim() < 2 ? Dtype.F32 : Dtype.BF16);
        }

        try (SafetensorsFile source = new SafetensorsFile(file)) {
            assertThat(source.tensors())
                    .containsEntry("bias", new TensorInfo(Dtype.F32, List.of(1L)))
                    .containsEntry("weight", new TensorInfo(Dtype.BF16, List.of(1L, 1L)));
        }
    }

    @Test
    void anUnfinishedFileDoesNotAppear() throws IOException {
        Path file = folder.resolve("b.safetensors");
        Map<String, TensorInfo> header = Map.of("a", new TensorInfo(Dtype.F32, List.of(2L)));

        try (SafetensorsWriter writer = new SafetensorsWriter(file, header, Map.of())) {
            assertThatThrownBy(writer::finish).isInstanceOf(IllegalStateException.class);
        }

        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void readsShardsThatAnIndexNames() throws IOException {
        try (Scope _ = new Scope()) {
            SafetensorsWriter.write(
                    folder.resolve("model-1.safetensors"), Map.of("a", Torch.floats(new float[] {1}, 1)));
            SafetensorsWriter.write(
                    folder.resolve("model-2.safetensors"), Map.of("b", Torch.floats(new float[] {2}, 1)));
            index("{\"a\":\"model-1.safetensors\",\"b\":\"model-2.safetensors\"}");

            try (SafetensorsFolder source = new SafetensorsFolder(folder)) {
                assertThat(source.tensors()).containsOnlyKeys("a", "b");
                assertThat(Torch.toFloats(source.load("b", Dtype.F32, Device.CPU)))
                        .containsExactly(2);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "'{\"c\":\"model-1.safetensors\"}', none of that name",
        "'{\"a\":\"../model-1.safetensors\"}', no plain file name",
        "'{\"a\":\"model-9.safetensors\"}', no such file",
        "'{}', no weight_map",
    })
    void refusesAWrongIndex(String weightMap, String why) throws IOException {
        try (Scope _ = new Scope()) {
            SafetensorsWriter.write(
                    folder.resolve("model-1.safetensors"), Map.of("a", Torch.floats(new float[] {1}, 1)));
        }
        index(weightMap);

        assertThatThrownBy(() -> new SafetensorsFolder(folder))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(why);
    }

    private void index(String weightMap) throws IOException {
        // the total size is wrong in the published index, too
        Files.writeString(
                folder.resolve("model.safetensors.index.json"),
                "{\"metadata\":{\"total_size\":1},\"weight_map\":%s}".formatted(weightMap));
    }

    private Path write(long headerBytes, String header, int dataBytes) throws IOException {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(8 + text.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(headerBytes).put(text);
        return Files.write(folder.resolve("damaged.safetensors"), bytes.array());
    }
}
