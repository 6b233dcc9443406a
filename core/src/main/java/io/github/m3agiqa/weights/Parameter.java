package io.github.m3agiqa.weights;

import io.github.m3agiqa.tensor.Scope;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** A tensor of a model, read when it is first used and then kept. */
public final class Parameter implements AutoCloseable {
    private final Supplier<Tensor> loader;
    private volatile @Nullable Tensor tensor;

    /**
     * A tensor that is made when it is first used.
     *
     * @param loader makes the tensor; may be called again after {@link #close()}
     */
    public Parameter(Supplier<Tensor> loader) {
        this.loader = loader;
    }

    /** The tensor, which must not be written to. */
    public Tensor get() {
        Tensor loaded = tensor;
        return loaded != null ? loaded : load();
    }

    private synchronized Tensor load() {
        Tensor loaded = tensor;
        if (loaded == null) {
            try (Scope _ = new Scope()) {
                loaded = Scope.own(loader.get());
            }
            tensor = loaded;
        }
        return loaded;
    }

    /** Frees the tensor; the next use reads it again. */
    @Override
    public synchronized void close() {
        Tensor loaded = tensor;
        tensor = null;
        if (loaded != null) {
            Scope.release(loaded);
        }
    }
}
