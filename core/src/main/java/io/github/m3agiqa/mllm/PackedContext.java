package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** Whole sequences one below the other, without padding; each token sees those before it in its own sequence. */
final class PackedContext implements AttentionContext {
    private final int[] lengths;

    PackedContext(int... lengths) {
        this.lengths = lengths;
    }

    @Override
    public int[] positions() {
        return Arrays.stream(lengths)
                .flatMap(length -> IntStream.range(0, length))
                .toArray();
    }

    @Override
    public Tensor attend(int layer, Tensor query, Tensor key, Tensor value) {
        List<Tensor> mixed = new ArrayList<>();
        long first = 0;
        for (int length : lengths) {
            mixed.add(GroupedQueryAttention.attendCausally(
                    query.narrow(0, first, length),
                    key.narrow(0, first, length).transpose(0, 1),
                    value.narrow(0, first, length).transpose(0, 1)));
            first += length;
        }
        return Torch.cat(0, mixed);
    }
}
