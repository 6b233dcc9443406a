package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Torch;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;

/** The rotated keys and the values of one sequence, layer by layer, so that what was read once is not read again. */
final class KvCache implements AutoCloseable {
    private final Device device;
    private final List<TokenBuffer> keys; // per layer (key-value heads, tokens, head size)
    private final List<TokenBuffer> values;
    private int length;

    /** @param capacity the largest number of tokens */
    KvCache(Llama.Config config, Device device, int capacity) {
        this.device = device;
        long[] shape = {config.keyValueHeads(), capacity, config.headSize()};
        this.keys = TokenBuffer.perLayer(config, device, 1, shape);
        this.values = TokenBuffer.perLayer(config, device, 1, shape);
    }

    /** The number of tokens held. */
    int length() {
        return length;
    }

    /** Forgets all tokens from a position on. */
    void truncate(int newLength) {
        if (newLength > length) {
            throw new IllegalArgumentException("%d tokens cannot be cut to %d".formatted(length, newLength));
        }
        length = newLength;
    }

    /** The keys held of a layer, (key-value heads, length, head size). */
    Tensor keys(int layer) {
        return keys.get(layer).tokens(0, length);
    }

    /** The values held of a layer, (key-value heads, length, head size). */
    Tensor values(int layer) {
        return values.get(layer).tokens(0, length);
    }

    /**
     * Writes one layer's keys and values of tokens that follow those held; {@link #grow} makes them count.
     *
     * @param key (key-value heads, tokens, head size)
     * @throws IllegalStateException if there is no room for them
     */
    void write(int layer, Tensor key, Tensor value) {
        keys.get(layer).write(length, key);
        values.get(layer).write(length, value);
    }

    /** Counts tokens that were written in every layer. */
    void grow(int tokens) {
        length += tokens;
    }

    /** A pass over tokens that follow those held; each sees all before it and itself. */
    AttentionContext extension(int tokens) {
        return new Extension(tokens);
    }

    private final class Extension implements AttentionContext {
        private final int tokens;
        private final TensorOptional mask; // (tokens, length + tokens), or none

        Extension(int tokens) {
            this.tokens = tokens;
            this.mask = tokens == 1 || length == 0 ? new TensorOptional() : new TensorOptional(causalMask());
        }

        private Tensor causalMask() {
            Tensor minusInfinity = Torch.full(Float.NEGATIVE_INFINITY, device, tokens, length + tokens);
            return minusInfinity.triu(length + 1);
        }

        @Override
        public int[] positions() {
            return IntStream.range(length, length + tokens).toArray();
        }

        @Override
        public Tensor attend(int layer, Tensor query, Tensor key, Tensor value) {
            write(layer, key.transpose(0, 1), value.transpose(0, 1));
            long all = (long) length + tokens;
            return GroupedQueryAttention.attend(
                    query, keys.get(layer).tokens(0, all), values.get(layer).tokens(0, all), mask, length == 0);
        }
    }

    @Override
    public void close() {
        keys.forEach(TokenBuffer::close);
        values.forEach(TokenBuffer::close);
    }
}
