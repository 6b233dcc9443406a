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
record Linear(Matrix matrix, Additions additions) {
    /** A layer without a bias, as all of the language model are. */
    static Linear of(Parameters module, long out, long in) {
        return of(module, false, out, in);
    }

    /** A layer with a bias, as all of the vision tower are. */
    static Linear withBias(Parameters module, long out, long in) {
        return of(module, true, out, in);
    }

    static Linear of(Parameters module, boolean biased, long out, long in) {
        return new Linear(module.matrix(out, in), Additions.of(module, biased, out, in));
    }

    /**
     * Applies the layer.
     *
     * @param x (..., in)
     * @return (..., out)
     */
    Tensor forward(Tensor x) {
        Parameter bias = additions.bias;
        return additions.addBranch(bias == null ? matrix.multiply(x) : matrix.multiply(x, bias.get()), x);
    }

    /** What a layer adds to the product W x. */
    record Additions(@Nullable Parameter bias, @Nullable LowRank lowRank) {
        static Additions of(Parameters module, boolean biased, long out, long in) {
            return new Additions(
                    biased ? module.float32("bias", out) : null,
                    module.lowRank(out, in).orElse(null));
        }

        /** Adds all of it to (..., out), which may be written to. */
        Tensor addTo(Tensor product, Tensor x) {
            return addBranch(bias == null ? product : product.add_(bias.get()), x);
        }

        private Tensor addBranch(Tensor y, Tensor x) {
            if (lowRank == null) {
                return y;
            }
            double dropout = lowRank.adapter().dropout();
            Tensor kept = dropout == 0 ? x : torch.dropout(x, dropout, true);
            Tensor down = lowRank.a().multiply(kept); // (..., rank)
            Tensor up = lowRank.b().multiply(down); // (..., out)
            return y.add(up, Torch.scalar(lowRank.adapter().scale()));
        }
    }
}
