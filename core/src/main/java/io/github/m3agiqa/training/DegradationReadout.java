package io.github.m3agiqa.training;

import io.github.m3agiqa.image.Degradation;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.HeldTensors;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Reads from a picture's hidden states in what way and how far it is spoilt. It is of use in training only: it makes the
 * language model's states say so.
 */
final class DegradationReadout implements AutoCloseable {
    private static final List<Degradation> WAYS = List.of(Degradation.values());

    /** How far a picture counts as spoilt at the mildest strength; at the worst it counts 1, and 0 as it is. */
    private static final double MILDEST = 0.2;

    /**
     * What is done to a picture.
     *
     * @param place of its strength, 0 for the mildest and 1 for the worst
     */
    record Spoiling(Degradation kind, double place, long seed) {
        /** Any way and strength. */
        static Spoiling random(long seed) {
            SplittableRandom random = new SplittableRandom(seed); // seeds that are near give other numbers
            return new Spoiling(WAYS.get(random.nextInt(WAYS.size())), random.nextDouble(), random.nextLong());
        }

        Alteration alteration() {
            return new Alteration.Spoilt(kind, kind.strength(place), seed);
        }
    }

    private static final String WEIGHT = "degradation.weight"; // (ways, hidden)
    private static final String BIAS = "degradation.bias"; // (ways)

    private final HeldTensors weights;
    private final Device device;

    /** A readout that finds nothing yet. */
    DegradationReadout(long hiddenSize, Device device) {
        this.device = device;
        try (Scope _ = new Scope()) {
            Map<String, Tensor> zeros = new LinkedHashMap<>();
            zeros.put(WEIGHT, zeros(WAYS.size(), hiddenSize));
            zeros.put(BIAS, zeros(WAYS.size()));
            this.weights = new HeldTensors("the readout of degradations", zeros);
        }
    }

    private Tensor zeros(long... shape) {
        return Torch.zeros(Dtype.F32, device, shape).requires_grad_(true);
    }

    /** What is trained, beside the language model. */
    Map<String, Tensor> weights() {
        return weights.held();
    }

    /**
     * The mean squared error of how far pictures are found to be spoilt, from 0 to 1 in each way.
     *
     * @param means of each picture's hidden states, (pictures, hidden): first those of pictures as they are
     * @param spoilings of the other ones
     * @return a scalar, differentiable
     */
    Tensor error(Tensor means, List<Spoiling> spoilings) {
        int pictures = (int) means.size(0);
        float[] wanted = new float[pictures * WAYS.size()];
        int picture = pictures - spoilings.size();
        for (Spoiling spoiling : spoilings) {
            wanted[picture * WAYS.size() + WAYS.indexOf(spoiling.kind)] =
                    (float) (MILDEST + (1 - MILDEST) * spoiling.place);
            picture++;
        }
        Tensor found = Torch.linear(
                centred(Torch.to(means, Dtype.F32)),
                weights.load(WEIGHT, Dtype.F32, device),
                weights.load(BIAS, Dtype.F32, device));
        return torch.mse_loss(found, Torch.to(Torch.floats(wanted, pictures, WAYS.size()), device));
    }

    /** Without what all pictures have in common, which is most of a state and would make steps too large. */
    private static Tensor centred(Tensor means) {
        return means.sub(Torch.mean(means, 0));
    }

    @Override
    public void close() {
        weights.close();
    }
}
