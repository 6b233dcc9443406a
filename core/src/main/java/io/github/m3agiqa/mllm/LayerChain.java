package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Scope;
import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/** How the layers of a network are run one after the other. */
interface LayerChain {
    /** Each layer on what the one before it made; of all that is computed only that is left which gradients need. */
    LayerChain PLAIN = (x, layers) -> {
        Tensor state = x;
        for (int i = 0; i < layers.size(); i++) {
            Tensor before = state;
            try (Scope scope = new Scope()) {
                state = scope.keep(layers.get(i).apply(before));
            }
            if (i > 0) {
                Scope.free(before);
            }
        }
        return state;
    };

    /** What the last layer makes when the first one gets {@code x}. */
    Tensor run(Tensor x, List<UnaryOperator<Tensor>> layers);
}
