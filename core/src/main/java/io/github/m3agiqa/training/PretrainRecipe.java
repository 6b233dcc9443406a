package io.github.m3agiqa.training;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Required;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.teacher.Hint;
import io.github.m3agiqa.teacher.TeacherSettings;
import io.github.m3agiqa.tensor.Device;
import java.nio.file.Path;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;

/**
 * The recipe of a pretraining: a new base, from random weights or from another pretraining's. Paths are relative to the
 * current folder.
 *
 * @param name the name of the model that is made
 * @param license the licence of its weights, an SPDX identifier
 * @param initial the folder of a pretrained model whose base is trained further; null for random weights
 * @param output the folder of the run
 * @param config the base's {@code config.json}, with the keys of Hugging Face; {@code vocab_size} counts control tokens. Null
 *     with {@code initial}, whose own it is
 * @param aspects the questions of the model that is made, as {@code m3agiqa.json} has them. Null with {@code initial}
 * @param dataset the folder of the images and their prompts
 * @param heldOut conversation files whose images are not looked at, such as the test lists
 * @param heldOutFold a fold of prompts whose images are not looked at, as in a train recipe with {@code prompt_folds};
 *     none by default
 * @param views how many other pictures are made of each image that is learned from, see
 *     {@link io.github.m3agiqa.image.RandomView}; they have no human score. 0 by default
 * @param spoilt how many times each image is also shown spoilt, each time in another way and strength of
 *     {@link io.github.m3agiqa.image.Degradation}; only the {@code tower} loss is learned from that. 0 by default
 * @param validationShare the share of prompts whose images are kept to choose a checkpoint by, from 0 to below 1
 * @param texts conversation files that are read as texts, and that the tokenizer is trained on
 * @param stem how the vision tower's stem is trained before all else, after which it stays as it is; null to train it with
 *     the rest
 * @param frozen what of {@code initial} stays as it is; nothing by default
 * @param teachers the networks whose view of the images is distilled; null for none, then {@code dense} and
 *     {@code global} count nothing
 * @param scores the aspects whose human scores are learned; none by default, then that loss counts nothing
 * @param calibrationShare the share of prompts whose scores are not looked at, as prediction intervals are made of them
 *     later: that of the train recipe. 0 by default
 * @param descriptions conversation files about the dataset's images, whose descriptions are learned in turn with the
 *     prompts; none by default
 * @param captionQuestion what the model is asked about an image to answer with its prompt; null if prompts are not learned,
 *     and then neither are images without a description
 * @param lossWeights what each loss counts
 * @param optimization how weights are changed
 * @param steps how often the weights are changed
 * @param imagesPerStep images read in one step
 * @param textsPerStep texts read in one step
 * @param maxLength longer texts lose their end, in tokens
 * @param maxSlices the largest number of tiles of an image
 * @param maxShift images are moved by up to so many pixels to each side; dense targets do not move with them. 0 by
 *     default
 * @param dtype {@code bf16} or {@code fp32}, for the matrix products; the weights are float32 in both
 * @param device {@code cpu}, {@code cuda} or {@code cuda:N}
 * @param evaluateEvery the steps between two validations, each with a checkpoint
 * @param keepCheckpoints how many of the latest checkpoints are kept, besides the best
 * @param seed decides the first weights and the order of images and texts
 */
