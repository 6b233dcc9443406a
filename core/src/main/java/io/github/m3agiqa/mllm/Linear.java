package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Matrix;
import io.github.m3agiqa.weights.ModelWeights.LowRank;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** A linear layer: W x, plus a bias, plus the low-rank branch of an adapter. */
final class Linear {
    private final Matrix matrix;
    private final @Nullable Parameter bias;
    private final @Nullable LowRank lowRank;

    private Linear(Parameters module, long out, long in, @Nullable Parameter bias) {
        this.matrix = module.matrix(out, in);
        this.bias = bias;
        this.lowRank = module.lowRank(out, in).orElse(null);
    }

    /** A layer without a bias, as all of the language model are. */
    static Linear of(Parameters module, long out, long in) {
        return new Linear(module, out, in, null);
    }

    /** A layer with a bias, as all of the vision tower are. */
    static Linear withBias(Parameters module, long out, long in) {
        return new Linear(module, out, in, module.float32("bias", out));
    }

    /**
     * Applies the layer.
     *
     * @param x (..., in)
     * @return (..., out)
     */
    Tensor forward(Tensor x) {
        Tensor y = bias == null ? matrix.multiply(x) : matrix.multiply(x, bias.get());
        if (lowRank != null) {
            double dropout = lowRank.adapter().dropout();
            Tensor kept = dropout == 0 ? x : torch.dropout(x, dropout, true);
            Tensor down = lowRank.a().multiply(kept); // (..., rank)
            Tensor up = lowRank.b().multiply(down); // (..., out)
            y = y.add(up, Torch.scalar(lowRank.adapter().scale()));
        }
        return y;
    }
}
