package io.github.m3agiqa.tensor;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * How a model computes. Activations that are added up over many layers, normalisations, softmax and the predictor are
 * float32 in every precision; this chooses how matrices are held, and the operands of their products.
 */
public enum Precision {
    /** Everything in float32: for parity with the reference. */
    FP32,
    /** Matrices in bfloat16, half the memory; so are the operands of products where that is fastest. */
    BF16,
    /** As {@link #BF16}, with the language model's matrices stored in 8 bits, one scale an output row. */
    INT8;

    /** The element type of matrices that are not quantized. */
    public Dtype matrixDtype() {
        return this == FP32 ? Dtype.F32 : Dtype.BF16;
    }

    /**
     * The element type that matrices are multiplied in: {@link #matrixDtype()} where the device is fast at it, else
     * float32.
     */
    public Dtype operandDtype(Device device) {
        return device.multipliesBf16() ? matrixDtype() : Dtype.F32;
    }

    /** The lower-case name used in options. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Reads {@code fp32}, {@code bf16} or {@code int8}.
     *
     * @throws IllegalArgumentException if it is none of these
     */
    public static Precision of(String id) {
        return Arrays.stream(values())
                .filter(precision -> precision.id().equalsIgnoreCase(id))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("unknown dtype '%s': use %s"
                        .formatted(
                                id, Arrays.stream(values()).map(Precision::id).collect(Collectors.joining(", ")))));
    }
}
