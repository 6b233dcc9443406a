package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Torch;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;

/** The rotated keys and the values of one sequence, layer by layer, so that what was read once is not read again. */
final class KvCache implements AutoCloseable {
    private final Llama.Config config;
    private final Device device;
    private final int capacity;
    private final List<TokenBuffer> keys; // per layer (key-value heads, tokens, head size)
    private final List<TokenBuffer> values;
    private int length;

    /** @param capacity the largest number of tokens */
    KvCache(Llama.Config config, Device device, int capacity) {
        this.config = config;
        this.device = device;
        this.capacity = capacity;
        long[] shape = {config.keyValueHeads(), 0, config.headSize()};
        this.keys = TokenBuffer.perLayer(config, device, 1, shape);
        this.values = TokenBuffer.perLayer(config, device, 1, shape);
    }

    /** The number of tokens held. */
    int length() {
        return length;
    }

    /** The number of tokens that there is room for after those held. */
    int room() {
        return capacity - length;
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
     * Writes one layer's keys and values of rows after those held, lets them look at all up to themselves, and forgets them
     * unless {@link #grow} makes them count.
     *
     * @param after how many rows were written since, which stay
     * @param query (rows, heads, head size)
     * @param key (rows, key-value heads, head size), like value
     * @param mask {@linkplain #mask of held and written}; or none
     * @param causal whether each row sees only those up to itself, where the rows are all
     * @return (rows, heads * head size)
     */
    Tensor attend(int layer, int after, Tensor query, Tensor key, Tensor value, TensorOptional mask, boolean causal) {
        long from = (long) length + after;
        keys.get(layer).write(from, key.transpose(0, 1));
        values.get(layer).write(from, value.transpose(0, 1));
        long all = from + key.size(0);
        Tensor allKeys = keys.get(layer).tokens(0, all);
        Tensor allValues = values.get(layer).tokens(0, all);
        return causal
                ? GroupedQueryAttention.attendCausally(query, allKeys, allValues)
                : GroupedQueryAttention.attend(query, allKeys, allValues, mask);
    }

    /** A mask for {@link #attend} of (rows, held and written), which is added to the scores. */
    TensorOptional mask(Tensor scores) {
        return new TensorOptional(GroupedQueryAttention.mask(scores, config));
    }

    /**
     * Of the rows after those held makes some count, in this order, and forgets the others.
     *
     * @param rows counted from the first one after those held
     */
    void choose(int... rows) {
        Tensor places = Torch.indices(
                device, IntStream.of(rows).map(row -> length + row).toArray());
        for (List<TokenBuffer> held : List.of(keys, values)) {
            for (TokenBuffer layer : held) {
                layer.write(length, layer.select(places));
            }
        }
        grow(rows.length);
    }

    /**
     * Counts tokens that were written in every layer.
     *
     * @throws IllegalStateException if there is no room for them
     */
    void grow(int tokens) {
        checkRoom(tokens);
        length += tokens;
    }

    private void checkRoom(int tokens) {
        if (length + tokens > capacity) {
            throw new IllegalStateException("%d tokens do not fit after %d of %d".formatted(tokens, length, capacity));
        }
    }

    /**
     * A pass over tokens that follow those held; each sees all before it and itself.
     *
     * @throws IllegalStateException if there is no room for them
     */
    AttentionContext extension(int tokens) {
        checkRoom(tokens);
        return new Extension(tokens);
    }

    private final class Extension implements AttentionContext {
        private final int tokens;
        private final TensorOptional mask; // or none

        Extension(int tokens) {
            this.tokens = tokens;
            this.mask = tokens == 1 || length == 0 ? new TensorOptional() : KvCache.this.mask(causalMask());
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
            return KvCache.this.attend(layer, 0, query, key, value, mask, length == 0);
        }
    }

    @Override
    public void close() {
        keys.forEach(TokenBuffer::close);
        values.forEach(TokenBuffer::close);
    }
}
