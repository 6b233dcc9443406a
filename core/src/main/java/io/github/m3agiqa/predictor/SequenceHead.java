package io.github.m3agiqa.predictor;

import org.bytedeco.pytorch.Tensor;

/** Reads vectors in order; what it makes of them is pooled to one vector and regressed to a score. */
interface SequenceHead {
    /**
     * Reads a batch. What is made of a sequence does not depend on its padding or on the others.
     *
     * @param x (batch, steps, width), sequences padded at their ends
     * @param lengths the steps of each sequence that count
     * @return (batch, steps, output width); what stands in the padding means nothing
     */
    Tensor forward(Tensor x, int... lengths);

    /** The width of the steps that it makes. */
    int outputWidth();
}
