package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Scope;
import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/** How the layers of a network are run one after the other. */
interface LayerChain {
    /** Each layer on what the one before it made; of what it computes inside only that is left which gradients need. */
    LayerChain PLAIN = (x, layers) -> {
        Tensor state = x;
        for (UnaryOperator<Tensor> layer : layers) {
            try (Scope scope = new Scope()) {
                state = scope.keep(layer.apply(state));
            }
        }
        return state;
    };

    /** What the last layer makes when the first one gets {@code x}. */
    Tensor run(Tensor x, List<UnaryOperator<Tensor>> layers);
}
