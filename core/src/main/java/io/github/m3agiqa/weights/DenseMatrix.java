package io.github.m3agiqa.weights;

import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;

/** A matrix in float32 or bfloat16. */
public final class DenseMatrix implements Matrix {
    /** From so many rows on, a matrix is unpacked to the type that the machine multiplies fast. */
    private static final long UNPACKED_FROM = 4;

    private final Parameter weight;
    private final Dtype dtype;
    private final Dtype operands;

    private DenseMatrix(Parameter weight, Dtype dtype, Dtype operands) {
        this.weight = weight;
        this.dtype = dtype;
        this.operands = operands;
    }

    /**
     * A matrix that is read when it is first used.
     *
     * @param weight gives the weight, shape (out, in)
     * @param dtype the type to keep it in
     * @param operands the type to multiply more than a few rows in; none is smaller than {@code dtype}
     */
    DenseMatrix(Supplier<Tensor> weight, Dtype dtype, Dtype operands) {
        this(new Parameter(() -> Torch.to(weight.get(), dtype)), dtype, operands);
    }

    /** A matrix that changes while it is in use: it is kept as it is, and rounded anew for every product. */
    static DenseMatrix live(Supplier<Tensor> weight, Dtype dtype) {
        return new DenseMatrix(new Parameter(weight), dtype, dtype);
    }

    private Tensor rounded() {
        return Torch.to(weight.get(), dtype);
    }

    @Override
    public Tensor multiply(Tensor x) {
        Tensor matrix = rounded();
        return unpacks(x) ? UnpackedProduct.linear(x, matrix, operands) : Torch.linear(Torch.to(x, dtype), matrix);
    }

    @Override
    public Tensor multiply(Tensor x, Tensor bias) {
        return multiply(x, rounded(), bias);
    }

    private Tensor multiply(Tensor x, Tensor matrix, Tensor bias) {
        return unpacks(x)
                ? UnpackedProduct.linear(x, matrix, operands).add(bias)
                : Torch.linear(Torch.to(x, dtype), matrix, Torch.to(bias, dtype));
    }

    private boolean unpacks(Tensor x) {
        return dtype != operands && x.numel() / x.size(-1) >= UNPACKED_FROM;
    }

    /**
     * Multiplies by some of the transposed matrix's rows, such as the key part of a joint query-key-value matrix.
     *
     * @param x (rows, in), of any floating type
     * @param bias of the whole matrix, (out)
     * @return (rows, count)
     */
    public Tensor multiplyRows(Tensor x, Tensor bias, long first, long count) {
        return multiply(x, rounded().narrow(0, first, count), bias.narrow(0, first, count));
    }

    /**
     * Multiplies by the matrix as it is stored, not transposed.
     *
     * @param x (rows, out), of any floating type
     * @return (rows, in)
     */
    public Tensor multiplyUntransposed(Tensor x) {
        return Torch.to(x, operands).matmul(Torch.to(rounded(), operands));
    }

    @Override
    public void close() {
        weight.close();
    }
}
