package io.github.m3agiqa.weights;

import io.github.m3agiqa.tensor.PackedMatrix;
import io.github.m3agiqa.tensor.Scope;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** A matrix in float16 for processors. Packing takes long, so the first that is used has all of its store packed at once. */
final class HalfMatrix implements Matrix {
    private final Supplier<Tensor> weight;
    private final Runnable packAll;
    private volatile @Nullable PackedMatrix packed;

    /**
     * A matrix that is read when it is first used.
     *
     * @param weight gives the weight, shape (out, in)
     * @param packAll is called before the first product
     */
    HalfMatrix(Supplier<Tensor> weight, Runnable packAll) {
        this.weight = weight;
        this.packAll = packAll;
    }

    @Override
    public Tensor multiply(Tensor x) {
        PackedMatrix made = packed;
        if (made == null) {
            packAll.run();
            made = pack();
        }
        return made.multiply(x);
    }

    @Override
    public Tensor multiply(Tensor x, Tensor bias) {
        return multiply(x).add_(bias);
    }

    /** Packs it, if that has not been done yet. */
    synchronized PackedMatrix pack() {
        PackedMatrix made = packed;
        if (made == null) {
            try (Scope _ = new Scope()) {
                made = new PackedMatrix(weight.get());
            }
            packed = made;
        }
        return made;
    }

    @Override
    public synchronized void close() {
        PackedMatrix made = packed;
        packed = null;
        if (made != null) {
            made.close();
        }
    }
}
