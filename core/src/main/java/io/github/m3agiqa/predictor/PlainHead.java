package io.github.m3agiqa.predictor;

import org.bytedeco.pytorch.Tensor;

/**
 * No network at all: the projected vectors are pooled as they are.
 *
 * @param outputWidth their width
 */
record PlainHead(int outputWidth) implements SequenceHead {
    @Override
    public Tensor forward(Tensor x, int... lengths) {
        return x;
    }
}
