package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * Runs layers without keeping what they compute inside: only each layer's input is kept, and the backward pass computes
 * the rest again, a layer at a time. Layers must give the same result when they are run again.
 *
 * @see <a href="https://arxiv.org/abs/1604.06174">Chen et al. 2016</a>
 */
final class RecomputedChain implements LayerChain {
    /** The layers of one run, and the tensor that stands between them and what follows. */
    private record Segment(List<UnaryOperator<Tensor>> layers, List<Tensor> inputs, Tensor output) {}

    private final Deque<Segment> segments = new ArrayDeque<>();

    @Override
    public Tensor run(Tensor x, List<UnaryOperator<Tensor>> layers) {
        List<Tensor> inputs = new ArrayList<>();
        Tensor state = x;
        for (UnaryOperator<Tensor> layer : layers) {
            inputs.add(state);
            Tensor input = state;
            state = Torch.withoutGradient(() -> layer.apply(input));
        }
        Tensor output = state.detach().requires_grad_(true);
        segments.push(new Segment(layers, inputs, output));
        return output;
    }

    /** Carries the gradients on through the layers, once those of the outputs are there. */
    void backward() {
        while (!segments.isEmpty()) {
            Segment segment = segments.pop();
            Tensor gradient = Torch.gradient(segment.output);
            if (gradient.defined()) {
                backward(segment, gradient);
            }
        }
    }

    private static void backward(Segment segment, Tensor outputGradient) {
        Tensor gradient = outputGradient;
        for (int i = segment.layers.size() - 1; i >= 0; i--) {
            try (Scope scope = new Scope()) {
                Tensor input = segment.inputs.get(i).detach().requires_grad_(true);
                Torch.backward(segment.layers.get(i).apply(input), gradient);
                gradient = scope.keep(Torch.gradient(input));
            }
        }
        Tensor first = segment.inputs.getFirst();
        if (first.requires_grad()) {
            Torch.backward(first, gradient);
        }
    }
}
