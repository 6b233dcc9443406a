package io.github.m3agiqa.predictor;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.weights.TensorInfo;
import io.github.m3agiqa.weights.TensorSource;
import java.util.stream.IntStream;

/**
 * The shapes of the weights below a prefix, from which the sizes of a network follow.
 *
 * @param source where the weights are
 * @param prefix empty or closed by a dot
 */
record WeightShapes(TensorSource source, String prefix) {
    /** The shapes below a child, such as {@code blocks.0}. */
    WeightShapes at(String child) {
        return new WeightShapes(source, prefix + child + ".");
    }

    /** Whether there is a tensor of that name. */
    boolean has(String name) {
        return source.tensors().containsKey(prefix + name);
    }

    /**
     * How many layers there are.
     *
     * @param before what is before the layer's number, counted from 0, in the name of one of its tensors
     * @param after what is after it
     */
    int count(String before, String after) {
        return (int) IntStream.iterate(0, i -> i + 1)
                .takeWhile(i -> has(before + i + after))
                .count();
    }

    /**
     * One side of a matrix or vector.
     *
     * @param sides how many it has
     * @throws ModelException if there is no such tensor, or it is empty
     */
    int side(String name, int index, int sides) {
        TensorInfo info = source.tensors().get(prefix + name);
        if (info == null || info.shape().size() != sides || info.elements() < 1) {
            throw new ModelException("%s is no such predictor: it has no %s %s%s"
                    .formatted(source.location(), sides == 1 ? "vector" : "matrix", prefix, name));
        }
        long side = info.shape().get(index);
        if (side > Integer.MAX_VALUE) {
            throw new ModelException(
                    "%s: %s%s has the impossible shape %s".formatted(source.location(), prefix, name, info.shape()));
        }
        return (int) side;
    }
}
