package io.github.m3agiqa.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.ConversationFile;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.hub.PromptSlot;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.Generation;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.Session;
import io.github.m3agiqa.mllm.TokenizedConversation;
import io.github.m3agiqa.mllm.Turn;
import io.github.m3agiqa.predictor.Projection;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.scoring.ScoringListener;
import io.github.m3agiqa.scoring.ScoringOptions;
import io.github.m3agiqa.scoring.ScoringRequest;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.training.Finetuning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.DoubleSupplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Where the time of a score goes, and how near each part is to what the machine can do. */
@Command(
        name = "stages",
        description = "Measures the machine's rates and every stage of a score, each as a fraction of its own limit:"
                + " its operations over the faster of the fp32 and the bf16 rate, or the bytes it reads over the bandwidth,"
                + " both as measured just before and after each round of the stage.",
        mixinStandardHelpOptions = true,
        footer = {"", "Example:", "  benchmarks/run stages --model models/nano --history stages.jsonl"})
final class StagesBenchmark implements Callable<Integer> {
    @Mixin
    private Setting setting = new Setting();

    @Option(names = "--rounds", description = "How often (default: ${DEFAULT-VALUE}).")
    private int rounds = 10;

    @Option(names = "--history", paramLabel = "FILE", description = "Where a line of JSON is added.")
    private @Nullable Path history;

    /**
     * One stage.
     *
     * @param millis median
     * @param limit the milliseconds that the machine would need at the rate it has before and after the stage, the median;
     *     NaN where none is known
     * @param fraction the median of what each round is of its limit
     */
    record Stage(String name, double millis, double limit, double fraction) {}

    /** One run, as the history has it. */
    record Run(
            String time,
            String model,
            String dtype,
            String device,
            MachineRates rates,
            int prefilled,
            List<Stage> stages,
            long peakMebibytes) {}

