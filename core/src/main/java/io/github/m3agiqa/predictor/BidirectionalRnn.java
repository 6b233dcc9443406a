package io.github.m3agiqa.predictor;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.PackedSequence;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Layers of LSTM or GRU cells that read in both directions, backwards from each sequence's own end. Equations, layout and
 * names of the weights are those of torch's {@code nn.LSTM} and {@code nn.GRU}.
 */
final class BidirectionalRnn implements SequenceHead {
    /** The kinds of cells. */
    enum Cell {
        LSTM(4),
        GRU(3);

        private final int gates;

        Cell(int gates) {
            this.gates = gates;
        }

        /** How many vectors of the hidden width its matrices make. */
        int gates() {
            return gates;
        }
    }

    /** What torch puts after the names of each direction's weights. */
    static final List<String> DIRECTIONS = List.of("", "_reverse");

    private final Cell cell;
    private final int layers;
    private final int hidden;
    /** For each layer and direction W_x (gates * hidden, in), W_h (gates * hidden, hidden), b_x and b_h. */
    private final List<Parameter> weights = new ArrayList<>();

    private BidirectionalRnn(Cell cell, int width, int layers, int hidden, Parameters parameters) {
        this.cell = cell;
        this.layers = layers;
        this.hidden = hidden;
        long rows = (long) cell.gates() * hidden;
        for (int layer = 0; layer < layers; layer++) {
            for (String direction : DIRECTIONS) {
                String suffix = "_l" + layer + direction;
                weights.add(parameters.float32("weight_ih" + suffix, rows, layer == 0 ? width : outputWidth()));
                weights.add(parameters.float32("weight_hh" + suffix, rows, hidden));
                weights.add(parameters.float32("bias_ih" + suffix, rows));
                weights.add(parameters.float32("bias_hh" + suffix, rows));
            }
        }
    }

    /** The network whose sizes follow from its weights. */
    static BidirectionalRnn of(Cell cell, int width, WeightShapes shapes, Parameters parameters) {
        int hidden = shapes.side("weight_hh_l0", 1, 2);
        return new BidirectionalRnn(cell, width, shapes.count("weight_hh_l", ""), hidden, parameters);
    }

    @Override
    public int outputWidth() {
        return DIRECTIONS.size() * hidden;
    }

    @Override
    public Tensor forward(Tensor x, int... lengths) {
        PackedSequence steps = torch.pack_padded_sequence(x, Torch.indices(Device.CPU, lengths), true, false);
        Tensor zero = Torch.zeros(Dtype.F32, Device.of(x), (long) DIRECTIONS.size() * layers, lengths.length, hidden);
        TensorVector all = new TensorVector(weights.stream().map(Parameter::get).toArray(Tensor[]::new));
        Tensor states = switch (cell) {
            case LSTM ->
                torch.lstm(
                                steps.data(),
                                steps.batch_sizes(),
                                new TensorVector(zero, zero),
                                all,
                                true,
                                layers,
                                0,
                                true,
                                true)
                        .get0();
            case GRU ->
                torch.gru(steps.data(), steps.batch_sizes(), zero, all, true, layers, 0, true, true)
                        .get0();
        };
        PackedSequence packed =
                new PackedSequence(states, steps.batch_sizes(), steps.sorted_indices(), steps.unsorted_indices());
        return new Tensor(torch.pad_packed_sequence(packed, true, 0, Torch.optional(x.size(1)))
                .get0()); // (batch, steps, 2 * hidden)
    }
}
