package io.github.m3agiqa.training;

import java.util.Set;

/**
 * What of a model is trained.
 *
 * @param rank the rank r of the low-rank pairs
 * @param alpha the branch is multiplied by alpha / r
 * @param dropout the probability with which an input of a branch is dropped, from 0 to below 1
 * @param targets the projections that get a branch: any of q_proj, k_proj, v_proj, o_proj
 * @param alsoTrain the parts of the model that are trained as a whole; may be empty
 * @param initial where training starts
 * @see <a href="https://arxiv.org/abs/2106.09685">LoRA</a>
 */
public record LoraSettings(
        int rank, double alpha, double dropout, Set<String> targets, Set<Part> alsoTrain, Initial initial) {
    private static final Set<String> PROJECTIONS = Set.of("q_proj", "k_proj", "v_proj", "o_proj");

    /** Where training starts. */
    public enum Initial {
        /** At the base model. */
        BASE,
        /** At the adapter that the model has for the aspects. */
        ADAPTER
    }

    /** Parts of the model besides the language model's blocks. */
    public enum Part {
        /** The token embedding. */
        EMBEDDING("embed_tokens", "llm.model.embed_tokens."),
        RESAMPLER("resampler", "resampler."),
        /** The vision tower. */
        VISION("vpm", "vpm.");

        private final String module;
        private final String prefix;

        Part(String module, String prefix) {
            this.module = module;
            this.prefix = prefix;
        }

        /** PEFT's name of it. */
        String module() {
            return module;
        }

        boolean holds(String tensor) {
            return tensor.startsWith(prefix);
        }
    }

    public LoraSettings {
        if (rank < 1 || !(alpha > 0) || !(dropout >= 0 && dropout < 1)) {
            throw new IllegalArgumentException("rank and alpha must be positive, dropout from 0 to below 1");
        }
        if (targets == null || targets.isEmpty() || !PROJECTIONS.containsAll(targets)) {
            throw new IllegalArgumentException("targets must be some of " + PROJECTIONS);
        }
        targets = Set.copyOf(targets);
        if (initial == null) {
            throw new IllegalArgumentException("initial is missing: base or adapter");
        }
        alsoTrain = alsoTrain == null ? Set.of() : Set.copyOf(alsoTrain);
    }
}
