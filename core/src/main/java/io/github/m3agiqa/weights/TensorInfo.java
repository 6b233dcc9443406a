package io.github.m3agiqa.weights;

import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * What a file says of one tensor.
 *
 * @param dtype the stored element type
 * @param shape the sides, outermost first; empty for a scalar
 */
public record TensorInfo(Dtype dtype, List<Long> shape) {
    public TensorInfo {
        shape = List.copyOf(shape);
    }

    /** Type and shape of a tensor in memory. */
    public static TensorInfo of(Tensor tensor) {
        List<Long> shape = Arrays.stream(tensor.sizes().vec().get()).boxed().toList();
        return new TensorInfo(Torch.dtypeOf(tensor), shape);
    }

    /** The number of elements. */
    public long elements() {
        return shape.stream().reduce(1L, Math::multiplyExact);
    }

    /** The shape as the engine takes it. */
    public long[] sides() {
        return shape.stream().mapToLong(Long::longValue).toArray();
    }
}
