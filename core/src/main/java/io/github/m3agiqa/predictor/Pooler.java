package io.github.m3agiqa.predictor;

import io.github.m3agiqa.Named;
import io.github.m3agiqa.tensor.Torch;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** How the steps of a sequence become one vector. */
public enum Pooler {
    /** The mean of all steps. */
    MEAN,
    /** The largest of each component. */
    MAX,
    /** The last step. */
    LAST,
    /** The mean of the first step and the last. */
    FIRSTLASTMEAN;

    /** The lower-case name used in files. */
    public String id() {
        return Named.id(this);
    }

    /**
     * The pooler of that name.
     *
     * @throws IllegalArgumentException naming the known ones if there is none
     */
    public static Pooler of(String id) {
        return Named.of(Pooler.class, "pooler", id);
    }

    /**
     * Pools sequences of a padded batch, each over its own steps.
     *
     * @param states (batch, steps, width)
     * @param lengths the steps of each sequence that count
     * @return (batch, width)
     */
    Tensor pool(Tensor states, int... lengths) {
        return Torch.stack(IntStream.range(0, lengths.length)
                .mapToObj(i -> pool(states.select(0, i).narrow(0, 0, lengths[i])))
                .toList());
    }

    /**
     * Pools one sequence.
     *
     * @param steps (steps, width)
     * @return (width)
     */
    Tensor pool(Tensor steps) {
        return switch (this) {
            case MEAN -> steps.mean(0);
            case MAX -> steps.amax(new long[] {0}, false);
            case LAST -> steps.select(0, -1);
            case FIRSTLASTMEAN -> Torch.scale(steps.select(0, 0).add(steps.select(0, -1)), 0.5);
        };
    }
}
