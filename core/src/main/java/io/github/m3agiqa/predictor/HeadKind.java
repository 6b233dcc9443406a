package io.github.m3agiqa.predictor;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The networks that can read the sequence of hidden states. */
public enum HeadKind {
    /** The published predictor: a stack of mLSTM and sLSTM blocks. */
    XLSTM,
    /** No network: the projected vectors themselves are pooled. */
    MEAN;

    /** The lower-case name used in manifests and recipes. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The kind of that name.
     *
     * @throws IllegalArgumentException naming the known ones if there is none
     */
    public static HeadKind of(String id) {
        return Arrays.stream(values())
                .filter(kind -> kind.id().equals(id))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("unknown head '%s': known are %s"
                        .formatted(id, Arrays.stream(values()).map(HeadKind::id).collect(Collectors.joining(", ")))));
    }
}
