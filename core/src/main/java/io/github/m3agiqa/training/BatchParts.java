package io.github.m3agiqa.training;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/**
 * A batch in parts, each in a thread of its own: what a predictor computes are many small operations, one after the other,
 * of which several threads cannot share one to any use. A loss is that of the whole batch all the same.
 *
 * <p>Conversations are known by their keys. The network gives their scores, (conversations), in the thread in which it is
 * asked.
 */
final class BatchParts implements AutoCloseable {
    /** A part has at least about as many conversations. */
    private static final int FEW = 4;

    /** What reading a token takes whatever the number of conversations, in conversations. */
    private static final int OVERHEAD = 3;

    private final ToIntFunction<String> tokens;
    private final int most;
    private final SingleThreads threads;

    /**
     * Starts the threads, see {@link SingleThreads}.
     *
     * @param tokens the length of a conversation
     * @param most the number of parts, at most; 1 to compute in the caller's thread
     */
    BatchParts(ToIntFunction<String> tokens, int most) {
        this.tokens = tokens;
        this.most = most;
        this.threads = new SingleThreads(most);
    }

    /** How many parts a batch of some conversations is worth, at most as many as there are threads. */
    static int count(int conversations, int threads) {
        return Math.clamp(conversations / FEW, 1, threads);
    }

    /** The scores of some conversations, without a gradient. */
    float[] scores(List<String> keys, Function<List<String>, Tensor> network) {
        float[] scores = new float[keys.size()];
        List<List<Integer>> shares = shares(keys);
        Executor executor = shares.size() == 1 ? Runnable::run : threads;
        Futures.await(all(shares.stream()
                .map(places -> CompletableFuture.runAsync(
                        () -> {
                            try (Scope _ = new Scope();
                                    NoGradGuard _ = new NoGradGuard()) {
                                float[] found = Torch.toFloats(network.apply(at(places, keys)));
                                for (int i = 0; i < found.length; i++) {
                                    scores[places.get(i)] = found[i];
                                }
                            }
                        },
                        executor))));
        return scores;
    }

    /**
     * Adds the gradients of a loss to those of the weights, always in the same order.
     *
     * @param weights those of the network
     * @param loss a scalar, from the scores of all conversations
     * @return the loss
     */
    Tensor learn(
            List<String> keys,
            Function<List<String>, Tensor> network,
            List<Tensor> weights,
            UnaryOperator<Tensor> loss) {
        List<List<Integer>> shares = shares(keys);
        if (shares.size() == 1) {
            Tensor learned = loss.apply(network.apply(keys));
            if (learned.requires_grad()) {
                learned.backward();
            }
            return learned;
        }
        List<Part> parts = new ArrayList<>();
        CompletableFuture<Void> before = CompletableFuture.completedFuture(null);
        for (List<Integer> places : shares) {
            Part part = begin(places, at(places, keys), network, weights, before);
            parts.add(part);
            before = part.ended;
        }
        try {
            Tensor scores = gathered(parts).requires_grad_(true);
            Tensor learned = loss.apply(scores);
            if (learned.requires_grad()) {
                learned.backward();
                Tensor gradient = Torch.gradient(scores);
                parts.forEach(part -> part.gradient.complete(gradient.index_select(0, indices(part.places))));
                Futures.await(before);
            }
            return learned;
        } finally {
            // a part that still waits for its gradient will get none
            parts.forEach(part -> part.gradient.cancel(false));
            all(parts.stream().map(Part::ended)).exceptionally(_ -> null).join();
        }
    }

    /**
     * A part that is being computed. Its thread holds what its scores were made from until it has their gradient.
     *
     * @param places of its conversations in the batch
     * @param scores of its conversations, a row each
     * @param gradient of the scores, to be given
     * @param ended when the weights have their gradients
     */
    private record Part(
            List<Integer> places,
            CompletableFuture<Tensor> scores,
            CompletableFuture<Tensor> gradient,
            CompletableFuture<Void> ended) {}

