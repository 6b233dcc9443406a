package io.github.m3agiqa.weights;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.PackedMatrix;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Torch;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The weights of one source on one device in one precision, each held once, however many models share it. */
public final class WeightStore implements AutoCloseable {
    private final TensorSource source;
    private final Precision precision;
    private final Device device;
    private final Map<String, Parameter> parameters = new ConcurrentHashMap<>();
    private final Map<String, DenseMatrix> denseMatrices = new ConcurrentHashMap<>();
    private final Map<String, Matrix> matrices = new ConcurrentHashMap<>();

    /** Takes over the source: closing the store closes it. */
    public WeightStore(TensorSource source, Precision precision, Device device) {
        this.source = source;
        this.precision = precision;
        this.device = device;
    }

    TensorSource source() {
        return source;
    }

    Precision precision() {
        return precision;
    }

    Device device() {
        return device;
    }

    Parameter float32(String name) {
        return parameters.computeIfAbsent(name, _ -> new Parameter(() -> load(name, Dtype.F32)));
    }

    Parameter asStored(String name) {
        return parameters.computeIfAbsent(name, _ -> new Parameter(() -> load(name, storedDtype(name))));
    }

    DenseMatrix denseMatrix(String name) {
        return denseMatrices.computeIfAbsent(name, _ -> dense(name));
    }

    Matrix matrix(String name) {
        return matrices.computeIfAbsent(
                name,
                _ -> precision.packed()
                        ? newMatrix(name, List.of(() -> load(name, Dtype.F32)), this::packAll)
                        : dense(name));
    }

    /** Whether operands are rounded for each product, so that one of matrices below one another is better than theirs. */
    boolean joins() {
        return precision == Precision.INT8 && packs();
    }

    /** Matrices below one another, where this store {@linkplain #joins() joins} them. */
    Matrix joint(List<String> names) {
        return matrices.computeIfAbsent(
                String.join(" over ", names),
                all -> newMatrix(
                        all,
                        names.stream()
                                .<Supplier<Tensor>>map(name -> () -> load(name, Dtype.F32))
                                .toList(),
                        this::packAll));
    }

    /**
     * A matrix of a low-rank branch, which is not rounded to 8 bits: float32, or float16 where matrices are packed, as FBGEMM
     * is faster than MKL at small products.
     */
    Matrix branch(String name) {
        return matrices.computeIfAbsent(name, _ -> {
            Supplier<Tensor> weight = () -> load(name, Dtype.F32);
            if (packs()) {
                return float16(name, weight, this::packAll);
            }
            return source.live() ? DenseMatrix.live(weight, Dtype.F32) : new DenseMatrix(weight, Dtype.F32, Dtype.F32);
        });
    }

    private DenseMatrix dense(String name) {
        return source.live()
                ? DenseMatrix.live(() -> load(name, Dtype.F32), precision.operandDtype(device))
                : newDenseMatrix(() -> load(name, precision.matrixDtype()));
    }

    /**
     * A matrix in this store's precision that is not of its source.
     *
     * @param name what it is, for messages
     * @param weights one, or more that are to be below one another
     * @param packAll packs all that are to be packed together, before the first of them is used
     */
    Matrix newMatrix(String name, List<Supplier<Tensor>> weights, Runnable packAll) {
        if (joins()) {
            return new PackedWeight(() -> PackedMatrix.int8(weights), packAll);
        }
        Supplier<Tensor> weight =
                () -> Torch.cat(0, weights.stream().map(Supplier::get).toList());
        return packs() ? float16(name, weight, packAll) : newDenseMatrix(weight);
    }

    /** FBGEMM would make a number of what is none. */
    private PackedWeight float16(String name, Supplier<Tensor> weight, Runnable packAll) {
        return new PackedWeight(
                () -> {
                    Tensor numbers = weight.get();
                    if (!torch.isfinite(numbers).all().item_bool()) {
                        throw new ModelException("%s holds NaN or infinity in %s; get the file again"
                                .formatted(source.location(), name));
                    }
                    return PackedMatrix.float16(numbers);
                },
                packAll);
    }

    private boolean packs() {
        return precision.packed() && PackedMatrix.supported();
    }

    private void packAll() {
        pack(matrices.values());
    }

    /** Packs those of some matrices that are to be packed, several at a time. */
    static void pack(Collection<Matrix> matrices) {
        matrices.parallelStream().forEach(matrix -> {
            if (matrix instanceof PackedWeight packed) {
                packed.pack();
                Engine.releaseThreads();
            }
        });
        Engine.releaseFreeMemory();
    }

    private DenseMatrix newDenseMatrix(Supplier<Tensor> weight) {
        return new DenseMatrix(weight, precision.matrixDtype(), precision.operandDtype(device));
    }

    Tensor load(String name, Dtype dtype) {
        return source.load(name, dtype, device);
    }

    private Dtype storedDtype(String name) {
        TensorInfo info = source.tensors().get(name);
        if (info == null) {
            throw new IllegalStateException("%s was asked for but not checked".formatted(name));
        }
        return info.dtype();
    }

    @Override
    public void close() {
        parameters.values().forEach(Parameter::close);
        denseMatrices.values().forEach(Matrix::close);
        matrices.values().forEach(Matrix::close);
        source.close();
    }
}
