package io.github.m3agiqa.training;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.dataset.Split;
import io.github.m3agiqa.evaluation.Conformal;
import io.github.m3agiqa.hub.Sha256;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * One predictor to be trained.
 *
 * @param variant of the recipe, by its name
 * @param recipe that of the variant
 * @param split what it learns from, what chooses its epoch and what it is measured on
 * @param calibration the images that its intervals are made of
 */
record PredictorUnit(String variant, TrainRecipe recipe, Aspect aspect, Split split, List<Sample> calibration) {
    private static final int HASH_DIGITS = 8;

    /**
     * Sets a part of the training images apart to calibrate on, and then whole prompts to choose an epoch by.
     *
     * @throws InputException if the recipe's share of images to calibrate on is too few of them
     */
    static PredictorUnit of(String variant, TrainRecipe recipe, Aspect aspect, Split split) {
        SplitSettings shares = recipe.split();
        List<Sample> calibration = List.of();
        Split left = split;
        if (shares.calibrationShare() > 0) {
            Map<Boolean, List<Sample>> train =
                    split.train().stream().collect(Collectors.partitioningBy(shares::calibratesOn));
            calibration = train.getOrDefault(true, List.of());
            if (calibration.isEmpty()) {
                throw new InputException("calibrationShare %s chooses none of the %d training images; raise it"
                        .formatted(shares.calibrationShare(), split.train().size()));
            }
            long prompts = calibration.stream().map(Sample::group).distinct().count();
            if (calibration.size() < Conformal.FEWEST || prompts < Conformal.FEWEST_GROUPS) {
                throw new InputException(
                        "%s, %s: calibrationShare %s chooses %d images of %d prompts, and intervals need %d images of %d prompts at least; raise it, or set it to 0 for no intervals"
                                .formatted(
                                        split.name(),
                                        aspect.id(),
                                        shares.calibrationShare(),
                                        calibration.size(),
                                        prompts,
                                        Conformal.FEWEST,
                                        Conformal.FEWEST_GROUPS));
            }
            left = new Split(split.name(), train.getOrDefault(false, List.of()), split.validation(), split.test());
        }
        return new PredictorUnit(
                variant, recipe, aspect, left.withValidation(shares.validationShare(), recipe.seed()), calibration);
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
    List<PredictorUnit> trainings() {
        List<PredictorUnit> trainings = new ArrayList<>(List.of(this));
        if (recipe.refit()) {
            trainings.add(learningFrom(List.of(split.train(), split.validation())));
        }
        if (recipe.refitCalibration()) {
            trainings.add(learningFrom(List.of(split.train(), split.validation(), calibration)));
        }
        return trainings;
    }

    /** The last of the trainings that the calibration images are new to. */
    int calibrated() {
        return recipe.refit() ? 1 : 0;
    }

    /** Only correspondence is about the prompt. */
    Optional<MatcherSettings> matcher() {
        return Optional.ofNullable(recipe.matcher()).filter(_ -> aspect == Aspect.CORRESPONDENCE);
    }

    /** The same with nothing to choose an epoch by. */
    private PredictorUnit learningFrom(List<List<Sample>> parts) {
        List<Sample> all = parts.stream().flatMap(List::stream).toList();
        return new PredictorUnit(
                variant, recipe, aspect, new Split(split.name(), all, List.of(), split.test()), calibration);
    }
}
