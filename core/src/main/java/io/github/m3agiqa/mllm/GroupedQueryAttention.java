package io.github.m3agiqa.mllm;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Attention in which several query heads share the keys and values of one head, which are not copied for them. */
final class GroupedQueryAttention {
    private GroupedQueryAttention() {}

    /**
     * Attends.
     *
     * @param query (tokens, heads, head size)
     * @param keys (key-value heads, all tokens, head size), like values
     * @param mask (tokens, all tokens), added to the scores; or none
     * @param causal whether each token sees only those up to itself, where the tokens are all
     * @return (tokens, heads * head size)
     */
    static Tensor attend(Tensor query, Tensor keys, Tensor values, TensorOptional mask, boolean causal) {
        long group = query.size(1) / keys.size(0);
        Tensor mixed = torch.scaled_dot_product_attention(
                query.transpose(0, 1).view(keys.size(0), group, query.size(0), query.size(2)),
                keys.unsqueeze(1).expand(keys.size(0), group, keys.size(1), keys.size(2)),
                values.unsqueeze(1).expand(keys.size(0), group, keys.size(1), keys.size(2)),
                mask,
                0,
                causal,
                new DoubleOptional(),
                false); // (key-value heads, group, tokens, head size)
        return mixed.flatten(0, 1).transpose(0, 1).flatten(1, 2);
    }
}
