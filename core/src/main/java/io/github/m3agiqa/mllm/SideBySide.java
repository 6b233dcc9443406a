package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** The passes of several sequences as one: each row looks at those of its own sequence alone. */
final class SideBySide implements AttentionContext {
    /** More gain little: of a billion parameters in 8 bits four sequences of 3 rows take 0.43 of the time of one each, eight 0.34. */
    private static final int MOST = 4;

    private final List<AttentionContext> passes;
    private final List<int[]> positions;

    private SideBySide(List<AttentionContext> passes) {
        this.passes = passes;
        this.positions = passes.stream().map(AttentionContext::positions).toList();
    }

    static AttentionContext of(List<AttentionContext> passes) {
        return passes.size() == 1 ? passes.getFirst() : new SideBySide(passes);
    }

    @Override
    public int[] positions() {
        return positions.stream().flatMapToInt(Arrays::stream).toArray();
    }

    @Override
    public Tensor attend(int layer, Tensor query, Tensor key, Tensor value) {
        List<Tensor> mixed = new ArrayList<>();
        long first = 0;
        for (int i = 0; i < passes.size(); i++) {
            long rows = positions.get(i).length;
            mixed.add(passes.get(i)
                    .attend(
                            layer,
                            query.narrow(0, first, rows),
                            key.narrow(0, first, rows),
                            value.narrow(0, first, rows)));
            first += rows;
        }
        return Torch.cat(0, mixed);
    }

    /**
     * How many sequences can go through a model in one pass so that what it makes of each is, bit by bit, what it makes of
     * it alone. That is for the machine's kernels to say, which may add up differently for more rows, so it is tried out.
     *
     * @param rows of each sequence
     * @return 1 to 4
     */
    static int most(Llama llama, int rows) {
        try (Scope _ = new Scope()) {
            List<Integer> sequences = new ArrayList<>();
            List<Tensor> alone = new ArrayList<>();
            for (int i = 0; i < MOST; i++) {
                sequences.add(i);
                alone.add(outputs(llama, rows, List.of(i)));
            }
            for (int count = 2; count <= MOST; count++) {
                List<Integer> together = new ArrayList<>(sequences.subList(0, count));
                Collections.reverse(together);
                List<Tensor> expected = together.stream().map(alone::get).toList();
                if (!outputs(llama, rows, together).equal(Torch.cat(0, expected))) {
                    return count - 1;
                }
            }
            return MOST;
        }
    }

    /** Hidden states and logits of some sequences of tokens, (all rows, hidden + vocabulary). */
    private static Tensor outputs(Llama llama, int rows, List<Integer> sequences) {
        int[] tokens = sequences.stream()
                .flatMapToInt(sequence -> IntStream.range(0, rows).map(row -> sequence * rows + row))
                .map(place -> place * 7 % llama.config().vocabularySize())
                .toArray();
        int[] lengths = sequences.stream().mapToInt(_ -> rows).toArray();
        Tensor hidden = llama.forward(llama.embed(tokens), new PackedContext(lengths));
        return Torch.cat(1, hidden, llama.logits(hidden));
    }
}
