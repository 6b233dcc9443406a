package io.github.m3agiqa.mllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.DrawnImages;
import io.github.m3agiqa.testing.TestModels;
import io.github.m3agiqa.weights.HeldTensors;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.SafetensorsFolder;
import io.github.m3agiqa.weights.WeightStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the cache saves must not change what is computed: everything here against a pass from scratch. */
class SessionTest {
    private static final Path BASE = TestModels.tiny().resolve("base");
    private static final int CAPACITY = 512;

    private static Tokenizer tokenizer;
    private Scope scope;
    private NoGradGuard noGradient;

    @BeforeAll
    static void load() {
        tokenizer = new Tokenizer(BASE.resolve("tokenizer.json"));
    }

    @AfterAll
    static void unload() {
        tokenizer.close();
    }

    @BeforeEach
    void open() {
        scope = new Scope();
        noGradient = new NoGradGuard();
    }

    @AfterEach
    void close() {
        noGradient.close();
        scope.close();
    }

    /** Tolerances: rounding in float32, and of bfloat16 operands. */
    @ParameterizedTest
    @CsvSource({"FP32, 512, 512, 2e-4", "FP32, 200, 100, 2e-4", "BF16, 512, 512, 0.15", "INT8, 512, 512, 0.3"})
    void aGrownConversationEqualsOneReadAtOnce(Precision precision, int width, int height, double tolerance) {
        MiniCpmV model = model(precision, 1);
        RgbImage image = image(width, height);
        SlicePlan plan = model.plan(image, 9);
        ChatTemplate template = model.template();
        Turn question = Turn.user("Please describe the quality of this image.");

        try (Session grown = new Session(model, image, plan, CAPACITY);
                Session atOnce = new Session(model, image, plan, CAPACITY)) {
            grown.read(template.tokenize(plan, List.of(question), true));
            String description = grown.generate(new Generation(3, 1.2, 20));
            TokenizedConversation whole = template.tokenize(
                    plan, List.of(question, Turn.assistant(description), Turn.user("Please rate it.")), false);

            float[] cached = Torch.toFloats(grown.read(whole));
            float[] scratch = Torch.toFloats(atOnce.read(whole));
            float[] published = Torch.toFloats(
                    new PublishedProcedure(model).read(image, plan, whole).hidden());

            assertThat(cached).hasSameSizeAs(scratch);
            for (int i = 0; i < cached.length; i++) {
                assertThat((double) cached[i]).isCloseTo(scratch[i], Offset.offset(tolerance));
                assertThat((double) published[i])
                        .as("what the benchmarks compare with")
                        .isCloseTo(scratch[i], Offset.offset(tolerance));
            }
        }
    }

    /** The whole picture first, then its slices; and no matter what is read. */
    @ParameterizedTest
    @CsvSource({"512, 512, 3", "200, 100, 1"})
    void aViewIsMeanAndDeviationOfThePatchesOfEachPiece(int width, int height, int pieces) {
        MiniCpmV model = model(Precision.FP32, 1);
        RgbImage image = image(width, height);
        SlicePlan plan = model.plan(image, 4);
        List<Tensor> features = model.vision().forward(plan.cut(image), LayerChain.PLAIN);

        try (Session session = new Session(model, image, plan, CAPACITY)) {
            session.read(model.template().tokenize(plan, List.of(Turn.user("Please rate it.")), false));

            assertThat(session.view().size(0)).isEqualTo(pieces);
            assertThat(session.view().size(1)).isEqualTo(model.viewSize());
            for (int i = 0; i < pieces; i++) {
                int vectorSize = model.viewSize() / 2;
                float[] patches = Torch.toFloats(features.get(i));
                float[] seen = Torch.toFloats(session.view().select(0, i));
                for (int j = 0; j < vectorSize; j++) {
                    int column = j;
                    double[] values = IntStream.range(0, patches.length / vectorSize)
                            .mapToDouble(patch -> patches[patch * vectorSize + column])
                            .toArray();
                    double mean = Arrays.stream(values).average().orElseThrow();
                    double variance = Arrays.stream(values)
                            .map(value -> (value - mean) * (value - mean))
                            .average()
                            .orElseThrow();
                    assertThat((double) seen[j]).isCloseTo(mean, Offset.offset(1e-4));
                    assertThat((double) seen[vectorSize + j]).isCloseTo(Math.sqrt(variance), Offset.offset(1e-4));
                }
            }
        }
    }

