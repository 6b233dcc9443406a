package io.github.m3agiqa.tensor;

import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.QEngine;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A matrix in the order in which FBGEMM reads it, the library that the engine has for such products on processors.
 * Packing takes some 10 ns an element.
 */
public final class PackedMatrix implements AutoCloseable {
    /**
     * What a row's largest weight is in 8 bits. FBGEMM may add two products in 16 bits before it goes on in 32, and
     * they hold 2 * 63 * 255, of operands up to 255.
     */
    private static final double LARGEST_WEIGHT = 63;

    /** What the largest of a row of operands is in 8 bits, counted from what 0 is. */
    private static final double LARGEST_OPERAND = 127;

    private static final long ZERO_OPERAND = 128;

    /** The least that a row is divided by, so that one of zeros can be. */
    private static final double SMALLEST = 1e-20;

    private final IValue packed;
    private final boolean int8;

    private PackedMatrix(IValue packed, boolean int8) {
        this.packed = packed.retainReference();
        this.int8 = int8;
    }

    /**
     * Packs a matrix in float16. Operands and sums are float32.
     *
     * @param weight (out, in); what is beyond the range of float16 becomes its largest number
     */
    public static PackedMatrix float16(Tensor weight) {
        try (Scope _ = new Scope()) {
            IValue full = new IValue(Torch.to(weight, Dtype.F32).contiguous());
            return new PackedMatrix(Torch.run("quantized::linear_prepack_fp16", full, new IValue()), false);
        }
    }

    /**
     * Packs a matrix in 8 bits: every output row w as round(w / s), with the scale s = max|w| / 63. Operands are rounded
     * to 8 bits, too, when they are multiplied, in steps of a 127th of the largest in their row.
     *
     * @param weight (out, in)
     */
    public static PackedMatrix int8(Tensor weight) {
        try (Scope _ = new Scope()) {
            Tensor full = Torch.to(weight, Dtype.F32);
            Tensor scales = Torch.scale(largest(full), 1 / LARGEST_WEIGHT).squeeze(-1);
            Tensor zeroPoints = torch.zeros_like(scales).to(ScalarType.Long);
            Tensor rounded = torch.quantize_per_channel(full, scales, zeroPoints, 0, ScalarType.QInt8);
            return new PackedMatrix(Torch.run("quantized::linear_prepack", new IValue(rounded), new IValue()), true);
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
            Tensor input = Torch.to(x, Dtype.F32).contiguous();
            if (!int8) {
                return scope.keep(product("quantized::linear_dynamic_fp16", new IValue(input), packed));
            }
            // the engine has one scale for all rows of the input, which is good for all if they are equally large
            Tensor largest = largest(input);
            return scope.keep(product(
                            "quantized::linear_with_input_q_dq_qweight_dq_output_fp32",
                            new IValue(input.div(largest)),
                            new IValue(1 / LARGEST_OPERAND),
                            new IValue(ZERO_OPERAND),
                            packed)
                    .mul_(largest));
        }
    }

    private static Tensor product(String operator, IValue... arguments) {
        return new Tensor(Torch.run(operator, arguments).toTensor());
    }

    /** The largest absolute value of each row: (..., n) to (..., 1). */
    private static Tensor largest(Tensor x) {
        return x.abs()
                .amax(new long[] {-1}, true)
                .clamp_min_(Torch.scalar(SMALLEST)); // a norm takes five times as long
    }

    @Override
    public void close() {
        packed.releaseReference();
    }
}
