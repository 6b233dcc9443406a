package io.github.m3agiqa.weights;

import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** A matrix in float32 or bfloat16. */
public final class DenseMatrix implements Matrix {
    private final Dtype dtype;
    private final Parameter weight;

    private DenseMatrix(Parameter weight, Dtype dtype) {
        this.dtype = dtype;
        this.weight = weight;
    }

    /**
     * A matrix that is read when it is first used.
     *
     * @param weight gives the weight, shape (out, in)
     * @param dtype the type to keep and multiply it in
     */
    DenseMatrix(Supplier<Tensor> weight, Dtype dtype) {
        this(new Parameter(() -> Torch.to(weight.get(), dtype)), dtype);
    }

    /** A matrix that changes while it is in use: it is kept as it is, and rounded anew for every product. */
    static DenseMatrix live(Supplier<Tensor> weight, Dtype dtype) {
        return new DenseMatrix(new Parameter(weight), dtype);
    }

    private Tensor rounded() {
        return Torch.to(weight.get(), dtype);
    }

    @Override
    public Tensor multiply(Tensor x) {
        return torch.linear(Torch.to(x, dtype), rounded());
    }

    /**
     * Multiplies by some of the transposed matrix's rows, such as the key part of a joint query-key-value matrix.
     *
     * @param x (rows, in), of any floating type
     * @return (rows, count)
     */
    public Tensor multiplyRows(Tensor x, long first, long count) {
        return torch.linear(Torch.to(x, dtype), rounded().narrow(0, first, count));
    }

    /**
     * Multiplies by the matrix as it is stored, not transposed.
     *
     * @param x (rows, out), of any floating type
     * @return (rows, in)
     */
    public Tensor multiplyUntransposed(Tensor x) {
        return Torch.to(x, dtype).matmul(rounded());
    }

    @Override
    public void close() {
        weight.close();
    }
}
