package io.github.m3agiqa.predictor;

import io.github.m3agiqa.Named;

/** The networks that can read the sequence of hidden states; all but the first are there to be compared with it. */
public enum HeadKind {
    /** The published predictor: a stack of mLSTM and sLSTM blocks, 4 of width 512. */
    XLSTM("xlstm_pooler.xlstm_stack"),
    /** LSTM in both directions; as published 4 layers of width 512, firstlastmean, regression 256. */
    LSTM("lstm"),
    /** GRU in both directions; as published 2 layers. */
    GRU("gru"),
    /** Attention with 2 heads over the sequence; as published 6 layers. */
    TRANSFORMER("transformer"),
    /** One Mamba-2 layer that is applied 4 times, as published. */
    MAMBA2("mamba2"),
    /**
     * No network: the projected vectors themselves are pooled, as published by their mean, regression 1024. As published
     * the logits are pooled and there is no W; since the mean and W are both linear, W only bounds the rank of the matrix
     * after it.
     */
    MEAN("");

    private final String part;

    HeadKind(String part) {
        this.part = part;
    }

    /** What the names of its weights start with. */
    String part() {
        return part;
    }

    /** The lower-case name used in manifests and recipes. */
    public String id() {
        return Named.id(this);
    }

    /**
     * The kind of that name.
     *
     * @throws IllegalArgumentException naming the known ones if there is none
     */
    public static HeadKind of(String id) {
        return Named.of(HeadKind.class, "head", id);
    }
}