    /** Bit for bit: a score must not depend on what was asked before. */
    @Test
    void aRewoundSessionIsAsNew() {
        MiniCpmV model = model(Precision.FP32, 1);
        RgbImage image = image(512, 512);
        SlicePlan plan = model.plan(image, 9);
        TokenizedConversation other = model.template().tokenize(plan, List.of(Turn.user("Please rate it.")), true);
        TokenizedConversation question = model.template().tokenize(plan, List.of(Turn.user("Please describe")), true);

        try (Session used = new Session(model, image, plan, CAPACITY);
                Session fresh = new Session(model, image, plan, CAPACITY)) {
            used.read(other);
            used.generate(new Generation(3, 1.2, 10));
            used.rewind();

            assertThat(Torch.toFloats(used.read(question))).isEqualTo(Torch.toFloats(fresh.read(question)));
            assertThat(used.generate(new Generation(3, 1.2, 10))).isEqualTo(fresh.generate(new Generation(3, 1.2, 10)));
        }
    }

    /** Bit for bit, over pictures and questions of different lengths, in the precision whose rows never depend on one another. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void sessionsThatGenerateTogetherSayWhatEachSaysAlone(int beams) {
        MiniCpmV model = model(Precision.INT8, 1);
        Generation generation = new Generation(beams, 1.2, 20);
        List<Session> sessions = new ArrayList<>();
        List<String> alone = new ArrayList<>();
        List<float[]> states = new ArrayList<>();
        int together = Session.together(model, generation); // 4 on a processor that has FBGEMM
        try {
            for (int i = 0; i < together; i++) {
                RgbImage image = image(200 + 100 * i, 300);
                SlicePlan plan = model.plan(image, 9);
                Session session = new Session(model, image, plan, CAPACITY);
                sessions.add(session);
                TokenizedConversation question = model.template()
                        .tokenize(plan, List.of(Turn.user("Please describe it" + " again".repeat(i))), true);
                session.read(question);
                alone.add(session.generate(generation));
                states.add(Torch.toFloats(session.read(said(model, plan, i, alone.getLast()))));
                session.rewind();
                session.read(question);
            }

            assertThat(Session.generate(sessions, generation)).isEqualTo(alone);
            for (int i = 0; i < together; i++) {
                Session session = sessions.get(i);
                assertThat(Torch.toFloats(session.read(said(model, session.plan(), i, alone.get(i)))))
                        .as("hidden states of session %d", i)
                        .isEqualTo(states.get(i));
            }
        } finally {
            sessions.forEach(Session::close);
        }
    }

    /** And does not hold up another one. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void aTextThatIsNoLongerWantedEnds(int beams) {
        MiniCpmV model = model(Precision.INT8, 1e-3);
        RgbImage image = image(300, 200);
        SlicePlan plan = model.plan(image, 9);
        TokenizedConversation question = model.template().tokenize(plan, List.of(Turn.user("Please")), true);
        Generation generation = new Generation(beams, 1.2, 40);
        AtomicInteger asked = new AtomicInteger();
        try (Session left = new Session(model, image, plan, CAPACITY, () -> asked.incrementAndGet() < 5);
                Session other = new Session(model, image, plan, CAPACITY)) {
            other.read(question);
            String alone = other.generate(generation);
            other.rewind();
            left.read(question);
            other.read(question);

            List<String> texts = Session.generate(List.of(left, other), generation);

            assertThat(asked).hasValue(5);
            assertThat(texts.getLast()).isEqualTo(alone);
            assertThat(texts.getFirst().length()).isLessThan(alone.length());
        }
    }

    private static TokenizedConversation said(MiniCpmV model, SlicePlan plan, int i, String answer) {
        return model.template()
                .tokenize(
                        plan,
                        List.of(
                                Turn.user("Please describe it" + " again".repeat(i)),
                                Turn.assistant(answer),
                                Turn.user("Please rate it.")),
                        false);
    }

    /**
     * A layer over the logits, literally and folded into the head. Tolerances relative to the result: rounding in
     * float32; what the head's own precision costs the literal form in the others.
     */
    @ParameterizedTest
    @CsvSource({
        "FP32, 1, 16, 1e-5",
        "FP32, 50, 64, 1e-5",
        "BF16, 50, 64, 0.02",
        "INT8, 1, 64, 0.03",
        "INT8, 50, 64, 0.03"
    })
    void aLayerFoldedIntoTheHeadEqualsTheLiteralOne(Precision precision, int rows, int width, double tolerance) {
        Llama llama = model(precision, 1).llama();
        torch.manual_seed(2);
        Tensor layer = torch.randn(width, llama.config().vocabularySize());
        Tensor hidden = torch.randn(rows, llama.config().hiddenSize());

        Tensor literal = llama.logits(hidden).matmul(layer.t());
        Tensor folded = hidden.matmul(llama.foldIntoHead(layer).t());

        double difference = folded.sub(literal).norm().item().toDouble();
        assertThat(difference / literal.norm().item().toDouble()).isLessThan(tolerance);
    }