public record PretrainRecipe(
        String name,
        String license,
        @Nullable Path initial,
        Path output,
        @Nullable ObjectNode config,
        @Nullable Map<Aspect, AspectManifest> aspects,
        Path dataset,
        List<Path> heldOut,
        @Nullable HeldOutFold heldOutFold,
        Integer views,
        Integer spoilt,
        double validationShare,
        List<Path> texts,
        @Nullable StemStage stem,
        Set<Part> frozen,
        @Nullable Teachers teachers,
        List<Aspect> scores,
        Double calibrationShare,
        List<Path> descriptions,
        @Nullable String captionQuestion,
        LossWeights lossWeights,
        Optimization optimization,
        long steps,
        int imagesPerStep,
        int textsPerStep,
        int maxLength,
        int maxSlices,
        Integer maxShift,
        String dtype,
        String device,
        long evaluateEvery,
        int keepCheckpoints,
        long seed) {
    /** A part of a base. */
    public enum Part {
        TOWER("vpm."),
        RESAMPLER("resampler.");

        private final String prefix;

        Part(String prefix) {
            this.prefix = prefix;
        }

        /** Whether a tensor is in this part. */
        boolean has(String tensor) {
            return tensor.startsWith(prefix);
        }
    }

    /**
     * One of several folds without a prompt in two of them.
     *
     * @param folds how many there are, at least 2
     * @param fold which one it is, from 1
     * @param seed decides which prompts are in it: that of the train recipe
     */
    public record HeldOutFold(int folds, int fold, long seed) {
        public HeldOutFold {
            if (folds < 2 || fold < 1 || fold > folds) {
                throw new IllegalArgumentException("there is no fold %d of %d".formatted(fold, folds));
            }
        }
    }

    /**
     * Networks whose view of the images is distilled.
     *
     * @param cache the folder of what they see, which other runs on the same images may share
     * @param globalSize the components that are kept of what they see in a whole image
     * @param denseSize the components that are kept of what one of them sees in a patch
     * @param denseSample the images of which the latter components are computed
     * @param networks the networks, and which of their layers are learned from
     */
    public record Teachers(Path cache, int globalSize, int denseSize, int denseSample, List<TeacherSettings> networks) {
        public Teachers {
            Required.of("cache", cache);
            Recipes.positive("globalSize", globalSize);
            Recipes.positive("denseSize", denseSize);
            Recipes.positive("denseSample", denseSample);
            if (Required.of("networks", networks).isEmpty()) {
                throw new IllegalArgumentException("networks names no teacher");
            }
            networks = List.copyOf(networks);
        }
    }

    /**
     * A training of the stem on its own.
     *
     * @param cache the folder of what the hints' layers see, which other runs on the same images may share
     * @param inputSize the side to which images are resized for teachers and stem, in pixels
     * @param sample the images of which the layers' components are computed
     * @param hints the teachers' layers that are learned, and what learns each
     * @param optimization how weights are changed
     * @param steps how often the weights are changed
     * @param imagesPerStep images read in one step, by which the batch norms go
     * @param evaluateEvery the steps between two validations, each with a checkpoint
     */
    public record StemStage(
            Path cache,
            int inputSize,
            int sample,
            List<Hint> hints,
            Optimization optimization,
            long steps,
            int imagesPerStep,
            long evaluateEvery) {
        public StemStage {
            Required.of("stem.cache", cache);
            Recipes.positive("stem.inputSize", inputSize);
            Recipes.positive("stem.sample", sample);
            hints = List.copyOf(Required.of("stem.hints", hints));
            Required.of("stem.optimization", optimization);
            Recipes.positive("stem.steps", steps);
            Recipes.positive("stem.imagesPerStep", imagesPerStep);
            Recipes.positive("stem.evaluateEvery", evaluateEvery);
        }

        /** Whether the tower has the layers that hints name. */
        void check(int stemLayers) {
            for (Hint hint : hints) {
                if (hint.stemLayer() >= stemLayers) {
                    throw new InputException("the hint %s is for stemLayer %d, and config's stem has %d, from 0"
                            .formatted(hint.layer(), hint.stemLayer(), stemLayers));
                }
            }
        }
    }

    /**
     * What each loss counts.
     *
     * @param dense the mean squared error of what is seen in a patch, over its variance
     * @param global the mean squared error of what is seen in an image, over its variance
     * @param caption the mean cross-entropy of a prompt's or description's token, in nats
     * @param text the mean cross-entropy of a text's token, in nats
     * @param score the mean squared error of a score from 0 to 5
     * @param tower the mean squared error of what a frozen vision tower sees in an image, over its variance; 0 by default
     */
    public record LossWeights(double dense, double global, double caption, double text, double score, Double tower) {
        public LossWeights {
            tower = tower == null ? 0 : tower;
            if (DoubleStream.of(dense, global, caption, text, score, tower)
                    .anyMatch(weight -> !(weight >= 0 && Double.isFinite(weight)))) {
                throw new IllegalArgumentException("weights of losses must be at least 0");
            }
        }
    }

    public PretrainRecipe {
        Recipes.name(name);
        Required.of("license", license);
        Required.of("output", output);
        if (initial == null) {
            Required.of("config", config);
            if (Required.of("aspects", aspects).isEmpty()) {
                throw new IllegalArgumentException("aspects is empty");
            }
        } else if (config != null || aspects != null || stem != null) {
            throw new IllegalArgumentException(
                    "initial has a config, aspects and a trained stem; leave out config, aspects and stem");
        }
        aspects = aspects == null ? null : Collections.unmodifiableMap(new EnumMap<>(aspects));
        frozen = frozen == null ? Set.of() : Set.copyOf(frozen);
        if (initial == null && !frozen.isEmpty()) {
            throw new IllegalArgumentException("frozen is for what initial has learned; without initial leave it out");
        }
        Required.of("dataset", dataset);
        heldOut = List.copyOf(Required.of("heldOut", heldOut));
        texts = List.copyOf(Required.of("texts", texts));
        scores = scores == null ? List.of() : List.copyOf(scores);
        calibrationShare = calibrationShare == null ? 0 : calibrationShare;
        descriptions = descriptions == null ? List.of() : List.copyOf(descriptions);
        if (captionQuestion == null && descriptions.isEmpty()) {
            throw new IllegalArgumentException("captionQuestion and descriptions are missing: one of them is needed");
        }
        Required.of("lossWeights", lossWeights);
        if (teachers == null && (lossWeights.dense > 0 || lossWeights.global > 0)) {
            throw new IllegalArgumentException("teachers is missing, and lossWeights has dense or global above 0");
        }
        if (scores.isEmpty() != (lossWeights.score == 0)) {
            throw new IllegalArgumentException("scores names %d aspects, and lossWeights has score: %s"
                    .formatted(scores.size(), lossWeights.score));
        }
        if (lossWeights.tower > 0 && !frozen.contains(Part.TOWER)) {
            throw new IllegalArgumentException(
                    "lossWeights has tower above 0, which is for frozen: [tower]: what is aimed at must not move");
        }
        Required.of("optimization", optimization);
        Recipes.positive("steps", steps);
        Recipes.positive("imagesPerStep", imagesPerStep);
        Recipes.positive("maxLength", maxLength);
        Recipes.positive("maxSlices", maxSlices);
        spoilt = spoilt == null ? 0 : spoilt;
        if (spoilt < 0 || (spoilt > 0 && lossWeights.tower == 0)) {
            throw new IllegalArgumentException(
                    "spoilt is %d: it must be at least 0, and needs lossWeights with tower above 0".formatted(spoilt));
        }
        views = views == null ? 0 : views;
        maxShift = maxShift == null ? 0 : maxShift;
        if (views < 0 || maxShift < 0) {
            throw new IllegalArgumentException(
                    "views and maxShift must be at least 0, not %d and %d".formatted(views, maxShift));
        }
        Recipes.positive("evaluateEvery", evaluateEvery);
        Recipes.positive("keepCheckpoints", keepCheckpoints);
        if (textsPerStep < 0 || (textsPerStep > 0 && texts.isEmpty())) {
            throw new IllegalArgumentException(
                    "textsPerStep is %d and texts names %d files".formatted(textsPerStep, texts.size()));
        }
        if (!(validationShare >= 0 && validationShare < 1)) {
            throw new IllegalArgumentException("validationShare must be from 0 to below 1, not " + validationShare);
        }
        Recipes.dtype(dtype);
        Device.parse(Required.of("device", device));
    }
}
