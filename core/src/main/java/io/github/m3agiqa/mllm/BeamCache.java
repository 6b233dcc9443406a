package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Torch;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Several continuations of one cached sequence, which grow by one token each at every step. The sequence itself is held
 * once. The tokens of all steps are held in rows, {@code step * beams + beam}; beams that part from one another share
 * the rows up to there.
 */
final class BeamCache implements Beams, AutoCloseable {
    private final KvCache prefix;
    private final Llama.Config config;
    private final Device device;
    private final int beams;
    private final List<TokenBuffer> keys; // per layer (rows, key-value heads, head size)
    private final List<TokenBuffer> values;
    private final TokenBuffer outputs; // (rows, hidden)
    private int steps;

    BeamCache(KvCache prefix, Llama llama, int beams, int maxSteps) {
        this.prefix = prefix;
        this.config = llama.config();
        this.device = llama.device();
        this.beams = beams;
        long rows = (long) maxSteps * beams;
        long[] shape = {rows, config.keyValueHeads(), config.headSize()};
        this.keys = TokenBuffer.perLayer(config, device, 0, shape);
        this.values = TokenBuffer.perLayer(config, device, 0, shape);
        this.outputs = new TokenBuffer(device, 0, rows, config.hiddenSize());
    }

    @Override
    public void step(Llama llama, int[] tokens, List<List<Integer>> rows) {
        Tensor hidden = llama.forward(llama.embed(tokens), new Step(rows));
        outputs.write(nextRow(0), hidden);
        steps++;
    }

    @Override
    public int nextRow(int beam) {
        return steps * beams + beam;
    }

    @Override
    public Tensor lastOutputs() {
        return outputs.tokens((steps - 1L) * beams, beams);
    }

    /**
     * Appends the tokens of one beam to the sequence that all beams continue.
     *
     * @return their hidden states, (tokens, hidden)
     */
    Tensor appendToPrefix(List<Integer> beamRows) {
        Tensor rows = indices(beamRows);
        for (int layer = 0; layer < keys.size(); layer++) {
            prefix.write(
                    layer,
                    keys.get(layer).select(rows).transpose(0, 1),
                    values.get(layer).select(rows).transpose(0, 1));
        }
        prefix.grow(beamRows.size());
        return outputs.select(rows);
    }

    private Tensor indices(Collection<Integer> rows) {
        return Torch.indices(device, rows.stream().mapToInt(Integer::intValue).toArray());
    }

    private final class Step implements AttentionContext {
        private final int tokens;
        private final Tensor rows; // (beams * tokens)

        Step(List<List<Integer>> rows) {
            this.tokens = steps + 1;
            this.rows = indices(rows.stream().flatMap(List::stream).toList());
        }

        @Override
        public int[] positions() {
            int[] positions = new int[beams];
            Arrays.fill(positions, prefix.length() + steps);
            return positions;
        }

        @Override
        public Tensor attend(int layer, Tensor query, Tensor key, Tensor value) {
            keys.get(layer).write(nextRow(0), key);
            values.get(layer).write(nextRow(0), value);
            long heads = config.keyValueHeads();
            long group = config.heads() / heads;
            long size = config.headSize();
            Tensor q = Torch.scale(query.view(beams, heads, group, size), 1 / Math.sqrt(config.headSize()));

            // all beams look at the one prefix
            Tensor overPrefix = q.transpose(0, 1)
                    .reshape(heads, beams * group, size)
                    .matmul(prefix.keys(layer).transpose(1, 2)) // (heads, beams * group, prefix)
                    .view(heads, beams, group, prefix.length())
                    .transpose(0, 1); // (beams, heads, group, prefix)
            // and each at its own tokens
            Tensor overOwn = q.matmul(own(keys.get(layer)).transpose(2, 3)); // (beams, heads, group, tokens)

            Tensor weights = torch.softmax(Torch.cat(-1, overPrefix, overOwn), -1);
            Tensor fromPrefix = weights.narrow(-1, 0, prefix.length())
                    .transpose(0, 1)
                    .reshape(heads, beams * group, prefix.length())
                    .matmul(prefix.values(layer))
                    .view(heads, beams, group, size)
                    .transpose(0, 1);
            Tensor fromOwn = weights.narrow(-1, prefix.length(), tokens).matmul(own(values.get(layer)));
            return fromPrefix.add(fromOwn).reshape(beams, heads * group * size);
        }

        /** What each beam holds: (beams, key-value heads, tokens, head size). */
        private Tensor own(TokenBuffer held) {
            return held.select(rows)
                    .view(beams, tokens, config.keyValueHeads(), config.headSize())
                    .transpose(1, 2);
        }
    }

    @Override
    public void close() {
        keys.forEach(TokenBuffer::close);
        values.forEach(TokenBuffer::close);
        outputs.close();
    }
}
