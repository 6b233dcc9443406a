package io.github.m3agiqa.training;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Calibration;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.hub.ModelManifest.Blend;
import io.github.m3agiqa.hub.ModelManifest.ScoreHead;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The model folder that a run of {@code train} makes. */
final class TrainedModel {
    private TrainedModel() {}

    /**
     * Writes {@code model/} of a run, which scores with the run's predictors, and other aspects as the model does that they read.
     *
     * @param model what they read the hidden states of; its parts stay where they are
     * @param units one an aspect, all of them trained
     */
    static void write(RunFolder run, TrainRecipe recipe, ModelFolder model, List<PredictorUnit> units)
            throws IOException {
        Path made = Files.createDirectories(run.resolve("model"));
        ModelManifest before = model.manifest();
        Map<Aspect, AspectManifest> aspects = new EnumMap<>(Aspect.class);
        before.aspects()
                .forEach((aspect, settings) ->
                        aspects.put(aspect, settings.moved((_, path) -> RunFolder.relative(made, model.part(path)))));
        for (PredictorUnit unit : units) {
            UnitFolder folder = UnitFolder.of(run, unit);
            ScoreHead head = head(unit, folder, made);
            Optional<Calibration> blended = folder.blendedCalibration();
            aspects.computeIfPresent(
                    unit.aspect(),
                    (_, settings) -> recipe.undescribed()
                            ? beside(settings, head, recipe.blend(), blended)
                            : settings.withPredictor(head, recipe.blend()));
        }
        ModelFolder.write(
                made, before.derived(recipe.name(), RunFolder.relative(made, model.part(before.base())), aspects));
    }

    /** With the intervals of blended scores for all images that have such a score. */
    private static AspectManifest beside(
            AspectManifest settings, ScoreHead undescribed, @Nullable Blend blend, Optional<Calibration> blended) {
        AspectManifest both = settings.withUndescribed(undescribed, blend);
        if (blended.isEmpty()) {
            return both;
        }
        AspectManifest calibrated = both.withCalibration(true, blended.get());
        return blend != null && blend.always() ? calibrated.withCalibration(false, blended.get()) : calibrated;
    }

    /** Copies a predictor, and its matcher if it has one, to the model. */
    private static ScoreHead head(PredictorUnit unit, UnitFolder folder, Path made) throws IOException {
        String aspect = unit.aspect().id();
        String predictor = aspect + ".safetensors";
        copy(folder.predictor(), made.resolve(predictor));
        String matcher = null;
        if (unit.matcher().isPresent()) {
            matcher = aspect + ".matcher.safetensors";
            copy(folder.matcher(), made.resolve(matcher));
        }
        HeadSettings network = unit.recipe().head();
        return new ScoreHead(
                predictor,
                network.kind().id(),
                network.pooler().id(),
                network.reads().input().id(),
                matcher,
                folder.calibration().orElse(null));
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
    }
}
