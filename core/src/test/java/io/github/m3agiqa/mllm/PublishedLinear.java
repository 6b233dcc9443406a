package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.ModelWeights.LowRank;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/**
 * A linear layer as {@code peft} 0.12 computes it: its product, plus the low-rank branch in float32, rounded to the type of
 * the activations.
 */
record PublishedLinear(Parameter weight, Optional<Parameter> bias, Optional<LowRank> lowRank) {
    static PublishedLinear of(Parameters module, long out, long in) {
        return new PublishedLinear(weight(module, "weight", out, in), Optional.empty(), module.lowRank(out, in));
    }

    static PublishedLinear withBias(Parameters module, long out, long in) {
        Parameter bias = weight(module, "bias", out);
        return new PublishedLinear(weight(module, "weight", out, in), Optional.of(bias), module.lowRank(out, in));
    }

    /** A weight in the type of the activations, which is the type of its file where that is the model's. */
    static Parameter weight(Parameters module, String name, long... shape) {
        Parameter stored = module.asStored(name, shape);
        return module.derived(() -> stored.get().to(activations(module).scalarType()));
    }

    /** The type of all that is computed, but for what is float32 in every model. */
    static Dtype activations(Parameters parameters) {
        return parameters.precision().operandDtype(parameters.device());
    }

    /** (..., in) to (..., out), of one type. */
    Tensor forward(Tensor x) {
        Tensor y = bias.map(b -> Torch.linear(x, weight.get(), b.get())).orElseGet(() -> Torch.linear(x, weight.get()));
        return lowRank.map(branch -> {
                    Tensor up = branch.b().multiply(branch.a().multiply(Torch.to(x, Dtype.F32)));
                    double scale = branch.adapter().scale();
                    return Torch.to(y.add(Torch.scale(up, scale)), Torch.dtypeOf(x));
                })
                .orElse(y);
    }
}
