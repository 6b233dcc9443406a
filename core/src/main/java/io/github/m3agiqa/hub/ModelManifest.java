package io.github.m3agiqa.hub;

import com.fasterxml.jackson.annotation.JsonFormat;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Calibration;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.Required;
import io.github.m3agiqa.Scale;
import java.util.Collection;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BinaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What {@code m3agiqa.json} says of a model: its parts, with paths relative to it, and its fixed questions. A value that
 * the file leaves out takes its default, or is an error that names it.
 *
 * @param name the model's name
 * @param version counted up with every change of the weights or questions
 * @param architecture {@code minicpm-llama3-v-2.5}
 * @param license an SPDX identifier or the name of a licence
 * @param base the folder of the base model
 * @param alpha what becomes of transparency: {@code white} (the default) or {@code drop}
 * @param vision how the vision tower pads and numbers patches: {@code published} (the default) or {@code corrected}
 * @param aspects the aspects that the model scores
 * @param sha256 the checksum of each listed file
 */
public record ModelManifest(
        String name,
        int version,
        String architecture,
        String license,
        String base,
        String alpha,
        String vision,
        Map<Aspect, AspectManifest> aspects,
        Map<String, String> sha256) {
    /** The only architecture there is. */
    public static final String ARCHITECTURE = "minicpm-llama3-v-2.5";

    private static final String XLSTM = "xlstm";
    private static final String MEAN = "mean";
    private static final String HIDDEN = "hidden";

    public ModelManifest {
        Required.of("license", license);
        Required.of("base", base);
        alpha = orElse(alpha, "white");
        vision = orElse(vision, "published");
        if (!Required.of("name", name).matches("[\\w.-]+")) {
            throw new IllegalArgumentException("name is '%s', not letters, digits, '.', '_' and '-'".formatted(name));
        }
        if (!Required.of("architecture", architecture).equals(ARCHITECTURE)) {
            throw new IllegalArgumentException(
                    "architecture is '%s', known is %s".formatted(architecture, ARCHITECTURE));
        }
        if (Required.of("aspects", aspects).isEmpty()) {
            throw new IllegalArgumentException("aspects is empty");
        }
        aspects = Collections.unmodifiableMap(new EnumMap<>(aspects));
        sha256 = Collections.unmodifiableMap(new TreeMap<>(orElse(sha256, Map.of())));
        sha256.values().forEach(hash -> {
            if (!hash.matches("[0-9a-fA-F]{64}")) {
                throw new IllegalArgumentException("'%s' is no SHA-256".formatted(hash));
            }
        });
    }

    /** This manifest for a model of another name, with its base and aspects at other paths. */
    public ModelManifest derived(String newName, String newBase, Map<Aspect, AspectManifest> newAspects) {
        return new ModelManifest(newName, 1, architecture, license, newBase, alpha, vision, newAspects, Map.of());
    }

    /** This manifest with other settings of its aspects. */
    public ModelManifest withAspects(Map<Aspect, AspectManifest> newAspects) {
        return new ModelManifest(name, version, architecture, license, base, alpha, vision, newAspects, sha256);
    }

    /** Name and version, as results name the model. */
    public String id() {
        return name + "@" + version;
    }

    /** The aspects that it has a predictor of; the others can be described alone. */
    public Set<Aspect> scoredAspects() {
        Set<Aspect> scored = EnumSet.copyOf(aspects.keySet());
        scored.removeIf(aspect -> aspect(aspect).predictor() == null);
        return Collections.unmodifiableSet(scored);
    }

    /**
     * The aspects that an answer has: those asked for, or all that it scores if none are.
     *
     * @throws IllegalArgumentException if it scores none of them
     * @throws ModelException if it scores nothing at all
     */
    public Set<Aspect> answered(Collection<Aspect> asked) {
        Set<Aspect> scored = scoredAspects();
        if (scored.isEmpty()) {
            throw new ModelException(
                    "%s has no predictor, so it describes images and scores none; train one with m3agiqa train"
                            .formatted(id()));
        }
        Set<Aspect> answered = asked.isEmpty() ? scored : EnumSet.copyOf(asked);
        if (Collections.disjoint(answered, scored)) {
            throw new IllegalArgumentException("%s scores none of the aspects asked for, only %s"
                    .formatted(id(), scored.stream().map(Aspect::id).toList()));
        }
        return answered;
    }

    /**
     * What it says of an aspect.
     *
     * @throws ModelException naming the aspects that the model has if there is no such one
     */
    public AspectManifest aspect(Aspect aspect) {
        AspectManifest settings = aspects.get(aspect);
        if (settings == null) {
            throw new ModelException("%s has no aspect %s, only %s"
                    .formatted(
                            id(),
                            aspect.id(),
                            aspects.keySet().stream().map(Aspect::id).toList()));
        }
        return settings;
    }

    /**
     * One aspect of a model.
     *
     * @param adapter the folder of its PEFT adapter, null if the base is used as it is
     * @param predictor the file of its score head; null if none is trained yet, and then the aspect can be described
     *     but not scored
     * @param head the kind of its score head, {@code xlstm} by default
     * @param pooler how the head pools its steps, {@code mean} by default
     * @param scale the range of its scores, 0 to 5 by default
     * @param matcher the file of what tells whether a picture is one of its prompt, and adds points to the score; null for
     *     nothing
     * @param calibration what its prediction intervals are made of; null for no intervals
     * @param undescribed what scores images that the model does not describe; null if the predictor does that too
     * @param blend what the score without a description has to say in that of a described image; null for nothing
     * @param describe the first round
     * @param rate the second round
     */
    public record AspectManifest(
            @Nullable String adapter,
            @Nullable String predictor,
            String head,
            String pooler,
            @JsonFormat(shape = JsonFormat.Shape.ARRAY) Scale scale,
            @Nullable String matcher,
            @Nullable Calibration calibration,
            @Nullable ScoreHead undescribed,
            @Nullable Blend blend,
            Describe describe,
            Rate rate) {
        public AspectManifest {
            head = orElse(head, XLSTM);
            pooler = orElse(pooler, MEAN);
            scale = orElse(scale, Scale.ZERO_TO_FIVE);
            Required.of("describe", describe);
            Required.of("rate", rate);
        }

        /** These settings with another adapter, or null for none, for which no predictor is trained yet. */
        public AspectManifest withAdapter(@Nullable String newAdapter) {
            return new AspectManifest(newAdapter, null, head, pooler, scale, null, null, null, null, describe, rate);
        }

        /**
         * These settings with another predictor, for images with and without a description.
         *
         * @param newBlend what its score without a description has to say in that of a described image; null for nothing
         */
        public AspectManifest withPredictor(ScoreHead other, @Nullable Blend newBlend) {
            return new AspectManifest(
                    adapter,
                    other.predictor,
                    other.head,
                    other.pooler,
                    scale,
                    other.matcher,
                    other.calibration,
                    null,
                    newBlend,
                    describe,
                    rate);
        }

        /**
         * These settings with a predictor of its own for images without a description.
         *
         * @param newBlend what it has to say in the score of a described image; null for nothing
         */
        public AspectManifest withUndescribed(ScoreHead other, @Nullable Blend newBlend) {
            return new AspectManifest(
                    adapter, predictor, head, pooler, scale, matcher, calibration, other, newBlend, describe, rate);
        }

        /** What the prediction intervals of images with or without a description are made of; null for no intervals. */
        public @Nullable Calibration calibration(boolean described) {
            return described || undescribed == null ? calibration : undescribed.calibration;
        }

        /** These settings with other prediction intervals for such images; for all images if one predictor scores them all. */
        public AspectManifest withCalibration(boolean described, Calibration other) {
            return described || undescribed == null
                    ? new AspectManifest(
                            adapter, predictor, head, pooler, scale, matcher, other, undescribed, blend, describe, rate)
                    : withUndescribed(undescribed.withCalibration(other), blend);
        }

        /**
         * These settings with the same parts at other paths.
         *
         * @param move the new path of a part, given what it is, such as {@code predictor}, and its path
         */
        public AspectManifest moved(BinaryOperator<String> move) {
            return new AspectManifest(
                    adapter == null ? null : move.apply("adapter", adapter),
                    predictor == null ? null : move.apply("predictor", predictor),
                    head,
                    pooler,
                    scale,
                    matcher == null ? null : move.apply("matcher", matcher),
                    calibration,
                    undescribed == null
                            ? null
                            : undescribed.moved((part, path) -> move.apply(part + "-undescribed", path)),
                    blend,
                    describe,
                    rate);
        }

        /** What scores described images, and the others if there is nothing else for them. */
        public Optional<ScoreHead> scoreHead() {
            return Optional.ofNullable(predictor)
                    .map(file -> new ScoreHead(file, head, pooler, HIDDEN, matcher, calibration));
        }
    }

    /**
     * What makes a score of hidden states, or of what the vision tower sees.
     *
     * @param predictor the file of the weights
     * @param head the kind, {@code xlstm} by default
     * @param pooler how it pools its steps, {@code mean} by default
     * @param reads {@code hidden} for the hidden states of the conversation (the default); {@code tower} for what the vision
     *     tower sees in each piece of the picture, with a description or without
     * @param matcher the file of what adds points to its score; null for nothing
     * @param calibration what its prediction intervals are made of; null for no intervals
     */
    public record ScoreHead(
            String predictor,
            String head,
            String pooler,
            String reads,
            @Nullable String matcher,
            @Nullable Calibration calibration) {
        public ScoreHead {
            Required.of("predictor", predictor);
            head = orElse(head, XLSTM);
            pooler = orElse(pooler, MEAN);
            reads = orElse(reads, HIDDEN);
            if (matcher != null && !reads.equals(HIDDEN)) {
                throw new IllegalArgumentException("a matcher goes with reads: hidden, not with " + reads);
            }
        }

        private ScoreHead withCalibration(Calibration other) {
            return new ScoreHead(predictor, head, pooler, reads, matcher, other);
        }

        private ScoreHead moved(BinaryOperator<String> move) {
            return new ScoreHead(
                    move.apply("predictor", predictor),
                    head,
                    pooler,
                    reads,
                    matcher == null ? null : move.apply("matcher", matcher),
                    calibration);
        }
    }

    /**
     * How the score of a described image, or of any, is made of two: the one by the predictor of described images, and the one
     * without a description, by the predictor for such images if the aspect has one.
     *
     * @param share how much of the score is the second one's, from 0 (the default) to 1
     * @param aboveFrom the score is above the second one only where that is above so many points, and by no more than it is
     *     above them: pictures that are rated low without a description are not rated higher for it. Null for no such bound
     * @param always whether images without a description are scored by both predictors, too, the first one reading their
     *     conversation as it is; false by default
     */
    public record Blend(Double share, @Nullable Double aboveFrom, Boolean always) {
        public Blend {
            share = orElse(share, 0.0);
            always = orElse(always, false);
            if (!(share >= 0 && share <= 1)) {
                throw new IllegalArgumentException("blend has a share from 0 to 1, not " + share);
            }
        }

        /**
         * A score of both.
         *
         * @param described by the predictor of described images
         * @param undescribed by that of the others
         */
        public double of(double described, double undescribed) {
            double score = (1 - share) * described + share * undescribed;
            return aboveFrom == null ? score : Math.min(score, undescribed + Math.max(0, undescribed - aboveFrom));
        }
    }

    /**
     * The round in which the model describes the image.
     *
     * @param question what it is asked; {@code {prompt}} stands for the image's prompt
     * @param maxSlices the largest number of tiles
     * @param beams 3 by default, 1 for greedy search
     * @param repetitionPenalty 1.2 by default, 1 for none
     * @param maxNewTokens the longest description, in tokens; 1024 by default
     */
    public record Describe(
            String question, int maxSlices, Integer beams, Double repetitionPenalty, Integer maxNewTokens) {
        public Describe {
            Required.of("question", question);
            beams = orElse(beams, 3);
            repetitionPenalty = orElse(repetitionPenalty, 1.2);
            maxNewTokens = orElse(maxNewTokens, 1024);
            if (maxSlices < 1 || beams < 1 || !(repetitionPenalty > 0) || maxNewTokens < 1) {
                throw new IllegalArgumentException("describe needs a maxSlices, and its numbers must be positive");
            }
        }
    }

    /**
     * The round whose question is read but not answered.
     *
     * @param question what the model is asked; {@code {prompt}} stands for the image's prompt
     * @param maxSlices the largest number of tiles
     * @param maxLength the longest conversation that the predictor reads, in tokens
     */
    public record Rate(String question, int maxSlices, int maxLength) {
        public Rate {
            Required.of("question", question);
            if (maxSlices < 1 || maxLength < 1) {
                throw new IllegalArgumentException("rate needs a positive maxSlices and a positive maxLength");
            }
        }
    }

    private static <T> T orElse(@Nullable T value, T fallback) {
        return value == null ? fallback : value;
    }
}
