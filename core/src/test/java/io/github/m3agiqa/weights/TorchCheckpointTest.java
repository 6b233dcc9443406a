package io.github.m3agiqa.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.TorchZip;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class TorchCheckpointTest {
    @TempDir
    private Path folder;

    @Test
    void readsTheStateDict() throws IOException {
        byte[] halves = {0, 0x3c, 0, (byte) 0xc0, 0, 0x38}; // 1, -2, 0.5
        Path file = write(new TorchZip()
                .tensor("model.W.weight", new float[] {1, 2, 3, 4, 5, 6}, 2, 3)
                .string("half")
                .tensor("HalfStorage", halves, 3, 1, new int[] {2}, new int[] {1})
                .string("transposed")
                .tensor("HalfStorage", halves, 3, 0, new int[] {1, 3}, new int[] {3, 1})
                .string("count")
                .bytes('K', 7)
                .finish());

        try (Scope _ = new Scope();
                TorchCheckpoint checkpoint = new TorchCheckpoint(file)) {
            assertThat(checkpoint.tensors()).containsOnlyKeys("model.W.weight", "half", "transposed");
            assertThat(checkpoint.tensors().get("half")).isEqualTo(new TensorInfo(Dtype.F16, List.of(2L)));
            assertThat(Torch.toFloats(checkpoint.load("model.W.weight", Dtype.F32, Device.CPU)))
                    .containsExactly(1, 2, 3, 4, 5, 6);
            assertThat(Torch.toFloats(checkpoint.load("half", Dtype.F32, Device.CPU)))
                    .containsExactly(-2, 0.5f);
        }
    }

    static Stream<Arguments> refused() throws IOException {
        byte[] four = new byte[4];
        int[] one = {1};
        return Stream.of(
                Arguments.of(
                        "a call of code",
                        new TorchZip()
                                .string("x")
                                .global("os", "system")
                                .string("true")
                                .bytes(0x85, 'R')
                                .finish(),
                        "global os.system is refused"),
                Arguments.of(
                        "a class that is built",
                        new TorchZip()
                                .string("x")
                                .global("argparse", "Namespace")
                                .finish(),
                        "argparse.Namespace is refused"),
                Arguments.of("an unknown opcode", new TorchZip().bytes('i').finish(), "opcode 0x69"),
                Arguments.of("an end in the middle", new TorchZip().archive(), "ends in the middle"),
                Arguments.of("an empty stack", new TorchZip().bytes('R').finish(), "stack is empty"),
                Arguments.of(
                        "a memo that was not set", new TorchZip().bytes('h', 9).finish(), "recalls entry 9"),
                Arguments.of(
                        "a string beyond the end",
                        new TorchZip().bytes('X', 0xff, 0xff, 0xff, 0x7f).finish(),
                        "a string of"),
                Arguments.of(
                        "a dictionary as key", new TorchZip().bytes('}', 'K', 1).finish(), "no string or number"),
                Arguments.of(
                        "a tensor beyond its storage",
                        new TorchZip()
                                .string("x")
                                .tensor("FloatStorage", four, 1, 0, new int[] {2}, one)
                                .finish(),
                        "beyond its storage"),
                Arguments.of(
                        "a tensor that begins at the last of all places",
                        new TorchZip()
                                .string("x")
                                .tensor("FloatStorage", four, 1, Long.MAX_VALUE, one, one)
                                .finish(),
                        "impossible shape"),
                Arguments.of(
                        "a tensor that repeats its storage",
                        new TorchZip()
                                .string("x")
                                .tensor("FloatStorage", four, 1, 0, new int[] {1 << 30}, new int[] {0})
                                .finish(),
                        "larger than its storage"),
                Arguments.of(
                        "a big-endian file",
                        new TorchZip()
                                .entry("archive/byteorder", "big".getBytes(StandardCharsets.US_ASCII))
                                .finish(),
                        "big-endian"),
                Arguments.of("a compressed pickle", new TorchZip().deflated().finish(), "compressed"),
                Arguments.of("no archive", "PK".getBytes(StandardCharsets.US_ASCII), "no zip archive"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("refused")
    void refuses(String what, byte[] content, String why) throws IOException {
        Path file = write(content);

        assertThatThrownBy(() -> new TorchCheckpoint(file))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining(why);
    }

    @Test
    void noticesDamagedNumbers() throws IOException {
        byte[] content = new TorchZip().tensor("x", new float[] {1234.5f}, 1).finish();
        // the four bytes of 1234.5, least significant first
        int at = new String(content, StandardCharsets.ISO_8859_1).indexOf("\u0000P\u009aD");
        content[at] ^= 1;
        Path file = write(content);

        try (TorchCheckpoint checkpoint = new TorchCheckpoint(file)) {
            assertThatThrownBy(() -> checkpoint.load("x", Dtype.F32, Device.CPU))
                    .isInstanceOf(ModelException.class)
                    .hasMessageContaining("wrong checksum");
        }
    }

    @Test
    void noticesAMissingStorage() throws IOException {
        Path file = write(new TorchZip()
                .tensor("x", new float[] {1}, 1)
                .entry("archive/data/0", new byte[3])
                .finish());

        try (TorchCheckpoint checkpoint = new TorchCheckpoint(file)) {
            assertThatThrownBy(() -> checkpoint.load("x", Dtype.F32, Device.CPU))
                    .isInstanceOf(ModelException.class)
                    .hasMessageContaining("storage 0");
        }
    }

    private Path write(byte[] content) throws IOException {
        return Files.write(folder.resolve("a.ckpt"), content);
    }
}
