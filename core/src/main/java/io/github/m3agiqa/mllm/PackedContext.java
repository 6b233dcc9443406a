package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Whole sequences one below the other, without padding; each token sees those before it in its own sequence. */
final class PackedContext implements AttentionContext {
    private final int[] lengths;

    PackedContext(int... lengths) {
        this.lengths = lengths;
    }

    @Override
    public int[] positions() {
        return Arrays.stream(lengths)
                .flatMap(length -> IntStream.range(0, length))
                .toArray();
    }

    @Override
    public Tensor attend(int layer, Tensor query, Tensor key, Tensor value) {
        List<Tensor> mixed = new ArrayList<>();
        long first = 0;
        for (int length : lengths) {
            mixed.add(attend(
                    query.narrow(0, first, length), key.narrow(0, first, length), value.narrow(0, first, length)));
            first += length;
        }
        return Torch.cat(0, mixed);
    }

    private static Tensor attend(Tensor query, Tensor key, Tensor value) {
        Tensor mixed = torch.scaled_dot_product_attention(
                query.transpose(0, 1).unsqueeze(0), // (1, heads, tokens, head size)
                repeatHeads(key, query.size(1)),
                repeatHeads(value, query.size(1)),
                new TensorOptional(),
                0,
                true,
                new DoubleOptional(),
                false);
        return mixed.squeeze(0).transpose(0, 1).flatten(1, 2);
    }

    /** Each key-value head for each of its query heads: (1, heads, tokens, head size). */
    private static Tensor repeatHeads(Tensor x, long heads) {
        return x.transpose(0, 1)
                .unsqueeze(1)
                .expand(x.size(1), heads / x.size(1), x.size(0), x.size(2))
                .flatten(0, 1)
                .unsqueeze(0);
    }
}
