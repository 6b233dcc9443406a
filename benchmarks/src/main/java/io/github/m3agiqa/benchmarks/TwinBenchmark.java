package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.PromptSlot;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.ChatTemplate;
import io.github.m3agiqa.mllm.Generation;
import io.github.m3agiqa.mllm.PublishedProcedure;
import io.github.m3agiqa.mllm.Session;
import io.github.m3agiqa.mllm.TokenizedConversation;
import io.github.m3agiqa.mllm.Turn;
import io.github.m3agiqa.predictor.Projection;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.weights.ModelWeights.LoraMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.bytedeco.pytorch.NoGradGuard;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A described score as it is made here, against the published procedure on the same networks. */
@Command(
        name = "twin",
        description = "Times a described score against one that is made as the published code makes it, turn by turn."
                + " int8 and fp16 are for ours alone; the twin then has bf16.",
        mixinStandardHelpOptions = true,
        footer = {"", "Example:", "  benchmarks/run twin --model models/nano --beams 3"})
final class TwinBenchmark implements Callable<Integer> {
    @Mixin
    private Setting setting = new Setting();

    @Option(names = "--beams", description = "How many beams (default: ${DEFAULT-VALUE}).")
    private int beams = 3;

    @Option(
            names = "--images",
            description = "How many images ours generates together, where it says the same then; times are an image's"
                    + " (default: ${DEFAULT-VALUE}).")
    private int images = 1;

    @Option(names = "--rounds", description = "How often (default: ${DEFAULT-VALUE}).")
    private int rounds = 5;

    @Option(
            names = "--literal-attention",
            description = "Leave the twin's attention in bf16, as published, where the engine is faster in float32.")
    private boolean literalAttention;

    private record Answer(String description, float score, double seconds) {}

    @Override
    public Integer call() {
        ModelFolder folder = setting.open();
        RgbImage image = setting.image();
        Precision literal = setting.precision.packed() ? Precision.BF16 : setting.precision;
        double[] ratios = new double[rounds];
        try (OpenedModel ours = setting.networks(folder);
                OpenedModel twins = new OpenedModel(folder, literal, setting.device, LoraMode.UNMERGED);
                Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            PublishedProcedure procedure = new PublishedProcedure(twins.network, literalAttention);
            Projection projection = ours.projection();
            int together = Math.min(images, Session.together(ours.network, generation(ours)));
            for (int round = -1; round < rounds; round++) {
                Answer a = ours(ours, projection, image, together);
                Answer b = twin(twins, procedure, image);
                System.out.printf(
                        Locale.ROOT,
                        "%s %.2f s, as published %.2f s: %.2f times; scores %.4f and %.4f, descriptions %s%n",
                        round < 0 ? "to warm up" : "ours, %d together,".formatted(together),
                        a.seconds,
                        b.seconds,
                        b.seconds / a.seconds,
                        a.score,
                        b.score,
                        a.description.equals(b.description) ? "alike" : "that differ");
                if (round >= 0) {
                    ratios[round] = b.seconds / a.seconds;
                }
            }
        }
        System.out.printf(Locale.ROOT, "median %.2f times%n", BatchingBenchmark.median(ratios));
        return 0;
    }

    private Answer ours(OpenedModel opened, Projection projection, RgbImage image, int together) {
        long start = System.nanoTime();
        SlicePlan plan = opened.network.plan(image, opened.aspect.describe().maxSlices());
        TokenizedConversation question = question(opened, plan);
        List<Session> sessions = new ArrayList<>();
        try (Scope _ = new Scope()) {
            for (int i = 0; i < together; i++) {
                sessions.add(new Session(
                        opened.network, image, plan, opened.aspect.rate().maxLength() + setting.tokens));
                sessions.getLast().read(question);
            }
            String description = "";
            float score = Float.NaN;
            List<String> descriptions = Session.generate(sessions, generation(opened));
            for (int i = 0; i < together; i++) {
                description = descriptions.get(i);
                TokenizedConversation rating = rating(opened, plan, description);
                score = opened.predictor.predict(
                        projection.apply(sessions.get(i).read(rating)));
            }
            return new Answer(description, score, (System.nanoTime() - start) / 1e9 / together);
        } finally {
            sessions.forEach(Session::close);
        }
    }

    private Answer twin(OpenedModel opened, PublishedProcedure procedure, RgbImage image) {
        long start = System.nanoTime();
        SlicePlan plan = opened.network.plan(image, opened.aspect.describe().maxSlices());
        try (Scope _ = new Scope()) {
            String description = procedure.describe(image, plan, question(opened, plan), generation(opened));
            TokenizedConversation rating = rating(opened, plan, description);
            PublishedProcedure.Read read = procedure.read(image, plan, rating);
            Projection projection = opened.predictor.projection();
            boolean readsLogits =
                    projection.inputSize() == opened.config.llama().vocabularySize();
            float score = opened.predictor.predict(projection.apply(readsLogits ? read.logits() : read.hidden()));
            return new Answer(description, score, (System.nanoTime() - start) / 1e9);
        }
    }

    private static TokenizedConversation question(OpenedModel opened, SlicePlan plan) {
        return opened.network.template().tokenize(plan, List.of(asked(opened)), true);
    }

    private static Turn asked(OpenedModel opened) {
        return Turn.user(PromptSlot.fill(opened.aspect.describe().question(), Setting.PROMPT));
    }

    private static TokenizedConversation rating(OpenedModel opened, SlicePlan plan, String description) {
        ChatTemplate template = opened.network.template();
        List<Turn> turns = List.of(
                asked(opened),
                Turn.assistant(description),
                Turn.user(PromptSlot.fill(opened.aspect.rate().question(), Setting.PROMPT)));
        return template.tokenizeWithin(plan, turns, opened.aspect.rate().maxLength())
                .orElseThrow();
    }

    private Generation generation(OpenedModel opened) {
        return new Generation(beams, opened.aspect.describe().repetitionPenalty(), setting.tokens);
    }
}
