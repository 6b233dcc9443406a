package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Beam search as {@code transformers} 4.44 does it, with length penalty 1 and without early stopping. The repetition
 * penalty is applied to log-probabilities, which are not normalised again, and sees generated tokens only.
 */
final class BeamSearch implements Decoding {
    /**
     * A text that may go on.
     *
     * @param score its summed log-probability
     * @param rows the cache rows of its tokens
     */
    private record Beam(List<Integer> tokens, float score, List<Integer> rows) {}

    /** One way for a beam to go on, with the score that it would then have. */
    record Candidate(int beam, int token, float score) {}

    /**
     * A finished text.
     *
     * @param tokens all generated ids, with the stop id if one ended it
     * @param value the summed log-probability over the number of tokens
     * @param rows the cache rows of all tokens but the last, which was never read
     */
    record Hypothesis(List<Integer> tokens, double value, List<Integer> rows) {}

    private final Beams cache;
    private final Tensor promptOutput; // (1, hidden)
    private final Generation generation;
    private final int[] stopIds;
    private final BiConsumer<List<Candidate>, List<Hypothesis>> observer;
    private final List<Hypothesis> finished = new ArrayList<>();
    // one beam at first, as all would be alike
    private List<Beam> beams = List.of(new Beam(List.of(), 0, List.of()));
    private int length;

    /**
     * A search.
     *
     * @param promptOutput the hidden state after the prompt, (1, hidden)
     * @param observer is told every step's candidates, best first, and the texts finished so far
     */
    BeamSearch(
            Beams cache,
            Tensor promptOutput,
            Generation generation,
            int[] stopIds,
            BiConsumer<List<Candidate>, List<Hypothesis>> observer) {
        this.cache = cache;
        this.promptOutput = promptOutput;
        this.generation = generation;
        this.stopIds = stopIds;
        this.observer = observer;
    }

    /** The finished texts, best first. */
    List<Hypothesis> found() {
        return finished.stream()
                .sorted(Comparator.comparingDouble(Hypothesis::value).reversed())
                .toList();
    }

    @Override
    public Tensor promptOutput() {
        return promptOutput;
    }

    @Override
    public List<Integer> choose(Tensor logits) {
        try (Scope _ = new Scope()) {
            length++;
            List<Candidate> candidates = candidates(logits);
            beams = follow(candidates);
            observer.accept(candidates, finished);
            if (finished.size() == generation.beams()
                    && worstFinished() >= (double) candidates.getFirst().score() / length) {
                return List.of();
            }
            if (length == generation.maxNewTokens()) {
                beams.forEach(beam -> finish(beam.tokens, beam.score, beam.rows));
                return List.of();
            }
            return beams.stream().map(beam -> beam.tokens.getLast()).toList();
        }
    }

    @Override
    public AttentionContext step() {
        List<Beam> grown = new ArrayList<>();
        for (int i = 0; i < beams.size(); i++) {
            Beam beam = beams.get(i);
            List<Integer> rows = new ArrayList<>(beam.rows);
            rows.add(cache.nextRow(i));
            grown.add(new Beam(beam.tokens, beam.score, rows));
        }
        beams = grown;
        return cache.step(beams.stream().map(Beam::rows).toList());
    }

    @Override
    public void stepped(Tensor outputs) {
        cache.stepped(outputs);
    }

    /** The best ways to go on, enough of them that some are left when every stop id of every beam is taken out. */
    private List<Candidate> candidates(Tensor logits) {
        Tensor logProbabilities = torch.log_softmax(logits, -1); // (beams, vocabulary)
        int vocabulary = (int) logProbabilities.size(1);
        for (int i = 0; i < beams.size(); i++) {
            penalize(logProbabilities.select(0, i), beams.get(i).tokens, generation.repetitionPenalty());
        }
        float[] scores = new float[beams.size()];
        for (int i = 0; i < scores.length; i++) {
            scores[i] = beams.get(i).score;
        }
        Tensor sums = logProbabilities.add(Torch.to(Torch.floats(scores, scores.length, 1), Device.of(logits)));
        int count = (1 + stopIds.length) * generation.beams();
        Torch.Top top = Torch.top(sums.view(-1), Math.min(count, beams.size() * vocabulary));
        float[] values = Torch.toFloats(top.values());
        long[] places = Torch.toLongs(top.indices());
        return IntStream.range(0, values.length)
                .mapToObj(i -> new Candidate((int) (places[i] / vocabulary), (int) (places[i] % vocabulary), values[i]))
                .toList();
    }

    /**
     * Makes tokens less likely that a text already has: negative scores times the penalty, others divided by it.
     *
     * @param scores (vocabulary), written to
     */
    static void penalize(Tensor scores, Collection<Integer> tokens, double penalty) {
        if (tokens.isEmpty()) {
            return;
        }
        Tensor places = Torch.indices(
                Device.of(scores),
                tokens.stream().mapToInt(Integer::intValue).distinct().toArray());
        Tensor found = scores.index_select(0, places);
        Tensor negative = Torch.scale(found.clamp_max(Torch.scalar(0)), penalty);
        Tensor positive = Torch.divide(found.clamp_min(Torch.scalar(0)), penalty);
        scores.index_copy_(0, places, negative.add(positive));
    }

    /** Finishes texts whose best continuations end them, and follows the best of the others. */
    private List<Beam> follow(List<Candidate> candidates) {
        List<Beam> chosen = new ArrayList<>();
        for (int rank = 0; rank < candidates.size() && chosen.size() < generation.beams(); rank++) {
            Candidate candidate = candidates.get(rank);
            Beam beam = beams.get(candidate.beam);
            List<Integer> tokens = new ArrayList<>(beam.tokens);
            tokens.add(candidate.token);
            if (Arrays.stream(stopIds).noneMatch(stop -> stop == candidate.token)) {
                chosen.add(new Beam(tokens, candidate.score, beam.rows));
            } else if (rank < generation.beams()) {
                finish(tokens, candidate.score, beam.rows);
            }
        }
        return chosen;
    }

    /** Keeps as many finished texts as there are beams, the best ones. */
    private void finish(List<Integer> tokens, float score, List<Integer> rows) {
        finished.add(new Hypothesis(tokens, (double) score / tokens.size(), rows));
        if (finished.size() > generation.beams()) {
            finished.remove(finished.stream()
                    .min(Comparator.comparingDouble(Hypothesis::value))
                    .orElseThrow());
        }
    }

    private double worstFinished() {
        return finished.stream().mapToDouble(Hypothesis::value).min().orElse(Double.NEGATIVE_INFINITY);
    }
}
