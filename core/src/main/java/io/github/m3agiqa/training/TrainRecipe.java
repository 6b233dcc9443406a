package io.github.m3agiqa.training;

import com.fasterxml.jackson.annotation.JsonFormat;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Required;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.hub.ModelManifest.Blend;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.training.DescriptionSettings.Rounds;
import io.github.m3agiqa.training.HeadSettings.Reads;
import io.github.m3agiqa.training.SplitSettings.Protocol;
import java.nio.file.Path;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The recipe of a predictor training, or of a set of them that differ in some keys. Paths are relative to the current
 * folder.
 *
 * @param name the name of the model that is made
 * @param model the folder of the tuned model whose hidden states are read
 * @param output the folder of the run
 * @param cache the folder of the hidden states, which other runs may share
 * @param dataset the folder of the images and their scores
 * @param scale the range of the dataset's scores where its layout does not say it, such as [0, 100]; null for what is known
 * @param missingImages what becomes of images that are not there
 * @param conversations for each aspect the files with descriptions and the authors' split
 * @param split what is trained on and what is measured on
 * @param descriptions which descriptions are read
 * @param undescribed whether the predictor only scores images without a description, beside the one that the model has;
 *     false by default
 * @param blend what the score without a description, by this predictor, has to say in that of a described image; null, the
 *     default, for nothing
 * @param blendedWith for each aspect of a blend the scores by the predictor that the model has for described images, of
 *     images that it did not learn from, as {@code train} writes them to {@code calibration.csv}: intervals are then those of
 *     the blended scores. None by default
 * @param head the network of the predictor
 * @param loss what is minimised
 * @param matcher what tells beside the predictor of correspondence whether a picture is one of its prompt; null, the
 *     default, for nothing
 * @param augmentation what else is learned from; nothing by default
 * @param optimization how weights are changed
 * @param averaging how much of the running average of the weights a step leaves, from 0 to below 1: the averages are
 *     validated and exported. 0, the default, for the weights themselves
 * @param epochs how often all images are learned from
 * @param refit whether the predictor is trained anew, for the epochs that the validation images chose, with these images too;
 *     false by default
 * @param refitCalibration whether it is trained once more, with the calibration images, too, when intervals are made; false
 *     by default
 * @param batchSize conversations a step
 * @param evaluateEvery the epochs between two validations, each with a checkpoint
 * @param dtype {@code bf16} or {@code fp32}, for the language model
 * @param device {@code cpu}, {@code cuda} or {@code cuda:N}
 * @param seed decides the order of the images, the first weights and random splits
 * @param variants the same run with other keys, by name: an ablation. Empty for one run; with variants, the keys above
 *     are the defaults, and each variant is run
 */