    @Test
    void saysHowManyTokensDoNotFit() {
        Llama.Config sizes = new Llama.Config(8, 8, 8, 1, 2, 1, 4, 1e-5, 1e4, 16);
        try (KvCache cache = new KvCache(sizes, Device.CPU, 4)) {
            cache.grow(3);
            assertThatIllegalStateException()
                    .isThrownBy(() -> cache.extension(2))
                    .withMessage("2 tokens do not fit after 3 of 4");
            assertThatIllegalStateException()
                    .isThrownBy(() -> cache.grow(2))
                    .withMessage("2 tokens do not fit after 3 of 4");
        }
    }

    /** With cached prefix and beams against a search that runs every text from scratch, at several stop rates. */
    @ParameterizedTest
    @CsvSource({"3, 1.2, 12, 1", "3, 1.2, 12, 3", "3, 1.0, 20, 5", "2, 1.5, 8, 5", "5, 1.2, 6, 8", "3, 1.2, 1, 1"})
    void beamSearchEqualsAPlainOne(int beams, double penalty, int maxNewTokens, double stopWeight) {
        MiniCpmV model = model(Precision.FP32, stopWeight);
        RgbImage image = image(300, 200);
        SlicePlan plan = model.plan(image, 9);
        Generation generation = new Generation(beams, penalty, maxNewTokens);
        for (String text : List.of("Please describe", "quality", "the image of the user")) {
            TokenizedConversation question = model.template().tokenize(plan, List.of(Turn.user(text)), true);
            try (Session session = new Session(model, image, plan, CAPACITY)) {
                session.read(question);

                String searched = session.generate(generation);

                int[] plain = plainBeamSearch(model, image, plan, question, generation);
                assertThat(searched).isEqualTo(model.template().text(plain));
                assertThat(new PublishedProcedure(model).describe(image, plan, question, generation))
                        .as("what the benchmarks compare with")
                        .isEqualTo(searched);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1.0, 12, 1", "1.3, 12, 4"})
    void greedySearchEqualsAPlainOne(double penalty, int maxNewTokens, double stopWeight) {
        MiniCpmV model = model(Precision.FP32, stopWeight);
        RgbImage image = image(300, 200);
        SlicePlan plan = model.plan(image, 9);
        TokenizedConversation question = model.template().tokenize(plan, List.of(Turn.user("Please")), true);
        try (Session session = new Session(model, image, plan, CAPACITY)) {
            session.read(question);

            String searched = session.generate(new Generation(1, penalty, maxNewTokens));

            List<Integer> tokens = new ArrayList<>();
            List<Integer> stops =
                    IntStream.of(model.template().stopIds()).boxed().toList();
            while (tokens.size() < maxNewTokens && (tokens.isEmpty() || !stops.contains(tokens.getLast()))) {
                float[] logits = Torch.toFloats(logits(model, image, plan, question, tokens));
                for (int token : List.copyOf(tokens).stream().distinct().toList()) {
                    logits[token] = (float) (logits[token] < 0 ? logits[token] * penalty : logits[token] / penalty);
                }
                tokens.add(IntStream.range(0, logits.length)
                        .boxed()
                        .max(Comparator.comparingDouble(i -> logits[i]))
                        .orElseThrow());
            }
            assertThat(searched)
                    .isEqualTo(model.template()
                            .text(tokens.stream().mapToInt(Integer::intValue).toArray()));
        }
    }

    /** A text ends where the longest conversation does. */
    @ParameterizedTest
    @CsvSource({"1, 0", "1, 5", "3, 0", "3, 5"})
    void aTextEndsWhereThereIsNoMoreRoom(int beams, int room) {
        MiniCpmV model = model(Precision.FP32, 1e-3);
        RgbImage image = image(300, 200);
        SlicePlan plan = model.plan(image, 9);
        TokenizedConversation question = model.template().tokenize(plan, List.of(Turn.user("Please")), true);
        try (Session narrow = new Session(model, image, plan, question.length() + room);
                Session wide = new Session(model, image, plan, CAPACITY)) {
            narrow.read(question);
            wide.read(question);

            assertThat(narrow.generate(new Generation(beams, 1.2, 40)))
                    .isNotEmpty()
                    .isEqualTo(wide.generate(new Generation(beams, 1.2, room + 1)));
        }
    }

    /** Also where the longest text ends it. */
    @ParameterizedTest
    @CsvSource({"1, 12, 1e-3", "1, 12, 4", "3, 12, 1"})
    void whatIsToldIsTheText(int beams, int maxNewTokens, double stopWeight) {
        MiniCpmV model = model(Precision.FP32, stopWeight);
        RgbImage image = image(300, 200);
        SlicePlan plan = model.plan(image, 9);
        try (Session session = new Session(model, image, plan, CAPACITY)) {
            session.read(model.template().tokenize(plan, List.of(Turn.user("Please")), true));
            List<String> told = new ArrayList<>();

            String text = session.generate(new Generation(beams, 1.2, maxNewTokens), told::add);

            assertThat(text).isNotEmpty();
            assertThat(String.join("", told)).isEqualTo(text);
        }
    }

    private record Text(List<Integer> tokens, double score) {}

    /** The algorithm as the specification words it, in double precision and without any cache. */
    private static int[] plainBeamSearch(
            MiniCpmV model, RgbImage image, SlicePlan plan, TokenizedConversation question, Generation generation) {
        List<Integer> stops = IntStream.of(model.template().stopIds()).boxed().toList();
        List<Text> open = List.of(new Text(List.of(), 0));
        List<Text> closed = new ArrayList<>();
        for (int length = 1; length <= generation.maxNewTokens(); length++) {
            List<Text> candidates = new ArrayList<>();
            for (Text text : open) {
                float[] log = Torch.toFloats(torch.log_softmax(logits(model, image, plan, question, text.tokens), -1));
                for (int token = 0; token < log.length; token++) {
                    boolean repeated = text.tokens.contains(token);
                    double penalized = repeated ? log[token] * generation.repetitionPenalty() : log[token];
                    List<Integer> longer = new ArrayList<>(text.tokens);
                    longer.add(token);
                    candidates.add(new Text(longer, text.score + penalized));
                }
            }
            candidates.sort(Comparator.comparingDouble(Text::score).reversed());
            List<Text> next = new ArrayList<>();
            for (int rank = 0; next.size() < generation.beams(); rank++) {
                Text candidate = candidates.get(rank);
                if (!stops.contains(candidate.tokens.getLast())) {
                    next.add(candidate);
                } else if (rank < generation.beams()) {
                    close(closed, candidate, generation.beams());
                }
            }
            open = next;
            if (closed.size() == generation.beams()
                    && value(closed.getLast()) >= candidates.getFirst().score / length) {
                return ids(closed.getFirst());
            }
        }
        open.forEach(text -> close(closed, text, generation.beams()));
        return ids(closed.getFirst());
    }

    private static void close(List<Text> closed, Text text, int beams) {
        closed.add(text);
        closed.sort(Comparator.comparingDouble(SessionTest::value).reversed());
        if (closed.size() > beams) {
            closed.removeLast();
        }
    }

    private static double value(Text text) {
        return text.score / text.tokens.size();
    }

    private static int[] ids(Text text) {
        return text.tokens.stream().mapToInt(Integer::intValue).toArray();
    }

    /** The logits after the question and some tokens, computed from scratch, (vocabulary). */
    private static Tensor logits(
            MiniCpmV model, RgbImage image, SlicePlan plan, TokenizedConversation question, List<Integer> tokens) {
        Llama llama = model.llama();
        int length = question.length() + tokens.size();
        List<Tensor> parts = new ArrayList<>();
        parts.add(model.embed(question, model.encode(image, plan), 0, question.length()));
        if (!tokens.isEmpty()) {
            parts.add(llama.embed(tokens.stream().mapToInt(Integer::intValue).toArray()));
        }
        try (KvCache cache = new KvCache(llama.config(), Device.CPU, length)) {
            Tensor hidden = llama.forward(Torch.cat(0, parts), cache.extension(length));
            return llama.logits(hidden.narrow(0, length - 1L, 1)).squeeze(0);
        }
    }

    /** The tiny base, with the stop token's logit made larger so that texts end in different ways. */
    private static MiniCpmV model(Precision precision, double stopWeight) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        try (SafetensorsFolder source = new SafetensorsFolder(BASE)) {
            source.tensors()
                    .keySet()
                    .forEach(name -> tensors.put(
                            name, source.load(name, Dtype.F32, Device.CPU).clone()));
        }
        Tensor head = Objects.requireNonNull(tensors.get("llm.lm_head.weight"));
        Tensor row = head.narrow(0, tokenizer.control("<|eot_id|>"), 1);
        row.copy_(Torch.scale(row, stopWeight));
        return new MiniCpmV(
                MiniCpmVConfig.read(BASE.resolve("config.json")),
                VisionMode.PUBLISHED,
                ModelWeights.of(new WeightStore(new HeldTensors("memory", tensors), precision, Device.CPU)),
                tokenizer);
    }

    private static RgbImage image(int width, int height) {
        byte[] png = DrawnImages.encode(DrawnImages.landscape(width, height, 7), "png");
        return new ImageDecoder(ImageDecoder.Limits.DEFAULT).decode("drawn", png, AlphaMode.WHITE);
    }
}
