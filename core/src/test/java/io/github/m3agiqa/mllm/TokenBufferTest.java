package io.github.m3agiqa.mllm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is kept of a conversation's tokens. */
class TokenBufferTest {
    @ParameterizedTest
    @CsvSource({"0,1", "0,255", "0,256", "0,257", "1,300", "1,600"})
    void holdsWhatWasWrittenHoweverOftenItGrew(int dimension, int count) {
        long[] shape = dimension == 0 ? new long[] {0, 2} : new long[] {2, 0};
        long[] two = dimension == 0 ? new long[] {1, 2} : new long[] {2, 1};
        try (Scope _ = new Scope();
                TokenBuffer buffer = new TokenBuffer(Device.CPU, dimension, shape)) {
            for (int i = 0; i < count; i++) {
                buffer.write(i, Torch.full(i, Device.CPU, two));
            }
            for (int i = 0; i < count; i++) {
                assertThat(Torch.toFloats(buffer.tokens(i, 1).contiguous())).containsExactly(i, i);
            }
        }
    }
}
