package io.github.m3agiqa.predictor;

import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Parameter;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * The predictor's first layer W: from a token's vector to the width of the stack. As published it reads logits.
 *
 * @param weight (width, input)
 * @param bias (width)
 * @param inputSize the width of what it reads: the vocabulary's size, the hidden size, or that of a view of the tower
 */
public record Projection(Parameter weight, Parameter bias, long inputSize) {
    /**
     * The same layer for the vectors that a linear head H makes its input from: W (H h) = (W H) h. W is let go when W H
     * is made.
     *
     * @param throughHead makes W H of W
     * @param size the width of h
     */
    public Projection folded(UnaryOperator<Tensor> throughHead, long size) {
        Parameter folded = new Parameter(() -> {
            Tensor product = throughHead.apply(weight.get());
            weight.close();
            return product;
        });
        return new Projection(folded, bias, size);
    }

    /**
     * Applies the layer.
     *
     * @param x (tokens, input)
     * @return (tokens, width), float32
     */
    public Tensor apply(Tensor x) {
        return Torch.linear(Torch.to(x, Dtype.F32), weight.get(), bias.get());
    }
}
