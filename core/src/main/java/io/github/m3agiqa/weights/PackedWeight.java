package io.github.m3agiqa.weights;

import io.github.m3agiqa.tensor.PackedMatrix;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;

/** A matrix for processors alone. Packing takes long, so the first that is used has all of its store packed at once. */
final class PackedWeight implements Matrix {
    private final Lazy<PackedMatrix> packed;
    private final Runnable packAll;

    /**
     * A matrix that is read when it is first used.
     *
     * @param packing reads the weight and packs it
     * @param packAll is called before the first product
     */
    PackedWeight(Supplier<PackedMatrix> packing, Runnable packAll) {
        this.packed = new Lazy<>(packing, PackedMatrix::close);
        this.packAll = packAll;
    }

    @Override
    public Tensor multiply(Tensor x) {
        if (!packed.isMade()) {
            packAll.run();
        }
        return packed.get().multiply(x);
    }

    @Override
    public Tensor multiply(Tensor x, Tensor bias) {
        return multiply(x).add_(bias);
    }

    /** Packs it, if that has not been done yet. */
    void pack() {
        packed.get();
    }

    @Override
    public void close() {
        packed.close();
    }
}
