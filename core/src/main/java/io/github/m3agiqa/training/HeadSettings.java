package io.github.m3agiqa.training;

import io.github.m3agiqa.Required;
import io.github.m3agiqa.predictor.HeadConfig;
import io.github.m3agiqa.predictor.HeadKind;
import io.github.m3agiqa.predictor.Pooler;
import io.github.m3agiqa.predictor.PredictorInput;
import io.github.m3agiqa.predictor.PredictorNames;

/**
 * The network of a predictor.
 *
 * @param kind xlstm, lstm, gru, transformer, mamba2 or mean
 * @param pooler mean, max, last or firstlastmean
 * @param width the width of its steps; 512 as published
 * @param layers its blocks or layers; 4 as published
 * @param regression the width of the layer before the score; 128 as published
 * @param reads what its first layer is trained on
 * @param members how many such networks begin differently and are averaged; 1, the default, as published
 * @param names how its weights are named in the exported file: bare, or lightning as in the published checkpoints
 */
public record HeadSettings(
        HeadKind kind,
        Pooler pooler,
        int width,
        int layers,
        int regression,
        Integer members,
        Reads reads,
        PredictorNames names) {
    /** What the first layer reads. */
    public enum Reads {
        /** The last hidden states. */
        HIDDEN,
        /** The logits that the language model's head makes of them, as published: W has a column for every token. */
        VOCABULARY,
        /** What the vision tower sees in each piece of the picture, see {@link io.github.m3agiqa.mllm.Session#view}. */
        TOWER;

        /** What a predictor that was trained so reads when it scores. */
        PredictorInput input() {
            return this == TOWER ? PredictorInput.TOWER : PredictorInput.HIDDEN;
        }
    }

    public HeadSettings {
        config(kind, pooler, width, layers, regression);
        members = members == null ? 1 : members;
        Recipes.positive("members", members);
        Required.of("reads", reads);
        Required.of("names", names);
    }

    HeadConfig config() {
        return config(kind, pooler, width, layers, regression);
    }

    private static HeadConfig config(HeadKind kind, Pooler pooler, int width, int layers, int regression) {
        return new HeadConfig(kind, pooler, width, layers, regression);
    }
}
