package io.github.m3agiqa.mllm;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Continuations of one sequence that grow by one token each at every step. Tokens have rows, {@code step * beams + beam}. */
interface Beams {
    /** The row that the coming step gives to a beam's token. */
    int nextRow(int beam);

    /**
     * The pass over one more token of every beam.
     *
     * @param rows for each beam the rows of its tokens, the last one its {@link #nextRow}
     */
    AttentionContext step(List<List<Integer>> rows);

    /**
     * Takes what the pass made, after which it counts.
     *
     * @param outputs hidden states, (beams, hidden)
     */
    void stepped(Tensor outputs);
}