    private Part begin(
            List<Integer> places,
            List<String> keys,
            Function<List<String>, Tensor> network,
            List<Tensor> weights,
            CompletableFuture<Void> before) {
        CompletableFuture<Tensor> scores = new CompletableFuture<>();
        CompletableFuture<Tensor> gradient = new CompletableFuture<>();
        CompletableFuture<Void> ended = CompletableFuture.runAsync(
                () -> {
                    try (Scope _ = new Scope()) {
                        Tensor found = network.apply(keys);
                        scores.complete(found);
                        List<Tensor> gradients = Torch.gradients(found, gradient.join(), weights);
                        before.join();
                        for (int i = 0; i < gradients.size(); i++) {
                            Torch.addGradient(weights.get(i), gradients.get(i));
                        }
                    } catch (RuntimeException | Error e) {
                        scores.completeExceptionally(e);
                        throw e;
                    }
                },
                threads);
        return new Part(places, scores, gradient, ended);
    }

    /** The scores of all parts, in the order of the batch, as if they had been made from nothing. */
    private static Tensor gathered(List<Part> parts) {
        List<Integer> order =
                parts.stream().flatMap(part -> part.places.stream()).toList();
        List<Integer> places = IntStream.range(0, order.size())
                .boxed()
                .sorted(Comparator.comparingInt(order::get))
                .toList();
        List<Tensor> scores =
                parts.stream().map(part -> Futures.await(part.scores).detach()).toList();
        return Torch.cat(0, scores).index_select(0, indices(places));
    }

    private static Tensor indices(List<Integer> places) {
        return Torch.indices(
                Device.CPU, places.stream().mapToInt(Integer::intValue).toArray());
    }

    private static List<String> at(List<Integer> places, List<String> keys) {
        return places.stream().map(keys::get).toList();
    }

    private static CompletableFuture<Void> all(Stream<CompletableFuture<Void>> begun) {
        return CompletableFuture.allOf(begun.toArray(CompletableFuture[]::new));
    }

    private List<List<Integer>> shares(List<String> keys) {
        int[] lengths = keys.stream().mapToInt(tokens).toArray();
        return shares(lengths, count(lengths.length, most));
    }

    /**
     * Deals conversations out, those of like length together, so that the part that takes longest takes as little as it can.
     *
     * @param lengths in tokens; a part is padded to its longest
     * @param parts at most
     * @return the places of each part's conversations
     */
    static List<List<Integer>> shares(int[] lengths, int parts) {
        List<Integer> all = IntStream.range(0, lengths.length).boxed().toList();
        if (parts == 1) {
            return List.of(all);
        }
        List<Integer> longestFirst = all.stream()
                .sorted(Comparator.comparingInt((Integer place) -> -lengths[place]))
                .toList();
        long least = 0;
        long enough = cost(lengths[longestFirst.getFirst()], lengths.length);
        while (least < enough) {
            long limit = (least + enough) / 2;
            if (dealt(longestFirst, lengths, limit).size() <= parts) {
                enough = limit;
            } else {
                least = limit + 1;
            }
        }
        return dealt(longestFirst, lengths, enough);
    }

    /** As few parts as none costs more than a limit, unless it has one conversation. */
    private static List<List<Integer>> dealt(List<Integer> longestFirst, int[] lengths, long limit) {
        List<List<Integer>> parts = new ArrayList<>();
        int first = 0;
        for (int end = 1; end <= longestFirst.size(); end++) {
            boolean last = end == longestFirst.size();
            if (last || cost(lengths[longestFirst.get(first)], end + 1 - first) > limit) {
                parts.add(longestFirst.subList(first, end));
                first = end;
            }
        }
        return parts;
    }

    private static long cost(int longest, int conversations) {
        return (long) longest * (OVERHEAD + conversations);
    }

    @Override
    public void close() {
        threads.close();
    }
}
