package io.github.m3agiqa.training;

import io.github.m3agiqa.Required;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.Prompts;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.dataset.Split;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is trained on and what is measured on.
 *
 * @param protocol how images are dealt out
 * @param folds for {@code prompt_folds}, at least 2
 * @param fold for {@code prompt_folds}, the only one that is trained and measured, from 1; all by default
 * @param testShare for {@code random}, the share of images that is measured on
 * @param validationShare the share of training prompts that choose a checkpoint, so that test images never do
 * @param calibrationShare the share of prompts, or of images, that prediction intervals are made of, with folds the share
 *     of prompts that one is; 0 for no intervals
 * @param calibrateOn what they are made of; prompts by default
 */
public record SplitSettings(
        Protocol protocol,
        int folds,
        @Nullable Integer fold,
        double testShare,
        double validationShare,
        double calibrationShare,
        CalibrateOn calibrateOn) {
    /** What intervals are made of: they hold for images that are drawn like these. */
    public enum CalibrateOn {
        /** Whole prompts, see {@link Prompts#calibrateOn}: intervals for images of prompts that were not learned from. */
        PROMPTS,
        /** Images, see {@link Prompts#calibrateOnImage}: intervals for a split whose prompts occur in both of its parts. */
        IMAGES,
        /**
         * All training images, each by a predictor that learned from no image of its prompt, see {@link Split#folds}:
         * nothing is set apart, and intervals are made of many more images.
         */
        FOLDS
    }

    /** The protocols of the field. */
    public enum Protocol {
        /** As the authors' conversation files list the images. */
        AUTHORS,
        /** As the dataset's own files state it. */
        STATED,
        /** By images, with a seed. */
        RANDOM,
        /** Folds in which no prompt is both trained and measured on. */
        PROMPT_FOLDS,
        /** For each generator a split that measures on it and trains on the others. */
        LEAVE_ONE_GENERATOR_OUT
    }

    public SplitSettings {
        Required.of("protocol", protocol);
        if (protocol == Protocol.PROMPT_FOLDS && folds < 2) {
            throw new IllegalArgumentException("folds must be at least 2, not " + folds);
        }
        if (fold != null && (protocol != Protocol.PROMPT_FOLDS || fold < 1 || fold > folds)) {
            throw new IllegalArgumentException("fold is %d, which is none of the %d of protocol: prompt_folds"
                    .formatted(fold, protocol == Protocol.PROMPT_FOLDS ? folds : 0));
        }
        if (protocol == Protocol.RANDOM && !(testShare > 0 && testShare < 1)) {
            throw new IllegalArgumentException("testShare must be between 0 and 1, not " + testShare);
        }
        if (!(validationShare > 0) || !(calibrationShare >= 0) || !(validationShare + calibrationShare < 1)) {
            throw new IllegalArgumentException(
                    "validationShare must be above 0, calibrationShare at least 0, and both together below 1");
        }
        calibrateOn = calibrateOn == null ? CalibrateOn.PROMPTS : calibrateOn;
        if (calibrateOn == CalibrateOn.FOLDS && !(calibrationShare > 0 && calibrationShare <= 0.5)) {
            throw new IllegalArgumentException(
                    "calibrateOn: folds goes with a calibrationShare above 0 and at most 0.5, as 0.2 for five folds, not "
                            + calibrationShare);
        }
    }

    /** The folds that intervals are made of; 0 if a part of the images is set apart for them, or there are none. */
    int calibrationFolds() {
        return calibrateOn == CalibrateOn.FOLDS ? (int) Math.round(1 / calibrationShare) : 0;
    }

    /** Whether an image is set apart to make intervals of, and not learned from. */
    boolean calibratesOn(Sample sample) {
        return switch (calibrateOn) {
            case PROMPTS -> Prompts.calibrateOn(sample, calibrationShare);
            case IMAGES -> Prompts.calibrateOnImage(sample, calibrationShare);
            case FOLDS -> false;
        };
    }

    /** The splits of a dataset, without their validation parts. */
    List<Split> of(Dataset dataset, List<Conversation> train, List<Conversation> test, long seed) {
        return switch (protocol) {
            case AUTHORS -> List.of(Split.ofConversations(dataset, train, test));
            case STATED -> List.of(Split.stated(dataset));
            case RANDOM -> List.of(Split.random(dataset, testShare, seed));
            case PROMPT_FOLDS -> {
                List<Split> all = Split.groupFolds(dataset, folds, seed);
                yield fold == null ? all : List.of(all.get(fold - 1));
            }
            case LEAVE_ONE_GENERATOR_OUT -> Split.leaveOneGeneratorOut(dataset);
        };
    }
}
