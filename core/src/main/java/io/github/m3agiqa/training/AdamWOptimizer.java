package io.github.m3agiqa.training;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.tensor.Scope;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Predicate;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.InputArchive;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.bytedeco.pytorch.OutputArchive;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** The engine's AdamW over named weights, some of which decay. */
final class AdamWOptimizer implements AutoCloseable {
    private final Optimization settings;
    private final TensorVector weights;
    private final AdamW adamW;

    /**
     * An optimizer.
     *
     * @param weights what is trained, as far as it takes gradients; their order decides how the state is stored
     * @param decays the names of the weights that decay
     */
    AdamWOptimizer(Map<String, Tensor> weights, Predicate<String> decays, Optimization settings) {
        this.settings = settings;
        this.weights = named(weights, _ -> true);
        TensorVector decaying = named(weights, decays);
        TensorVector others = named(weights, decays.negate());
        this.adamW = new AdamW(decaying, options(settings.weightDecay()));
        adamW.add_param_group(new OptimizerParamGroup(others, options(0)));
    }

    private static TensorVector named(Map<String, Tensor> weights, Predicate<String> names) {
        return new TensorVector(weights.entrySet().stream()
                .filter(entry -> entry.getValue().requires_grad() && names.test(entry.getKey()))
                .map(Map.Entry::getValue)
                .toArray(Tensor[]::new));
    }

    private AdamWOptions options(double weightDecay) {
        AdamWOptions options = new AdamWOptions(settings.learningRate());
        DoublePointer betas = options.betas(); // a C++ tuple, which some libraries lay out backwards
        int first = betas.get(0) < betas.get(1) ? 0 : 1; // the defaults are 0.9 and 0.999
        betas.put(first, settings.betas().get(0))
                .put(1 - first, settings.betas().get(1));
        options.eps().put(settings.epsilon());
        options.weight_decay().put(weightDecay);
        return options;
    }

    /**
     * Changes the weights by their gradients, which are then forgotten.
     *
     * @param step counted from 0
     * @param steps the steps of the whole run
     * @return the length of the gradient of all weights before it was shortened
     */
    double step(long step, long steps) {
        try (Scope _ = new Scope()) {
            double limit = settings.maxGradientNorm();
            double norm = torch.clip_grad_norm_(weights, limit == 0 ? Float.MAX_VALUE : limit);
            double rate = learningRate(step, steps);
            for (long group = 0; group < adamW.param_groups().size(); group++) {
                adamW.param_groups().get(group).options().set_lr(rate);
            }
            adamW.step();
            adamW.zero_grad();
            return norm;
        }
    }

    /** The learning rate of a step. */
    double learningRate(long step, long steps) {
        return settings.learningRate() * settings.schedule().factor(step, steps);
    }

    /** Writes the moments of all weights. */
    void save(Path file) {
        try (OutputArchive archive = new OutputArchive()) {
            adamW.save(archive);
            archive.save_to(file.toString());
        } catch (RuntimeException e) {
            throw new InputException("%s cannot be written: %s".formatted(file, e.getMessage()), e);
        }
    }

    /**
     * Reads moments that {@link #save} has written.
     *
     * @throws InputException if the file is missing, damaged, or of other weights
     */
    void load(Path file) {
        try (InputArchive archive = new InputArchive()) {
            archive.load_from(file.toString());
            adamW.load(archive);
        } catch (RuntimeException e) {
            String reason = String.valueOf(e.getMessage()).lines().findFirst().orElse(""); // the engine's frames follow
            throw new InputException("%s holds no state of this optimizer: %s".formatted(file, reason), e);
        }
    }

    @Override
    public void close() {
        adamW.close();
        weights.close();
    }
}
