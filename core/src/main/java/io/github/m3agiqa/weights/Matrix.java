package io.github.m3agiqa.weights;

import org.bytedeco.pytorch.Tensor;

/** The matrix of a linear layer, in the form in which it is multiplied. */
public sealed interface Matrix extends AutoCloseable permits DenseMatrix, PackedWeight {
    /**
     * Multiplies by the transposed matrix.
     *
     * @param x (rows, in), of any floating type
     * @return (rows, out), in the type of the product's operands
     */
    Tensor multiply(Tensor x);

    /**
     * As {@link #multiply(Tensor)}, with a bias added before the result is rounded, where the engine can.
     *
     * @param bias (out)
     */
    default Tensor multiply(Tensor x, Tensor bias) {
        return multiply(x).add(bias);
    }

    @Override
    void close();
}
