package io.github.m3agiqa.mllm;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Continuations of one sequence that grow by one token each at every step. Tokens have rows, {@code step * beams + beam}. */
interface Beams {
    /** The row that the coming step gives to a beam's token. */
    int nextRow(int beam);

    /**
     * Appends one token to every beam.
     *
     * @param tokens the token of each beam
     * @param rows for each beam the rows of its tokens, the last one its {@link #nextRow}
     */
    void step(Llama llama, int[] tokens, List<List<Integer>> rows);

    /** The hidden states of the last step, (beams, hidden). */
    Tensor lastOutputs();
}
