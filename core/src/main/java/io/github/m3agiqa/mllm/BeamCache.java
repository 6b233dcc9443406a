package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Torch;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;

/**
 * Several continuations of one cached sequence, which grow by one token each at every step. The sequence itself is held
 * once. The tokens of all steps are rows after it in the same cache, {@code step * beams + beam}; beams that part from one
 * another share the rows up to there. A beam looks at all of the sequence and of the rows at its own.
 */
final class BeamCache implements Beams, AutoCloseable {
    private final KvCache cache;
    private final Device device;
    private final int beams;
    private final TokenBuffer outputs; // (rows, hidden)
    private int steps;

    BeamCache(KvCache cache, Llama llama, int beams) {
        this.cache = cache;
        this.device = llama.device();
        this.beams = beams;
        this.outputs = new TokenBuffer(device, 0, 0, llama.config().hiddenSize());
    }

    @Override
    public AttentionContext step(List<List<Integer>> rows) {
        return new Step(rows);
    }

    @Override
    public void stepped(Tensor hidden) {
        outputs.write(nextRow(0), hidden);
        steps++;
    }

    @Override
    public int nextRow(int beam) {
        return steps * beams + beam;
    }

    /**
     * Makes the tokens of one beam part of the sequence, and forgets the others.
     *
     * @return their hidden states, (tokens, hidden)
     */
    Tensor keep(List<Integer> beamRows) {
        int[] rows = beamRows.stream().mapToInt(Integer::intValue).toArray();
        cache.choose(rows);
        return outputs.select(Torch.indices(device, rows));
    }

    private final class Step implements AttentionContext {
        private final TensorOptional mask;

        Step(List<List<Integer>> rows) {
            int width = cache.length() + nextRow(beams);
            float[] seen = new float[beams * width];
            for (int beam = 0; beam < beams; beam++) {
                int sequence = beam * width;
                int after = sequence + cache.length();
                Arrays.fill(seen, after, sequence + width, Float.NEGATIVE_INFINITY);
                rows.get(beam).forEach(row -> seen[after + row] = 0);
            }
            this.mask = cache.mask(Torch.to(Torch.floats(seen, beams, width), device));
        }

        @Override
        public int[] positions() {
            int[] positions = new int[beams];
            Arrays.fill(positions, cache.length() + steps);
            return positions;
        }

        @Override
        public Tensor attend(int layer, Tensor query, Tensor key, Tensor value) {
            return cache.attend(layer, nextRow(0), query, key, value, mask, false);
        }
    }

    @Override
    public void close() {
        outputs.close();
    }
}
