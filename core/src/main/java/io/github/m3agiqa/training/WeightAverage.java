package io.github.m3agiqa.training;

import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.HeldTensors;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/**
 * A running average of weights in training, which is less of an accident than their last values.
 *
 * @see <a href="https://epubs.siam.org/doi/10.1137/0330046">Acceleration of stochastic approximation by averaging</a>
 */
final class WeightAverage {
    private final Map<String, Tensor> weights;
    private final HeldTensors average;
    private final double decay;

    /**
     * Begins with the weights as they are.
     *
     * @param weights in a fixed order
     * @param decay how much of the average a step leaves, from 0 to below 1; 0 for the weights themselves
     */
    WeightAverage(Map<String, Tensor> weights, double decay) {
        this.weights = weights;
        this.decay = decay;
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            Map<String, Tensor> copies = new LinkedHashMap<>();
            weights.forEach((name, weight) -> copies.put(name, weight.detach().clone()));
            this.average = new HeldTensors("the averaged predictor", copies);
        }
    }

    /** The averaged tensors, to be closed by the predictor that is built over them. */
    HeldTensors tensors() {
        return average;
    }

    /**
     * Takes in the weights after a step. At first the average forgets faster, so that the first weights do not linger.
     *
     * @param step counted from 0
     */
    void update(long step) {
        double kept = Math.min(decay, (1.0 + step) / (10.0 + step));
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            Iterator<Tensor> averages = average.held().values().iterator();
            for (Tensor weight : weights.values()) {
                Tensor held = averages.next();
                held.copy_(Torch.scale(held, kept).add(Torch.scale(weight, 1 - kept)));
            }
        }
    }
}
