package io.github.m3agiqa.tensor;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * How a model computes. Activations that are added up over many layers, normalisations, softmax and the predictor are
 * float32 in every precision; this chooses the operands of the large matrix products.
 */
public enum Precision {
    /** Everything in float32: for parity with the reference. */
    FP32,
    /** Matrix products on bfloat16 operands: half the memory, and the fastest on processors that have it. */
    BF16,
    /** As {@link #BF16}, with the language model's matrices stored in 8 bits, one scale an output row. */
    INT8;

    /** The element type of matrices that are not quantized. */
    public Dtype matrixDtype() {
        return this == FP32 ? Dtype.F32 : Dtype.BF16;
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
