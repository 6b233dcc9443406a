package io.github.m3agiqa.tensor;

import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.QEngine;

/**
 * A float16 matrix in the order in which FBGEMM reads it, the library that the engine has for such products on
 * processors. Operands and sums are float32.
 */
public final class PackedMatrix implements AutoCloseable {
    private final IValue packed;

    /**
     * Packs a matrix, which takes some 10 ns an element.
     *
     * @param weight (out, in); what is beyond the range of float16 becomes its largest number
     */
    public PackedMatrix(Tensor weight) {
        try (Scope _ = new Scope()) {
            IValue full = new IValue(Torch.to(weight, Dtype.F32).contiguous());
            packed = Torch.run("quantized::linear_prepack_fp16", full, new IValue())
                    .retainReference();
        }
    }

    /** Whether this processor has what FBGEMM needs, AVX2. */
    public static boolean supported() {
        Engine.load();
        QEngine inUse = torch.globalContext().qEngine().intern();
        return inUse == QEngine.FBGEMM || inUse == QEngine.X86;
    }

    /**
     * Multiplies by the transposed matrix.
     *
     * @param x (..., in), of any floating type
     * @return (..., out), float32; no gradient flows through it
     */
    public Tensor multiply(Tensor x) {
        try (Scope scope = new Scope()) {
            IValue product = Torch.run(
                    "quantized::linear_dynamic_fp16",
                    new IValue(Torch.to(x, Dtype.F32).contiguous()),
                    packed);
            return scope.keep(new Tensor(product.toTensor()));
        }
    }

    @Override
    public void close() {
        packed.releaseReference();
    }
}
