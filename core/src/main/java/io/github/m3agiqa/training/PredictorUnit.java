package io.github.m3agiqa.training;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.dataset.Split;
import io.github.m3agiqa.evaluation.Conformal;
import io.github.m3agiqa.hub.ModelManifest.Blend;
import io.github.m3agiqa.hub.Sha256;
import io.github.m3agiqa.training.DescriptionSettings.Rounds;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One predictor to be trained.
 *
 * @param variant of the recipe, by its name
 * @param recipe that of the variant
 * @param split what it learns from, what chooses its epoch and what it is measured on
 * @param calibration the images that are set apart to make its intervals of
 */
record PredictorUnit(String variant, TrainRecipe recipe, Aspect aspect, Split split, List<Sample> calibration) {
    private static final int HASH_DIGITS = 8;

    /** Why a predictor is trained. */
    enum Purpose {
        /** To choose the epoch. */
        CHOICE,
        /** To make intervals of a fold that it does not learn from. */
        FOLD,
        /** To learn from the images that chose the epoch, too. */
        REFIT,
        /** And from those that intervals were made of. */
        WHOLE
    }

    /**
     * One of the trainings of a unit.
     *
     * @param folder its name in the folder of the unit, empty for that itself
     * @param unit the same with other parts: what this training learns from, and the test images that it is there to score
     */
    record Training(Purpose purpose, String folder, PredictorUnit unit) {}

    /**
     * Sets a part of the training images apart to calibrate on, and then whole prompts to choose an epoch by.
     *
     * @throws InputException if the recipe's share of images to calibrate on is too few of them
     */
    static PredictorUnit of(String variant, TrainRecipe recipe, Aspect aspect, Split split) {
        SplitSettings shares = recipe.split();
        List<Sample> calibration = List.of();
        Split left = split;
        if (shares.calibrationFolds() > 0) {
            checkEnough(split.train(), shares.calibrationFolds(), split.name(), aspect, shares);
        } else if (shares.calibrationShare() > 0) {
            Map<Boolean, List<Sample>> train =
                    split.train().stream().collect(Collectors.partitioningBy(shares::calibratesOn));
            calibration = train.getOrDefault(true, List.of());
            if (calibration.isEmpty()) {
                throw new InputException("calibrationShare %s chooses none of the %d training images; raise it"
                        .formatted(shares.calibrationShare(), split.train().size()));
            }
            checkEnough(calibration, Conformal.FEWEST_GROUPS, split.name(), aspect, shares);
            left = new Split(split.name(), train.getOrDefault(false, List.of()), split.validation(), split.test());
        }
        return new PredictorUnit(
                variant, recipe, aspect, left.withValidation(shares.validationShare(), recipe.seed()), calibration);
    }

    private static void checkEnough(
            List<Sample> calibration, int fewestPrompts, String split, Aspect aspect, SplitSettings shares) {
        long prompts = calibration.stream().map(Sample::group).distinct().count();
        if (calibration.size() < Conformal.FEWEST || prompts < fewestPrompts) {
            throw new InputException(
                    "%s, %s: calibrationShare %s chooses %d images of %d prompts, and intervals need %d images of %d prompts at least; raise it, or set it to 0 for no intervals"
                            .formatted(
                                    split,
                                    aspect.id(),
                                    shares.calibrationShare(),
                                    calibration.size(),
                                    prompts,
                                    Conformal.FEWEST,
                                    fewestPrompts));
        }
    }

    /** A name for its folder. Two splits that have the same characters left are told apart by their hashes. */
    String name() {
        String plain = split.name().replaceAll("[^\\w.]+", "-");
        String told = plain.equals(split.name())
                ? plain
                : plain + "-"
                        + Sha256.of(split.name().getBytes(StandardCharsets.UTF_8))
                                .substring(0, HASH_DIGITS);
        return "%s-%s-%s".formatted(variant, aspect.id(), told);
    }

    /** At most, as the later trainings end with the best epoch of the first one. */
    long epochs() {
        return (long) trainings().size() * recipe.epochs();
    }

    /** What is trained one after the other. */
    List<Training> trainings() {
        List<Training> trainings = new ArrayList<>(List.of(new Training(Purpose.CHOICE, "", this)));
        List<Sample> learned = learned();
        List<Set<Sample>> folds = recipe.split().calibrationFolds() == 0
                ? List.of()
                : Split.folds(learned, recipe.split().calibrationFolds(), recipe.seed());
        for (Set<Sample> fold : folds) {
            trainings.add(new Training(
                    Purpose.FOLD,
                    "fold-" + trainings.size(),
                    learningFrom(
                            learned.stream()
                                    .filter(sample -> !fold.contains(sample))
                                    .toList(),
                            learned.stream().filter(fold::contains).toList())));
        }
        if (recipe.refit()) {
            trainings.add(new Training(Purpose.REFIT, "refit", learningFrom(learned, split.test())));
        }
        if (recipe.refitCalibration()) {
            List<Sample> all =
                    Stream.of(learned, calibration).flatMap(List::stream).toList();
            trainings.add(new Training(Purpose.WHOLE, "whole", learningFrom(all, split.test())));
        }
        return trainings;
    }

    /** The last of the trainings that images which are set apart to make intervals of are new to. */
    Purpose calibrating() {
        return recipe.refit() ? Purpose.REFIT : Purpose.CHOICE;
    }

    /** The images that its intervals are made of, set apart or not. */
    List<Sample> calibrated() {
        return recipe.split().calibrationFolds() == 0 ? calibration : learned();
    }

    private List<Sample> learned() {
        return Stream.of(split.train(), split.validation())
                .flatMap(List::stream)
                .toList();
    }

    /** Only correspondence is about the prompt. */
    Optional<MatcherSettings> matcher() {
        return Optional.ofNullable(recipe.matcher()).filter(_ -> aspect == Aspect.CORRESPONDENCE);
    }

    /** What a described score is made of, if what its own predictor says without the description is a part of it. */
    Optional<Blend> blend() {
        return Optional.ofNullable(recipe.blend())
                .filter(_ -> recipe.descriptions().rounds() == Rounds.OWN_OR_NONE);
    }

    /** The same with nothing to choose an epoch by. */
    private PredictorUnit learningFrom(List<Sample> samples, List<Sample> test) {
        return new PredictorUnit(
                variant, recipe, aspect, new Split(split.name(), samples, List.of(), test), calibration);
    }
}
