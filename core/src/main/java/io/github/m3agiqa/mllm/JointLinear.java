package io.github.m3agiqa.mllm;

import io.github.m3agiqa.weights.Matrix;
import io.github.m3agiqa.weights.Parameters;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** Linear layers that read the same, such as those of queries, keys and values; one product where matrices can be joined. */
sealed interface JointLinear {
    /**
     * Applies the layers.
     *
     * @param x (..., in)
     * @return for each layer (..., out)
     */
    List<Tensor> forward(Tensor x);

    /** Layers without biases, as all of the language model are. */
    static JointLinear of(Parameters parameters, List<String> names, long in, long... outs) {
        return make(parameters, names, false, in, outs);
    }

    /** Layers with biases, as all of the vision tower are. */
    static JointLinear withBiases(Parameters parameters, List<String> names, long in, long... outs) {
        return make(parameters, names, true, in, outs);
    }

    private static JointLinear make(Parameters parameters, List<String> names, boolean biased, long in, long... outs) {
        IntFunction<Parameters> module = i -> parameters.at(names.get(i));
        return parameters
                .jointMatrix(names, in, outs)
                .<JointLinear>map(matrix -> new Joined(
                        matrix,
                        forEach(
                                outs,
                                i -> new Part(outs[i], Linear.Additions.of(module.apply(i), biased, outs[i], in)))))
                .orElseGet(() -> new Apart(forEach(outs, i -> Linear.of(module.apply(i), biased, outs[i], in))));
    }

    private static <T> List<T> forEach(long[] outs, IntFunction<T> layer) {
        return IntStream.range(0, outs.length).mapToObj(layer).toList();
    }

    /** Layers of which each has a product of its own. */
    record Apart(List<Linear> layers) implements JointLinear {
        @Override
        public List<Tensor> forward(Tensor x) {
            return layers.stream().map(layer -> layer.forward(x)).toList();
        }
    }

    /** The rows of one layer in a joint matrix, and what is added to its product. */
    record Part(long out, Linear.Additions additions) {}

    /** Layers whose matrices are one, below one another. */
    record Joined(Matrix matrix, List<Part> parts) implements JointLinear {
        @Override
        public List<Tensor> forward(Tensor x) {
            Tensor products = matrix.multiply(x);
            List<Tensor> made = new ArrayList<>();
            long first = 0;
            for (Part part : parts) {
                made.add(part.additions.addTo(products.narrow(-1, first, part.out), x));
                first += part.out;
            }
            return made;
        }
    }
}