    @Override
    public Integer call() throws IOException {
        ModelFolder folder = setting.open();
        MachineRates rates = MachineRates.measure(setting.device);
        List<Stage> stages = new ArrayList<>();
        int prefilled = parts(folder, rates, stages);
        whole(folder, stages);
        if (!setting.precision.packed()) {
            stages.add(loraStep(folder, rates));
        }
        Run run = new Run(
                Instant.now().toString(),
                folder.manifest().id(),
                setting.precision.id(),
                setting.device.toString(),
                rates,
                prefilled,
                stages,
                ResidentMemory.peakMebibytes());
        print(run);
        if (history != null) {
            Files.writeString(
                    history,
                    new ObjectMapper().writeValueAsString(run) + "\n",
                    StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
        }
        return 0;
    }

    /** @return the tokens of the prefill */
    private int parts(ModelFolder folder, MachineRates rates, List<Stage> stages) {
        byte[] png = setting.png();
        ImageDecoder decoder = new ImageDecoder(ImageDecoder.Limits.DEFAULT);
        try (OpenedModel opened = setting.networks(folder);
                Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            AspectManifest aspect = opened.aspect;
            MiniCpmV network = opened.network;
            Operations operations = new Operations(opened.config);
            RgbImage image = setting.image();
            SlicePlan plan = network.plan(image, aspect.describe().maxSlices());
            stages.add(stage(
                    "decode, cut and resize",
                    StagesBenchmark::unknown,
                    () -> plan.cut(decoder.decode("drawn.png", png, AlphaMode.WHITE))));
            stages.add(stage(
                    "tower and resampler",
                    products(rates, operations.encoding(plan.cut(image))),
                    () -> network.encode(image, plan)));

            String question = PromptSlot.fill(aspect.describe().question(), Setting.PROMPT);
            TokenizedConversation asked = network.template().tokenize(plan, List.of(Turn.user(question)), true);
            int capacity = asked.length() + setting.tokens + 8;
            stages.add(stage(
                    "the same, then prefill",
                    products(rates, operations.encoding(plan.cut(image)) + operations.prefill(asked.length())),
                    () -> {
                        try (Session session = new Session(network, image, plan, capacity)) {
                            session.read(asked);
                        }
                    }));
            try (Session session = new Session(network, image, plan, capacity)) {
                double bytes = operations.decodedTokenBytes(
                        setting.precision == Precision.INT8
                                ? 1
                                : setting.precision.matrixDtype().bytes());
                double penalty = aspect.describe().repetitionPenalty();
                for (int beams : new int[] {1, 3}) {
                    Generation shortest = new Generation(beams, penalty, 1);
                    Generation all = new Generation(beams, penalty, setting.tokens);
                    stages.add(stage(
                            "one decoded token, beams: " + beams,
                            () -> bytes / MachineRates.bytesNow(setting.device),
                            1,
                            () -> decodedToken(session, asked, shortest, all)));
                }
                session.rewind();
                Tensor hidden = session.read(asked);
                Projection projection = opened.projection();
                stages.add(stage(
                        "head", StagesBenchmark::unknown, () -> opened.predictor.predict(projection.apply(hidden))));
            }
            return asked.length();
        }
    }

    private static double unknown() {
        return Double.NaN;
    }

    private DoubleSupplier products(MachineRates rates, double operations) {
        return () -> operations / rates.productsNow(setting.device);
    }

    /** The milliseconds of a token are those of a long text less those of the shortest, over the tokens between. */
    private double decodedToken(Session session, TokenizedConversation asked, Generation shortest, Generation all) {
        double less = generated(session, asked, shortest);
        return (generated(session, asked, all) - less) / (all.maxNewTokens() - 1);
    }

    private double generated(Session session, TokenizedConversation asked, Generation generation) {
        session.rewind();
        session.read(asked);
        MachineRates.await(setting.device);
        long start = System.nanoTime();
        session.generate(generation);
        return (System.nanoTime() - start) / 1e6;
    }

    private void whole(ModelFolder folder, List<Stage> stages) {
        byte[] png = setting.png();
        ImagePrompt image = ImagePrompt.of("drawn.png", png, Setting.PROMPT);
        ScoringOptions options = ScoringOptions.DEFAULT
                .withPrecision(setting.precision)
                .withDevice(setting.device)
                .withMaxNewTokens(setting.tokens);
        try (Scorer scorer = Scorer.open(folder, options)) {
            for (Set<Aspect> aspects : List.of(Set.of(Aspect.QUALITY), Set.<Aspect>of())) {
                for (boolean describe : new boolean[] {false, true}) {
                    stages.add(stage(
                            "whole score of %s %s"
                                    .formatted(
                                            aspects.isEmpty() ? "all aspects" : "quality",
                                            describe ? "described" : "only"),
                            StagesBenchmark::unknown,
                            () -> scorer.score(new ScoringRequest(image, aspects, describe, ScoringListener.NONE))));
                }
            }
            int together = scorer.together();
            Stage all = stage("", StagesBenchmark::unknown, () -> scorer.score(Collections.nCopies(together, image)));
            stages.add(new Stage(
                    "all aspects described, %d images together, an image".formatted(together),
                    all.millis / together,
                    Double.NaN,
                    Double.NaN));
        }
    }

    /** One conversation learned from, its image read with it. */
    private Stage loraStep(ModelFolder folder, MachineRates rates) throws IOException {
        int warmUp = 2;
        Moments moments = new Moments();
        double needed;
        try (LoraSteps training = LoraSteps.prepare(
                folder.path().toAbsolutePath(),
                setting.side,
                setting.precision.id(),
                setting.device.toString(),
                1,
                false,
                warmUp + rounds)) {
            DoubleSupplier limit = loraLimit(folder, rates, training);
            double before = limit.getAsDouble();
            training.run(moments);
            needed = 1e3 * (before + limit.getAsDouble()) / 2;
        }
        double[] millis = IntStream.range(warmUp, warmUp + rounds)
                .mapToDouble(step -> 1e3 * moments.seconds(step, step + 1))
                .toArray();
        double median = BatchingBenchmark.median(millis);
        return new Stage("LoRA step on one conversation", median, needed, needed / median);
    }

    private DoubleSupplier loraLimit(ModelFolder folder, MachineRates rates, LoraSteps training) {
        try (OpenedModel opened = setting.networks(folder)) {
            Conversation said = ConversationFile.read(training.conversations()).getFirst();
            RgbImage image = setting.image();
            SlicePlan plan = opened.network.plan(image, LoraSteps.MAX_SLICES);
            int tokens = opened.network
                    .template()
                    .tokenize(plan, Finetuning.turns(said), false)
                    .length();
            Operations operations = new Operations(opened.config);
            return products(rates, operations.encoding(plan.cut(image)) + operations.loraStep(tokens));
        }
    }

    /** @param limit seconds, at the rate of the moment */
    private Stage stage(String name, DoubleSupplier limit, Runnable work) {
        return stage(name, limit, 2, () -> {
            long start = System.nanoTime();
            try (Scope _ = new Scope()) {
                work.run();
                MachineRates.await(setting.device);
            }
            return (System.nanoTime() - start) / 1e6;
        });
    }

    private Stage stage(String name, DoubleSupplier limit, int warmUp, DoubleSupplier work) {
        double[] millis = new double[rounds];
        double[] limits = new double[rounds];
        double[] fractions = new double[rounds];
        for (int round = -warmUp; round < rounds; round++) {
            double before = limit.getAsDouble();
            double taken = work.getAsDouble();
            double needed = 1e3 * (before + limit.getAsDouble()) / 2;
            if (round >= 0) {
                millis[round] = taken;
                limits[round] = needed;
                fractions[round] = needed / taken;
            }
        }
        return new Stage(
                name,
                BatchingBenchmark.median(millis),
                BatchingBenchmark.median(limits),
                BatchingBenchmark.median(fractions));
    }

    private void print(Run run) {
        MachineRates rates = run.rates;
        System.out.printf(
                Locale.ROOT,
                "%s, %s on %s, a square of %d pixels, a question of %d tokens, %d decoded; %d threads: %.1f GB/s read, %.0f"
                        + " fp32 and %.0f bf16 billion operations a second; peak memory %d MiB%n%n",
                run.model,
                run.dtype,
                run.device,
                setting.side,
                run.prefilled,
                setting.tokens,
                rates.threads(),
                rates.bytes() / 1e9,
                rates.fp32() / 1e9,
                rates.bf16() / 1e9,
                run.peakMebibytes);
        System.out.println("| stage | ms | ms at the machine's rate | of it |");
        System.out.println("| --- | ---: | ---: | ---: |");
        for (Stage stage : run.stages) {
            boolean known = !Double.isNaN(stage.limit);
            System.out.printf(
                    Locale.ROOT,
                    "| %s | %.2f | %s | %s |%n",
                    stage.name,
                    stage.millis,
                    known ? String.format(Locale.ROOT, "%.2f", stage.limit) : "",
                    known ? String.format(Locale.ROOT, "%.0f %%", 100 * stage.fraction) : "");
        }
    }
}
