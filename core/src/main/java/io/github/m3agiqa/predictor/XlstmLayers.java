package io.github.m3agiqa.predictor;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The small layers that mLSTM and sLSTM blocks share. */
final class XlstmLayers {
    /** Products of narrower matrices cost more in calls than in arithmetic, even if most of what is multiplied is 0. */
    private static final long JOINED_WIDTH = 64;

    private XlstmLayers() {}

    /** Layer norm without bias whose stored weight w means a gain of 1 + w. */
    static Tensor layerNorm(Tensor x, Tensor weight) {
        return Torch.layerNorm(x, Torch.plus(weight, 1), XlstmConfig.NORM_EPSILON);
    }

    /**
     * Normalises each head's channels on their own, then applies a gain of 1 + w.
     *
     * @param x (batch, steps, heads, head size)
     * @param weight (heads * head size)
     * @return (batch, steps, heads * head size)
     */
    static Tensor headNorm(Tensor x, Tensor weight) {
        Tensor unit = torch.layer_norm(x, x.size(3));
        return unit.flatten(2, 3).mul(Torch.plus(weight, 1));
    }

    /**
     * A causal convolution over time, every channel on its own.
     *
     * @param x (batch, steps, channels)
     * @param weight (channels, 1, kernel)
     * @param bias (channels)
     * @return (batch, steps, channels)
     */
    static Tensor causalConvolution(Tensor x, Tensor weight, Tensor bias) {
        long steps = x.size(1);
        long kernel = weight.size(2);
        Tensor before = Torch.zeros(Dtype.F32, Device.of(x), x.size(0), kernel - 1, x.size(2));
        Tensor padded = Torch.cat(1, before, x);
        Tensor sum = bias;
        for (long j = 0; j < kernel; j++) {
            sum = sum.add(padded.narrow(1, j, steps).mul(weight.select(2, j).squeeze(1)));
        }
        return sum;
    }

    /**
     * A block-diagonal linear layer.
     *
     * @param x (batch, steps, blocks * in)
     * @param weight (blocks, out, in)
     * @return (batch, steps, blocks * out)
     */
    static Tensor blockDiagonal(Tensor x, Tensor weight) {
        Tensor transposed = joined(weight); // (blocks, in, out)
        Tensor blocks = x.view(x.size(0) * x.size(1), transposed.size(0), transposed.size(1))
                .transpose(0, 1); // (blocks, batch * steps, in)
        Tensor product = blocks.matmul(transposed); // (blocks, batch * steps, out)
        return product.transpose(0, 1).reshape(x.size(0), x.size(1), weight.size(0) * weight.size(1));
    }

    /**
     * Neighbouring blocks as fewer and larger ones, with zeros beside the diagonal.
     *
     * @param weight (blocks, out, in)
     * @return (blocks / n, n * in, n * out), transposed; n as many as are {@link #JOINED_WIDTH} wide, if that divides them
     */
    private static Tensor joined(Tensor weight) {
        long n = Math.max(1, JOINED_WIDTH / weight.size(2));
        if (n == 1 || weight.size(0) % n != 0) {
            return weight.transpose(1, 2);
        }
        long groups = weight.size(0) / n;
        Tensor diagonal = torch.diag_embed(
                weight.view(groups, n, weight.size(1), weight.size(2)).permute(0, 2, 3, 1)); // (groups, out, in, n, n)
        return diagonal.permute(0, 3, 2, 4, 1).reshape(groups, n * weight.size(2), n * weight.size(1));
    }
}
