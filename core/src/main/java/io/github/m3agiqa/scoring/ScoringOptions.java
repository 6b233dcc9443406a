package io.github.m3agiqa.scoring;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.weights.ModelWeights.LoraMode;
import java.util.OptionalInt;
import java.util.Set;

/**
 * How a model is to be used.
 *
 * @param aspects the aspects to score; empty for all that the model has
 * @param device where to compute
 * @param precision how to compute
 * @param loraMode whether adapters are merged into the base
 * @param describe whether the model describes the image before it is asked to rate it
 * @param beams overrides the manifest's number of beams
 * @param maxNewTokens overrides the manifest's longest description
 * @param limits what an image may cost
 */
public record ScoringOptions(
        Set<Aspect> aspects,
        Device device,
        Precision precision,
        LoraMode loraMode,
        boolean describe,
        OptionalInt beams,
        OptionalInt maxNewTokens,
        ImageDecoder.Limits limits) {
    /** All aspects with descriptions, on the processor, in bfloat16. */
    public static final ScoringOptions DEFAULT = new ScoringOptions(
            Set.of(),
            Device.CPU,
            Precision.BF16,
            LoraMode.UNMERGED,
            true,
            OptionalInt.empty(),
            OptionalInt.empty(),
            ImageDecoder.Limits.DEFAULT);

    public ScoringOptions {
        aspects = Set.copyOf(aspects);
    }

    public ScoringOptions withDevice(Device other) {
        return new ScoringOptions(aspects, other, precision, loraMode, describe, beams, maxNewTokens, limits);
    }

    public ScoringOptions withPrecision(Precision other) {
        return new ScoringOptions(aspects, device, other, loraMode, describe, beams, maxNewTokens, limits);
    }

    public ScoringOptions withLoraMode(LoraMode other) {
        return new ScoringOptions(aspects, device, precision, other, describe, beams, maxNewTokens, limits);
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
