package io.github.m3agiqa.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
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

    /** How many rows of weights are rounded at a time, few enough that a processor's cache holds them. */
    private static final long ROUNDED_TOGETHER = 256;

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
     * Packs matrices in 8 bits, below one another: every output row w as round(w / s), with the scale s = max|w| / 63.
     * Operands are rounded to 8 bits, too, when they are multiplied, in steps of a 127th of the largest in their row.
     *
     * @param weights give (out, in), one after the other
     */
    public static PackedMatrix int8(List<Supplier<Tensor>> weights) {
        try (Scope _ = new Scope()) {
            List<Tensor> scales = new ArrayList<>();
            List<Tensor> rounded = new ArrayList<>();
            for (Supplier<Tensor> weight : weights) {
                try (Scope scope = new Scope()) {
                    Rounded rows = rounded(weight.get());
                    rounded.add(scope.keep(rows.numbers));
                    scales.add(scope.keep(rows.scales));
                }
            }
            Tensor scale = Torch.cat(0, scales);
            IValue quantized = Torch.run(
                    "aten::_make_per_channel_quantized_tensor",
                    new IValue(Torch.cat(0, rounded)),
                    new IValue(scale),
                    new IValue(torch.zeros_like(scale).to(ScalarType.Long)),
                    new IValue(0L));
            return new PackedMatrix(Torch.run("quantized::linear_prepack", quantized, new IValue()), true);
        }
    }

    /**
     * A matrix in 8 bits.
     *
     * @param numbers (out, in), 8-bit
     * @param scales (out), float32
     */
    private record Rounded(Tensor numbers, Tensor scales) {}

    private static Rounded rounded(Tensor weight) {
        Tensor numbers = weight.new_empty(weight.sizes(), new TensorOptions(ScalarType.Char));
        Tensor scales = Torch.empty(Dtype.F32, Device.CPU, weight.size(0), 1);
        for (long first = 0; first < weight.size(0); first += ROUNDED_TOGETHER) {
            try (Scope _ = new Scope()) {
                long rows = Math.min(ROUNDED_TOGETHER, weight.size(0) - first);
                Tensor some = Torch.to(weight.narrow(0, first, rows), Dtype.F32);
                Tensor scale = Torch.scale(largest(some), 1 / LARGEST_WEIGHT);
                numbers.narrow(0, first, rows).copy_(some.div(scale).round_());
                scales.narrow(0, first, rows).copy_(scale);
            }
        }
        return new Rounded(numbers, scales.squeeze(-1));
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
