package io.github.m3agiqa.weights;

import io.github.m3agiqa.tensor.Scope;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Something in native memory that is made once, when it is first asked for, whichever thread asks. */
final class Lazy<T> implements AutoCloseable {
    private final Supplier<T> maker;
    private final Consumer<T> freeing;
    private volatile @Nullable T made;

    /**
     * Something that is not made yet.
     *
     * @param maker makes it, in a scope that it must outlive; may be called again after {@link #close()}
     * @param freeing gives its memory back
     */
    Lazy(Supplier<T> maker, Consumer<T> freeing) {
        this.maker = maker;
        this.freeing = freeing;
    }

    T get() {
        T there = made;
        return there != null ? there : make();
    }

    boolean isMade() {
        return made != null;
    }

    private synchronized T make() {
        T there = made;
        if (there == null) {
            try (Scope _ = new Scope()) {
                there = maker.get();
            }
            made = there;
        }
        return there;
    }

    /** Frees it; the next use makes it again. */
    @Override
    public synchronized void close() {
        T there = made;
        made = null;
        if (there != null) {
            freeing.accept(there);
        }
    }
}