public record TrainRecipe(
        String name,
        Path model,
        Path output,
        Path cache,
        Path dataset,

        @JsonFormat(shape = JsonFormat.Shape.ARRAY) @Nullable
        Scale scale,

        MissingImages missingImages,
        Map<Aspect, ConversationFiles> conversations,
        SplitSettings split,
        DescriptionSettings descriptions,
        Boolean undescribed,
        @Nullable Blend blend,
        Map<Aspect, Path> blendedWith,
        HeadSettings head,
        LossSettings loss,
        @Nullable MatcherSettings matcher,
        AugmentationSettings augmentation,
        Optimization optimization,
        Double averaging,
        int epochs,
        Boolean refit,
        Boolean refitCalibration,
        int batchSize,
        int evaluateEvery,
        String dtype,
        String device,
        long seed,
        Map<String, Variant> variants) {
    /**
     * The conversation files of one aspect.
     *
     * @param train the authors' training list
     * @param test the authors' test list; null if they published none
     */
    public record ConversationFiles(Path train, @Nullable Path test) {
        public ConversationFiles {
            Required.of("train", train);
        }
    }

    /** What a variant has different; null for what it has not. */
    public record Variant(
            @Nullable DescriptionSettings descriptions,
            @Nullable HeadSettings head,
            @Nullable LossSettings loss) {}

    public TrainRecipe {
        Recipes.name(name);
        Required.of("model", model);
        Required.of("output", output);
        Required.of("cache", cache);
        Required.of("dataset", dataset);
        Required.of("missingImages", missingImages);
        if (Required.of("conversations", conversations).isEmpty()) {
            throw new IllegalArgumentException("conversations names no aspect");
        }
        conversations = Collections.unmodifiableMap(new EnumMap<>(conversations));
        if (Required.of("split", split).protocol() == Protocol.AUTHORS) {
            conversations.forEach((aspect, files) -> {
                if (files.test == null) {
                    throw new IllegalArgumentException(
                            "protocol: authors measures on the images of conversations.%s.test, which is not given; name that file, or take another protocol"
                                    .formatted(aspect.id()));
                }
            });
        }
        Required.of("descriptions", descriptions);
        undescribed = undescribed != null && undescribed;
        if (undescribed && descriptions.rounds() != Rounds.NONE) {
            throw new IllegalArgumentException(
                    "undescribed: true reads no description; say descriptions: {rounds: none}");
        }
        if (blend != null && !undescribed && descriptions.rounds() != Rounds.OWN_OR_NONE) {
            throw new IllegalArgumentException(
                    "blend goes with descriptions: {rounds: own_or_none} or with undescribed: true; leave it out");
        }
        blendedWith = blendedWith == null ? Map.of() : Map.copyOf(blendedWith);
        if (!blendedWith.isEmpty()
                && !(undescribed
                        && blend != null
                        && split.calibrationShare() > 0
                        && conversations.keySet().containsAll(blendedWith.keySet()))) {
            throw new IllegalArgumentException(
                    "blendedWith goes with undescribed: true, a blend, a calibrationShare above 0 and conversations of the same aspect");
        }
        Required.of("head", head);
        Required.of("loss", loss);
        if (matcher != null && !conversations.containsKey(Aspect.CORRESPONDENCE)) {
            throw new IllegalArgumentException(
                    "matcher goes with correspondence, of which there are no conversations; leave it out");
        }
        if (matcher != null && head.reads() == Reads.TOWER) {
            throw new IllegalArgumentException("matcher goes with head.reads: hidden, not with tower; leave one out");
        }
        augmentation = augmentation == null ? AugmentationSettings.NONE : augmentation;
        Required.of("optimization", optimization);
        averaging = averaging == null ? Double.valueOf(0) : averaging;
        if (!(averaging >= 0 && averaging < 1)) {
            throw new IllegalArgumentException("averaging must be from 0 to below 1, not " + averaging);
        }
        Recipes.positive("epochs", epochs);
        refit = refit != null && refit;
        refitCalibration = refitCalibration != null && refitCalibration;
        if (split.calibrationFolds() > 0 && (refitCalibration || !refit)) {
            throw new IllegalArgumentException(
                    "calibrateOn: folds sets nothing apart, so it goes with refit: true and without refitCalibration");
        }
        if (refitCalibration && !(refit && split.calibrationShare() > 0)) {
            throw new IllegalArgumentException(
                    "refitCalibration: true goes with refit: true and a calibrationShare above 0");
        }
        Recipes.positive("batchSize", batchSize);
        Recipes.positive("evaluateEvery", evaluateEvery);
        Recipes.dtype(dtype);
        Device.parse(Required.of("device", device));
        variants = variants == null ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(variants));
        variants.keySet().forEach(Recipes::name);
        Stream<HeadSettings> heads = Stream.concat(
                Stream.of(head), variants.values().stream().map(Variant::head).filter(Objects::nonNull));
        if (!undescribed && heads.anyMatch(any -> any.reads() == Reads.TOWER)) {
            throw new IllegalArgumentException(
                    "head.reads: tower reads no conversation, so it goes with undescribed: true");
        }
        if (undescribed && !variants.isEmpty()) {
            throw new IllegalArgumentException(
                    "undescribed: true makes a model, and variants make none; leave one out");
        }
    }

    /** The runs of this recipe, each without variants, by their names. */
    Map<String, TrainRecipe> runs() {
        if (variants.isEmpty()) {
            return Map.of(name, this);
        }
        Map<String, TrainRecipe> runs = new LinkedHashMap<>();
        variants.forEach((variant, other) -> runs.put(variant, with(other)));
        return runs;
    }

    private TrainRecipe with(Variant other) {
        return new TrainRecipe(
                name,
                model,
                output,
                cache,
                dataset,
                scale,
                missingImages,
                conversations,
                split,
                other.descriptions == null ? descriptions : other.descriptions,
                undescribed,
                blend,
                blendedWith,
                other.head == null ? head : other.head,
                other.loss == null ? loss : other.loss,
                matcher,
                augmentation,
                optimization,
                averaging,
                epochs,
                refit,
                refitCalibration,
                batchSize,
                evaluateEvery,
                dtype,
                device,
                seed,
                Map.of());
    }
}
