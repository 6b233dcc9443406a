package io.github.m3agiqa.tensor;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/**
 * Frees the native memory of every tensor that its thread makes while it is open.
 *
 * <pre>{@code
 * try (Scope scope = new Scope()) {
 *     Tensor hidden = ...;          // freed with the scope
 *     return scope.keep(hidden);    // handed to the enclosing scope
 * }
 * }</pre>
 *
 * <p>A tensor that must outlive all scopes, such as a weight, is {@linkplain #own owned} and later
 * {@linkplain #release released}.
 */
public final class Scope implements AutoCloseable {
    static {
        Engine.load();
    }

    private final PointerScope scope = new PointerScope();
    private final List<Tensor> kept = new ArrayList<>(1);

    /** Hands a tensor to the enclosing scope; without one it is freed when it becomes unreachable. */
    public Tensor keep(Tensor tensor) {
        kept.add(own(tensor));
        return tensor;
    }

    /** Makes the caller an owner of the tensor: it outlives every scope until it is {@linkplain #release released}. */
    public static Tensor own(Tensor tensor) {
        return tensor.retainReference();
    }

    /** Gives up an owned tensor. */
    public static void release(Tensor tensor) {
        tensor.releaseReference();
    }

    /** Frees a tensor of the innermost open scope before that scope closes; nothing may use it any more. */
    public static void free(Tensor tensor) {
        PointerScope holder = PointerScope.getInnerScope();
        if (holder != null) {
            holder.detach(tensor);
        }
    }

    @Override
    public void close() {
        scope.close();
        PointerScope enclosing = PointerScope.getInnerScope();
        if (enclosing != null) {
            for (Tensor tensor : kept) {
                enclosing.attach(tensor);
                release(tensor);
            }
        }
    }
}
