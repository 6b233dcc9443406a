package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/**
 * What is kept of each token, float32. Memory is taken for some hundred tokens at a time, as most conversations are far
 * shorter than the longest that there may be.
 */
final class TokenBuffer implements AutoCloseable {
    private static final long STEP = 256;

    private final int dimension;
    private Tensor held; // owned

    /**
     * A buffer without tokens.
     *
     * @param dimension that of the tokens
     * @param shape of no tokens: 0 in that dimension
     */
    TokenBuffer(Device device, int dimension, long... shape) {
        this.dimension = dimension;
        try (Scope _ = new Scope()) {
            this.held = Scope.own(Torch.empty(Dtype.F32, device, shape));
        }
    }

    /** A buffer for each layer of a language model. */
    static List<TokenBuffer> perLayer(Llama.Config config, Device device, int dimension, long... shape) {
        return Stream.generate(() -> new TokenBuffer(device, dimension, shape))
                .limit(config.layers())
                .toList();
    }

    /**
     * Writes tokens over those from a position on.
     *
     * @param from at most the end of what was written before
     */
    void write(long from, Tensor tokens) {
        long count = tokens.size(dimension);
        long end = from + count;
        if (end > held.size(dimension)) {
            grow(end);
        }
        held.narrow(dimension, from, count).copy_(tokens);
    }

    private void grow(long end) {
        try (Scope _ = new Scope()) {
            Tensor before = held;
            long room = before.size(dimension);
            long[] shape = before.sizes().vec().get();
            shape[dimension] = Math.ceilDiv(end, STEP) * STEP;
            Tensor larger = Torch.empty(Dtype.F32, Device.of(before), shape);
            larger.narrow(dimension, 0, room).copy_(before);
            held = Scope.own(larger);
            Scope.release(before);
        }
    }

    /** Tokens from a position on, in this memory: valid until more are written. */
    Tensor tokens(long from, long count) {
        return held.narrow(dimension, from, count);
    }

    /** The tokens of some positions, copied. */
    Tensor select(Tensor positions) {
        return held.index_select(dimension, positions);
    }

    @Override
    public void close() {
        Scope.release(held);
    }
}
