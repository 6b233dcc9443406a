package io.github.m3agiqa.weights;

import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * A matrix in 8 bits: every output row w is stored as round(w / s) with the scale s = max|w| / 127. Activations are not
 * quantized.
 */
public final class Int8Matrix implements Matrix {
    /** Above this many rows a bfloat16 product of the unpacked matrix is faster than the packed kernel. */
    static final int PACKED_ROWS = 16;

    private static final double LEVELS = 127;

    private final Parameter packed;
    private final Parameter scales;
    private final Dtype operands;

    /**
     * A matrix that is quantized when it is first used.
     *
     * @param weight gives the weight, shape (out, in), in float32 or bfloat16
     * @param operands the type to multiply more than a few rows in
     */
    Int8Matrix(Supplier<Tensor> weight, Dtype operands) {
        this.operands = operands;
        this.scales = new Parameter(() -> Torch.to(scales(weight.get()), Dtype.BF16));
        this.packed = new Parameter(() -> {
            Tensor full = Torch.to(weight.get(), Dtype.F32);
            // divide by the scale that will be multiplied with, as it is rounded to bfloat16
            Tensor steps = full.div(Torch.to(scales(full), Dtype.BF16).unsqueeze(1));
            return Torch.clamp(steps.round(), -LEVELS, LEVELS).to(Dtype.I8.scalarType());
        });
    }

    private static Tensor scales(Tensor weight) {
        Tensor largest = Torch.to(weight.abs().amax(new long[] {1}, false), Dtype.F32);
        // an all-zero row keeps a scale that can be divided by
        return Torch.scale(largest.clamp_min(new Scalar(1e-12)), 1 / LEVELS);
    }

    @Override
    public Tensor multiply(Tensor x) {
        if (x.size(0) <= PACKED_ROWS) {
            Tensor input = Torch.to(x, Dtype.BF16).contiguous();
            return Torch.call("aten::_weight_int8pack_mm", input, packed.get(), scales.get());
        }
        // a bfloat16 holds every whole number of 8 bits, so the scales can wait for the product
        return UnpackedProduct.linear(x, packed.get(), operands).mul(scales.get());
    }

    @Override
    public void close() {
        packed.close();
        scales.close();
    }
}
