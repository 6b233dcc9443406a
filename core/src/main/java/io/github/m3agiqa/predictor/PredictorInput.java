package io.github.m3agiqa.predictor;

import io.github.m3agiqa.Named;

/** What a predictor of a model reads, step by step. */
public enum PredictorInput {
    /** The hidden states of a conversation, token by token, or the logits that the language model makes of them. */
    HIDDEN,
    /** What the vision tower sees in a picture, piece by piece: the language model is not asked. */
    TOWER;

    /** The lower-case name used in manifests. */
    public String id() {
        return Named.id(this);
    }

    /**
     * The input of that name.
     *
     * @throws IllegalArgumentException naming the known ones if there is none
     */
    public static PredictorInput of(String id) {
        return Named.of(PredictorInput.class, "reads", id);
    }
}
