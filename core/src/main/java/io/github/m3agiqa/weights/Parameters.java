package io.github.m3agiqa.weights;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.weights.ModelWeights.LowRank;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;

/**
 * The weights of one part of a model: names below a prefix, each asked for with the shape that the network needs.
 * Nothing is read before it is used, and nothing is complained of before {@link ModelWeights#check()}.
 */
public final class Parameters {
    private final ModelWeights weights;
    private final String prefix;

    Parameters(ModelWeights weights, String prefix) {
        this.weights = weights;
        this.prefix = prefix;
    }

    /** The weights below a child, such as {@code layers.3}. */
    public Parameters at(String child) {
        return new Parameters(weights, prefix + child + ".");
    }

    /** A tensor that is computed with in float32, whatever the precision: norms, biases, small tables. */
    public Parameter float32(String name, long... shape) {
        return weights.float32(prefix + name, sides(shape));
    }

    /** A large table of which only a few rows are looked up, left in the type of its file. */
    public Parameter asStored(String name, long... shape) {
        return weights.asStored(prefix + name, sides(shape));
    }

    /** Bytes that are no numbers, such as text. */
    public Parameter bytes(String name, long length) {
        return weights.bytes(prefix + name, length);
    }

    /** A matrix that is not quantized in any precision. */
    public DenseMatrix denseMatrix(String name, long out, long in) {
        return weights.denseMatrix(prefix + name, List.of(out, in));
    }

    /** The matrix of this module, {@code weight}, in the model's precision. */
    public Matrix matrix(long out, long in) {
        return weights.matrix(module(), List.of(out, in));
    }

    /**
     * The matrices of children that read the same, below one another; none where they are better multiplied one by one.
     *
     * @param in the columns of all
     * @param outs the rows of each
     */
    public Optional<Matrix> jointMatrix(List<String> children, long in, long... outs) {
        return weights.jointMatrix(
                children.stream().map(child -> prefix + child).toList(), in, outs);
    }

    /** The low-rank branch that is to be added to this module's product. */
    public Optional<LowRank> lowRank(long out, long in) {
        return weights.lowRank(module(), List.of(out, in));
    }

    /** What is computed of weights that do not change, when it is first used; it is freed with the model. */
    public Parameter derived(Supplier<Tensor> computation) {
        return weights.derived(computation);
    }

    /** Where the weights are computed with. */
    public Device device() {
        return weights.device();
    }

    /** How the weights are computed with. */
    public Precision precision() {
        return weights.precision();
    }

    private String module() {
        return prefix.substring(0, prefix.length() - 1);
    }

    private static List<Long> sides(long... shape) {
        return Arrays.stream(shape).boxed().toList();
    }
}
