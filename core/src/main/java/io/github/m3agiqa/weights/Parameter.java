package io.github.m3agiqa.weights;

import io.github.m3agiqa.tensor.Scope;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;

/** A tensor of a model, read when it is first used and then kept. */
public final class Parameter implements AutoCloseable {
    private final Lazy<Tensor> tensor;

    /**
     * A tensor that is made when it is first used.
     *
     * @param loader makes the tensor; may be called again after {@link #close()}
     */
    public Parameter(Supplier<Tensor> loader) {
        this.tensor = new Lazy<>(() -> Scope.own(loader.get()), Scope::release);
    }

    /** The tensor, which must not be written to. */
    public Tensor get() {
        return tensor.get();
    }

    /** Frees the tensor; the next use reads it again. */
    @Override
    public void close() {
        tensor.close();
    }
}
