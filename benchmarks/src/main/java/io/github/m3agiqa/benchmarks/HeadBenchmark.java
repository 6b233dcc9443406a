package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.predictor.HeadConfig;
import io.github.m3agiqa.predictor.HeadKind;
import io.github.m3agiqa.predictor.Pooler;
import io.github.m3agiqa.predictor.Predictor;
import io.github.m3agiqa.predictor.PredictorInitialization;
import io.github.m3agiqa.predictor.PublishedXlstm;
import io.github.m3agiqa.predictor.XlstmConfig;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.weights.HeldTensors;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.WeightStore;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What learning from a conversation costs the xLSTM head in batches, and in the published form one at a time. */
@Command(
        name = "head",
        description =
                "Forward and backward of a head of four layers, 64 wide, in batches of which each core computes a part,"
                        + " as a training does, against its published form over one conversation at a time.",
        mixinStandardHelpOptions = true,
        footer = {"", "Example:", "  benchmarks/run head --tokens 400 --batch 8"})
final class HeadBenchmark implements Callable<Integer> {
    private static final HeadConfig HEAD = new HeadConfig(HeadKind.XLSTM, Pooler.MEAN, 64, 4, 32);
    private static final XlstmConfig STACK = new XlstmConfig(HEAD.width(), HEAD.layers(), Set.of(1));
    private static final int HIDDEN_SIZE = 512;

    @Option(names = "--tokens", description = "Of a conversation (default: ${DEFAULT-VALUE}).")
    private int tokens = 400;

    @Option(names = "--batch", description = "Conversations a core and step (default: ${DEFAULT-VALUE}).")
    private int each = 8;

    @Option(names = "--rounds", description = "How often (default: ${DEFAULT-VALUE}).")
    private int rounds = 5;

    @Override
    public Integer call() {
        int cores = Runtime.getRuntime().availableProcessors();
        Engine.setThreads(cores);
        double[] ratios = new double[rounds];
        try (Scope _ = new Scope();
                WeightStore weights = new WeightStore(learning(), Precision.FP32, Device.CPU);
                ExecutorService threads = Executors.newFixedThreadPool(cores)) {
            PublishedXlstm published =
                    new PublishedXlstm(STACK, ModelWeights.of(weights).root().at("xlstm_pooler.xlstm_stack"));
            List<Predictor> parts = Stream.generate(
                            () -> new Predictor(learning(), HEAD.kind(), HEAD.pooler(), Device.CPU))
                    .limit(cores)
                    .toList();
            for (int round = -1; round < rounds; round++) {
                double ours = milliseconds(() -> inParts(parts, threads)) / (cores * each);
                double theirs = milliseconds(() -> learn(1, published::forward));
                System.out.printf(
                        Locale.ROOT,
                        "%s %.1f ms a conversation in batches of %d, as published %.1f ms: %.1f times%n",
                        round < 0 ? "to warm up" : "ours",
                        ours,
                        cores * each,
                        theirs,
                        theirs / ours);
                if (round >= 0) {
                    ratios[round] = theirs / ours;
                }
            }
            parts.forEach(Predictor::close);
        }
        System.out.printf(Locale.ROOT, "median %.1f times%n", BatchingBenchmark.median(ratios));
        return 0;
    }

    /** Each part in a thread of its own, whose operations have no other. */
    private void inParts(List<Predictor> parts, Executor threads) {
        int[] lengths = new int[each];
        Arrays.fill(lengths, tokens);
        CompletableFuture.allOf(parts.stream()
                        .map(part -> CompletableFuture.runAsync(
                                () -> {
                                    Engine.setThreads(1);
                                    learn(each, x -> part.forward(x, lengths));
                                },
                                threads))
                        .toArray(CompletableFuture[]::new))
                .join();
    }

    /** Forward and backward over some random conversations. */
    private void learn(int conversations, UnaryOperator<Tensor> network) {
        try (Scope _ = new Scope()) {
            network.apply(torch.randn(conversations, tokens, HEAD.width()))
                    .sum()
                    .backward();
        }
    }

    private static double milliseconds(Runnable work) {
        long start = System.nanoTime();
        work.run();
        return (System.nanoTime() - start) / 1e6;
    }

    /** Weights as a training draws them. */
    private static HeldTensors learning() {
        try (Scope _ = new Scope()) {
            Map<String, Tensor> drawn = PredictorInitialization.draw(HEAD, HIDDEN_SIZE, 1);
            drawn.values().forEach(weight -> weight.requires_grad_(true));
            return new HeldTensors("the head", drawn);
        }
    }
}
