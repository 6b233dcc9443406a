package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** A text that grows token by token, in one row, or in one a beam. */
interface Decoding {
    /** The hidden state that the first token is chosen by, (1, hidden). */
    Tensor promptOutput();

    /**
     * Chooses what comes next.
     *
     * @param logits after the tokens that were read last, (rows, vocabulary), which may be written to
     * @return the token of each row that is to be read; none if the text is whole
     */
    List<Integer> choose(Tensor logits);

    /** The pass over the tokens that were chosen. */
    AttentionContext step();

    /** Takes what that pass made, (rows, hidden). */
    void stepped(Tensor outputs);

    /** Lets texts of one model grow until they are whole. The tokens of all that are not yet are read in one pass. */
    static void run(Llama llama, List<? extends Decoding> decodings) {
        run(llama, decodings, _ -> true);
    }

    /**
     * Lets texts of one model grow until they are whole.
     *
     * @param wanted whether the text at this place is still to grow, asked before every pass
     */
    static void run(Llama llama, List<? extends Decoding> decodings, IntPredicate wanted) {
        record Open(int place, Decoding decoding, List<Integer> tokens) {}
        List<Open> open = IntStream.range(0, decodings.size())
                .mapToObj(place -> {
                    Decoding decoding = decodings.get(place);
                    return new Open(place, decoding, decoding.choose(llama.logits(decoding.promptOutput())));
                })
                .filter(next -> !next.tokens.isEmpty())
                .toList();
        while (true) {
            open = open.stream().filter(next -> wanted.test(next.place)).toList();
            if (open.isEmpty()) {
                return;
            }
            try (Scope _ = new Scope()) {
                int[] tokens = open.stream()
                        .flatMap(next -> next.tokens.stream())
                        .mapToInt(Integer::intValue)
                        .toArray();
                List<AttentionContext> steps =
                        open.stream().map(next -> next.decoding.step()).toList();
                Tensor outputs = llama.forward(llama.embed(tokens), SideBySide.of(steps));
                Tensor logits = llama.logits(outputs);
                List<Open> rest = new ArrayList<>();
                long first = 0;
                for (Open next : open) {
                    long rows = next.tokens.size();
                    next.decoding.stepped(outputs.narrow(0, first, rows));
                    List<Integer> chosen = next.decoding.choose(logits.narrow(0, first, rows));
                    if (!chosen.isEmpty()) {
                        rest.add(new Open(next.place, next.decoding, chosen));
                    }
                    first += rows;
                }
                open = rest;
            }
        }
    }
}
