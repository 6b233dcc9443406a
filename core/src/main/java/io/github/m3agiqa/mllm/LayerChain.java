package io.github.m3agiqa.mllm;

import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/** How the layers of a network are run one after the other. */
interface LayerChain {
    /** Each layer on what the one before it made. */
    LayerChain PLAIN = (x, layers) -> {
        Tensor state = x;
        for (UnaryOperator<Tensor> layer : layers) {
            state = layer.apply(state);
        }
        return state;
    };

    /** What the last layer makes when the first one gets {@code x}. */
    Tensor run(Tensor x, List<UnaryOperator<Tensor>> layers);
}
