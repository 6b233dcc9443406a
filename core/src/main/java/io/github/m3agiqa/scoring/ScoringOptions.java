package io.github.m3agiqa.scoring;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.weights.ModelWeights.LoraMode;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * How a model is to be used.
 *
 * @param aspects the aspects to score; empty for all that the model has
 * @param device where to compute
 * @param precision how to compute
 * @param loraMode whether adapters are merged into the base; see {@link #loraModeFor} for what is done if nothing is said
 * @param describe whether the model describes the image before it is asked to rate it
 * @param beams overrides the manifest's number of beams, at least 1
 * @param maxNewTokens overrides the manifest's longest description, at least 1
 * @param limits what an image may cost
 */
public record ScoringOptions(
        Set<Aspect> aspects,
        Device device,
        Precision precision,
        Optional<LoraMode> loraMode,
        boolean describe,
        OptionalInt beams,
        OptionalInt maxNewTokens,
        ImageDecoder.Limits limits) {
    /** All aspects with descriptions, on the processor, in bfloat16. */
    public static final ScoringOptions DEFAULT = new ScoringOptions(
            Set.of(),
            Device.CPU,
            Precision.BF16,
            Optional.empty(),
            true,
            OptionalInt.empty(),
            OptionalInt.empty(),
            ImageDecoder.Limits.DEFAULT);

    public ScoringOptions {
        aspects = Set.copyOf(aspects);
        if (beams.orElse(1) < 1 || maxNewTokens.orElse(1) < 1) {
            throw new IllegalArgumentException(
                    "beams and maxNewTokens must be at least 1: %s, %s".formatted(beams, maxNewTokens));
        }
    }

    /**
     * What becomes of a model's adapters. If nothing is said, an adapter is merged where it is the only one and matrices
     * are made anew in any case, as they are packed, or are small enough to be: its branch is a part of a hundred of the
     * numbers, but a quarter to a third of the time. In float32, which is there to be compared with the reference, it is as
     * there. Which aspects are asked for makes no difference, as no score depends on that.
     *
     * @throws io.github.m3agiqa.ModelException if the model's base is missing or cannot be looked at
     */
    public LoraMode loraModeFor(ModelFolder model) {
        return loraMode.orElseGet(() -> merges(model) ? LoraMode.MERGED : LoraMode.UNMERGED);
    }

    private boolean merges(ModelFolder model) {
        long adapters = model.manifest().aspects().values().stream()
                .map(AspectManifest::adapter)
                .filter(Objects::nonNull)
                .distinct()
                .count();
        return adapters == 1 && (precision.packed() || (precision == Precision.BF16 && model.small()));
    }

    public ScoringOptions withDevice(Device other) {
        return new ScoringOptions(aspects, other, precision, loraMode, describe, beams, maxNewTokens, limits);
    }

    public ScoringOptions withPrecision(Precision other) {
        return new ScoringOptions(aspects, device, other, loraMode, describe, beams, maxNewTokens, limits);
    }

    public ScoringOptions withLoraMode(LoraMode other) {
        return new ScoringOptions(
                aspects, device, precision, Optional.of(other), describe, beams, maxNewTokens, limits);
    }

    public ScoringOptions withDescribe(boolean other) {
        return new ScoringOptions(aspects, device, precision, loraMode, other, beams, maxNewTokens, limits);
    }

    public ScoringOptions withMaxNewTokens(int other) {
        return new ScoringOptions(aspects, device, precision, loraMode, describe, beams, OptionalInt.of(other), limits);
    }

    public ScoringOptions withAspects(Set<Aspect> other) {
        return new ScoringOptions(other, device, precision, loraMode, describe, beams, maxNewTokens, limits);
    }
}
