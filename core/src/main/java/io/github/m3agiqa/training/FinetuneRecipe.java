package io.github.m3agiqa.training;

import com.fasterxml.jackson.annotation.JsonFormat;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Required;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.tensor.Device;
import java.nio.file.Path;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The recipe of a LoRA fine-tuning. Paths are relative to the current folder.
 *
 * @param name the name of the model that is made
 * @param model the folder of the model that is tuned; only its base is used
 * @param output the folder of the run
 * @param dataset the folder of the images and their scores
 * @param scale the range of the dataset's scores where its layout does not say it, such as [0, 100]; null for what is known
 * @param missingImages what becomes of conversations whose image is not there
 * @param conversations for each aspect what was said about the images
 * @param alsoFor other aspects of the model that the adapter is for, too, though there are no conversations about them; none by
 *     default
 * @param heldOut conversation files whose images are left out, such as the test lists of aspects whose splits differ;
 *     none by default
 * @param calibrationShare the share of prompts whose conversations are left out, as prediction intervals are made of
 *     their images later: that of the train recipe. 0 by default
 * @param validationShare the share of prompts whose conversations are kept to choose a checkpoint by, where an aspect has
 *     no file of its own for that; from 0 to below 1
 * @param lora what is trained
 * @param optimization how it is changed
 * @param tower how the states keep what the tower sees; null if nothing sees to that
 * @param steps how often the weights are changed
 * @param batchSize conversations read in one pass
 * @param accumulation passes a step
 * @param maxLength longer conversations lose their end, in tokens
 * @param maxSlices the largest number of tiles of an image
 * @param gradientCheckpointing whether activations are computed again in the backward pass, which saves memory
 * @param dtype {@code bf16} or {@code fp32}; what is trained is float32 in both
 * @param device {@code cpu}, {@code cuda} or {@code cuda:N}
 * @param evaluateEvery the steps between two validations, each with a checkpoint
 * @param keepCheckpoints how many of the latest checkpoints are kept, besides the best
 * @param seed decides the order of the conversations, the first weights and what is dropped out
 */
public record FinetuneRecipe(
        String name,
        Path model,
        Path output,
        Path dataset,

        @JsonFormat(shape = JsonFormat.Shape.ARRAY) @Nullable
        Scale scale,

        MissingImages missingImages,
        Map<Aspect, ConversationFiles> conversations,
        Set<Aspect> alsoFor,
        List<Path> heldOut,
        Double calibrationShare,
        double validationShare,
        LoraSettings lora,
        Optimization optimization,
        @Nullable TowerSettings tower,
        long steps,
        int batchSize,
        int accumulation,
        int maxLength,
        int maxSlices,
        boolean gradientCheckpointing,
        String dtype,
        String device,
        long evaluateEvery,
        int keepCheckpoints,
        long seed) {
    /**
     * The conversation files of one aspect.
     *
     * @param train what is learned from
     * @param validation what a checkpoint is chosen by; null to keep some of the others for that
     */
    public record ConversationFiles(Path train, @Nullable Path validation) {
        public ConversationFiles {
            Required.of("train", train);
        }
    }

    /**
     * How the hidden states of a picture keep what the vision tower sees in it, see {@link
     * io.github.m3agiqa.mllm.TowerReadout}. The tower must not be trained then.
     *
     * @param weight of the mean squared error of what is read, beside the loss of the answers
     * @param spoilt pictures of a pass that are read spoilt besides, each in one of the ways of
     *     {@link io.github.m3agiqa.image.Degradation}
     */
    public record TowerSettings(double weight, int spoilt) {
        public TowerSettings {
            if (!(weight > 0) || spoilt < 0) {
                throw new IllegalArgumentException(
                        "weight must be positive and spoilt at least 0, not %s and %d".formatted(weight, spoilt));
            }
        }
    }

    public FinetuneRecipe {
        Recipes.name(name);
        Required.of("model", model);
        Required.of("output", output);
        Required.of("dataset", dataset);
        Required.of("missingImages", missingImages);
        if (Required.of("conversations", conversations).isEmpty()) {
            throw new IllegalArgumentException("conversations names no aspect");
        }
        conversations = Collections.unmodifiableMap(new EnumMap<>(conversations));
        alsoFor = alsoFor == null ? Set.of() : Set.copyOf(alsoFor);
        heldOut = heldOut == null ? List.of() : List.copyOf(heldOut);
        calibrationShare = calibrationShare == null ? 0 : calibrationShare;
        Required.of("lora", lora);
        Required.of("optimization", optimization);
        if (tower != null && tower.spoilt > batchSize) {
            throw new IllegalArgumentException(
                    "tower: spoilt is %d, more than the %d of a pass".formatted(tower.spoilt, batchSize));
        }
        if (tower != null && lora.alsoTrain().contains(LoraSettings.Part.VISION)) {
            throw new IllegalArgumentException("tower is for a tower that stays; leave vision out of alsoTrain");
        }
        Recipes.positive("steps", steps);
        Recipes.positive("batchSize", batchSize);
        Recipes.positive("accumulation", accumulation);
        Recipes.positive("maxLength", maxLength);
        Recipes.positive("maxSlices", maxSlices);
        Recipes.positive("evaluateEvery", evaluateEvery);
        Recipes.positive("keepCheckpoints", keepCheckpoints);
        if (!(validationShare >= 0 && validationShare < 1)) {
            throw new IllegalArgumentException("validationShare must be from 0 to below 1, not " + validationShare);
        }
        Recipes.dtype(dtype);
        Device.parse(Required.of("device", device));
    }
}
