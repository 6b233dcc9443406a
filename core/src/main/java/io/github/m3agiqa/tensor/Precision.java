package io.github.m3agiqa.tensor;

import io.github.m3agiqa.Named;

/**
 * How a model computes. Activations that are added up over many layers, normalisations, softmax and the predictor are
 * float32 in every precision; this chooses how matrices are held, and the operands of their products.
 */
public enum Precision {
    /** Everything in float32: for parity with the reference. */
    FP32,
    /** Matrices in bfloat16, half the memory; so are the operands of products where that is fastest. */
    BF16,
    /**
     * Matrices in float16, as the published model has them, and operands in float32: what a processor without products of
     * bfloat16 computes fastest. For processors only, and without gradients.
     */
    FP16,
    /**
     * The matrices of tower and language model in 8 bits, one scale an output row, and so are the operands of their
     * products ({@link PackedMatrix#int8}); what else there is as in {@link #BF16}. For processors only, and without
     * gradients; on one that has no AVX2 it is {@link #BF16}.
     */
    INT8;

    /** The element type of matrices that are not quantized. */
    public Dtype matrixDtype() {
        return switch (this) {
            case FP32 -> Dtype.F32;
            case FP16 -> Dtype.F16;
            case BF16, INT8 -> Dtype.BF16;
        };
    }

    /**
     * The element type that matrices are multiplied in: {@link #matrixDtype()} where the device is fast at it, else
     * float32.
     */
    public Dtype operandDtype(Device device) {
        return this != FP16 && device.multipliesBf16() ? matrixDtype() : Dtype.F32;
    }

    /** Whether there are kernels for processors alone, and no gradients. */
    public boolean packed() {
        return this == FP16 || this == INT8;
    }

    /** The lower-case name used in options. */
    public String id() {
        return Named.id(this);
    }

    /**
     * Reads {@code fp32}, {@code bf16}, {@code fp16} or {@code int8}.
     *
     * @throws IllegalArgumentException if it is none of these
     */
    public static Precision of(String id) {
        return Named.of(Precision.class, "dtype", id);
    }
}
