package io.github.m3agiqa.predictor;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** How the weights of a predictor are named in a file. {@link Predictor} reads both. */
public enum PredictorNames {
    /** {@code W.weight}, {@code fc.0.weight} and so on. */
    BARE(""),
    /** {@code model.W.weight}, {@code model.fc.0.weight} and so on, as in the published Lightning checkpoints. */
    LIGHTNING(Predictor.LIGHTNING + ".");

    private final String prefix;

    PredictorNames(String prefix) {
        this.prefix = prefix;
    }

    /** The same weights in the same order under these names, whichever they have. */
    public Map<String, Tensor> of(Map<String, Tensor> weights) {
        Map<String, Tensor> named = new LinkedHashMap<>();
        weights.forEach((name, tensor) -> named.put(
                prefix + (name.startsWith(LIGHTNING.prefix) ? name.substring(LIGHTNING.prefix.length()) : name),
                tensor));
        return named;
    }
}
