package io.github.m3agiqa.mllm;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Attention in which several query heads share the keys and values of one head, which are not copied for them. */
final class GroupedQueryAttention {
    private GroupedQueryAttention() {}

    /**
     * Attends over a whole sequence, of which each token sees those up to itself.
     *
     * @param query (tokens, heads, head size)
     * @param keys (key-value heads, tokens, head size), like values
     * @return (tokens, heads * head size)
     */
    static Tensor attendCausally(Tensor query, Tensor keys, Tensor values) {
        long shared = keys.size(0);
        long group = query.size(1) / shared;
        return joined(product(
                        byHead(query).view(shared, group, query.size(0), query.size(2)),
                        keys.unsqueeze(1).expand(shared, group, keys.size(1), keys.size(2)),
                        values.unsqueeze(1).expand(shared, group, keys.size(1), keys.size(2)),
                        new TensorOptional(),
                        true)
                .flatten(0, 1));
    }

    /**
     * Attends over a sequence that was read before. Heads that share keys are one head of more tokens here: fewer and larger
     * products.
     *
     * @param query (tokens, heads, head size)
     * @param keys (key-value heads, all tokens, head size), like values
     * @param mask {@linkplain #mask for all heads that share keys}; or none
     * @return (tokens, heads * head size)
     */
    static Tensor attend(Tensor query, Tensor keys, Tensor values, TensorOptional mask) {
        long group = query.size(1) / keys.size(0);
        Tensor byHead = byHead(query);
        return joined(product(
                        byHead.reshape(1, keys.size(0), group * query.size(0), query.size(2)),
                        keys.unsqueeze(0),
                        values.unsqueeze(0),
                        mask,
                        false)
                .view(byHead.sizes()));
    }

    /**
     * A mask for all heads that share keys.
     *
     * @param tokens (tokens, all tokens), added to the scores
     * @return (heads that share keys * tokens, all tokens)
     */
    static Tensor mask(Tensor tokens, Llama.Config config) {
        return tokens.repeat(config.heads() / config.keyValueHeads(), 1);
    }

    /** (tokens, heads, head size) as (heads, tokens, head size). */
    private static Tensor byHead(Tensor query) {
        return query.transpose(0, 1);
    }

    /** (heads, tokens, head size) as (tokens, heads * head size). */
    private static Tensor joined(Tensor mixed) {
        return mixed.transpose(0, 1).flatten(1, 2);
    }

    /** The engine's attention over (..., heads, tokens, head size). */
    static Tensor product(Tensor query, Tensor keys, Tensor values, TensorOptional mask, boolean causal) {
        return torch.scaled_dot_product_attention(query, keys, values, mask, 0, causal, new DoubleOptional(), false);
    }
}
