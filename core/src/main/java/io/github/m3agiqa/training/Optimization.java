package io.github.m3agiqa.training;

import io.github.m3agiqa.Required;
import java.util.List;

/**
 * How weights are changed: AdamW with a learning rate that follows a schedule.
 *
 * @param learningRate the largest learning rate, positive
 * @param betas the decay of the two moments, each in [0, 1)
 * @param epsilon added to the root of the second moment
 * @param weightDecay what a weight loses in a step, times the learning rate
 * @param maxGradientNorm longer gradients are shortened to this length; 0 leaves them as they are
 * @param schedule how the learning rate changes over the steps
 * @see <a href="https://arxiv.org/abs/1711.05101">AdamW</a>
 */
public record Optimization(
        double learningRate,
        List<Double> betas,
        double epsilon,
        double weightDecay,
        double maxGradientNorm,
        Schedule schedule) {
    public Optimization {
        if (!(learningRate > 0) || !(epsilon > 0) || !(weightDecay >= 0) || !(maxGradientNorm >= 0)) {
            throw new IllegalArgumentException(
                    "learningRate and epsilon must be positive, weightDecay and maxGradientNorm not negative");
        }
        if (betas == null || betas.size() != 2 || betas.stream().anyMatch(beta -> !(beta >= 0 && beta < 1))) {
            throw new IllegalArgumentException("betas must be two numbers from 0 to below 1, such as [0.9, 0.999]");
        }
        betas = List.copyOf(betas);
        Required.of("schedule", schedule);
    }
}
