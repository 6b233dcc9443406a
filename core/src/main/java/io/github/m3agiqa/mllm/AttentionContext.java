package io.github.m3agiqa.mllm;

import org.bytedeco.pytorch.Tensor;

/** What the rows of one forward pass are, and what each of them may look at. */
interface AttentionContext {
    /** The position of each row in its sequence, counted from 0. */
    int[] positions();

    /**
     * Attention of one layer.
     *
     * @param layer the layer, counted from 0
     * @param query (rows, heads, head size), rotated
     * @param key (rows, key-value heads, head size), rotated
     * @param value (rows, key-value heads, head size)
     * @return (rows, heads * head size), float32
     */
    Tensor attend(int layer, Tensor query, Tensor key, Tensor value);
}
