package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Torch;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** The rotated keys and the values of one sequence, layer by layer, so that what was read once is not read again. */
final class KvCache implements AutoCloseable {
    private final Llama.Config config;
    private final Device device;
    private final List<TokenBuffer> keys; // per layer (key-value heads, tokens, head size)
    private final List<TokenBuffer> values;
    private int length;

    /** @param capacity the largest number of tokens */
    KvCache(Llama.Config config, Device device, int capacity) {
        this.config = config;
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
            if (tokens == 1) {
                return attendAlone(layer, query);
            }
            Tensor mixed = torch.scaled_dot_product_attention(
                    query.transpose(0, 1).unsqueeze(0), // (1, heads, tokens, head size)
                    repeatHeads(keys.get(layer)),
                    repeatHeads(values.get(layer)),
                    mask,
                    0,
                    length == 0,
                    new DoubleOptional(),
                    false);
            return mixed.squeeze(0).transpose(0, 1).reshape(tokens, (long) config.heads() * config.headSize());
        }

        /** One token sees everything, so the query heads of a key-value head can be rows that look at it together. */
        private Tensor attendAlone(int layer, Tensor query) {
            int group = config.heads() / config.keyValueHeads();
            return torch.scaled_dot_product_attention(
                            query.view(1, config.keyValueHeads(), group, config.headSize()),
                            keys.get(layer).tokens(0, length + 1L).unsqueeze(0),
                            values.get(layer).tokens(0, length + 1L).unsqueeze(0))
                    .reshape(1, (long) config.heads() * config.headSize());
        }

        /** Each key-value head for each of its query heads: (1, heads, length + tokens, head size). */
        private Tensor repeatHeads(TokenBuffer cached) {
            long all = (long) length + tokens;
            int group = config.heads() / config.keyValueHeads();
            return cached.tokens(0, all)
                    .unsqueeze(1)
                    .expand(config.keyValueHeads(), group, all, config.headSize())
                    .reshape(1, config.heads(), all, config.headSize());
        }
    }

    @Override
    public void close() {
        keys.forEach(TokenBuffer::close);
        values.forEach(TokenBuffer::close);
    }
}
