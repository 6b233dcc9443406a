package io.github.m3agiqa.mllm;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.BeamSearch.Candidate;
import io.github.m3agiqa.mllm.BeamSearch.Hypothesis;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.Goldens;
import io.github.m3agiqa.testing.Parity;
import io.github.m3agiqa.testing.Release;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.ModelWeights.LoraMode;
import io.github.m3agiqa.weights.PeftAdapter;
import io.github.m3agiqa.weights.SafetensorsFolder;
import io.github.m3agiqa.weights.WeightStore;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every step of the multimodal model on the tiny release; tolerances are those that its authors recommend. */
@Tag("shared")
class ReleaseMllmTest {
    private static final Parity PARITY = new Parity("release MLLM");
    private static final double VISION_TOLERANCE = 5e-5;
    private static final double HIDDEN_TOLERANCE = 1e-4;
    private static final double LOGIT_TOLERANCE = 5e-4;

    private static Tokenizer tokenizer;
    private static WeightStore store;
    private static MiniCpmV model;
    private Scope scope;
    private NoGradGuard noGradient;

    @BeforeAll
    static void load() {
        Path base = Release.folder().resolve("base");
        tokenizer = new Tokenizer(base.resolve("tokenizer.json"));
        store = new WeightStore(new SafetensorsFolder(base), Precision.FP32, Device.CPU);
        ModelWeights weights =
                ModelWeights.of(store, new PeftAdapter(Release.folder().resolve("adapter")), LoraMode.UNMERGED);
        model = new MiniCpmV(
                MiniCpmVConfig.read(base.resolve("config.json")), VisionMode.PUBLISHED, weights, tokenizer);
    }

    @AfterAll
    static void unload() {
        model.close();
        store.close();
        tokenizer.close();
        PARITY.write();
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

    static List<Release.Case> cases() {
        return Release.cases();
    }

    @Test
    void tokenizes() {
        Release.expected()
                .path("tokenizer_samples")
                .properties()
                .forEach(sample -> PARITY.same(
                        "token ids of samples", list(tokenizer.encode(sample.getKey())), list(sample.getValue())));
        Release.expected()
                .path("special_ids")
                .properties()
                .forEach(special -> PARITY.same(
                        "ids of special tokens",
                        list(tokenizer.encode(special.getKey().replace("Ċ", "\n"))),
                        List.of(special.getValue().asInt())));
        JsonNode decoded = Release.expected().path("decode_sample");
        PARITY.same(
                "decoded text",
                model.template().text(Goldens.ints(decoded.path("ids"))),
                decoded.path("text").asText());
        JsonNode cleanUp = Release.expected().path("space_cleanup_sample");
        PARITY.same(
                "space clean-up",
                ChatTemplate.strip(ChatTemplate.closeUp(cleanUp.path("before").asText())),
                ChatTemplate.strip(cleanUp.path("after").asText()));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void cutsImages(Release.Case given) {
        RgbImage image = given.image();
        PARITY.same(
                "decoded pixels, CRC32",
                crc32(image.pixels()),
                given.expected().path("original").path("crc32_rgb").asText());
        for (String round : List.of("slice_plan_chat", "slice_plan_predictor")) {
            JsonNode expected = given.expected().path(round);
            SlicePlan plan = model.plan(image, expected.path("max_slice_nums").asInt());
            PARITY.same(
                    "number of images",
                    plan.images(),
                    expected.path("num_images").asInt());
            List<RgbImage> pieces = plan.cut(image);
            for (int i = 0; i < pieces.size(); i++) {
                RgbImage piece = pieces.get(i);
                PARITY.same(
                        "patches of each image",
                        List.of(piece.height() / 14, piece.width() / 14),
                        list(expected.path("patches_hw").get(i)));
                PARITY.same(
                        "resized pixels, CRC32",
                        crc32(piece.pixels()),
                        expected.path("crc32_u8_rgb").get(i).asText());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void describes(Release.Case given) {
        JsonNode expected = given.expected().path("round1");
        RgbImage image = given.image();
        SlicePlan plan = model.plan(image, 9);
        TokenizedConversation question = model.template()
                .tokenize(plan, List.of(Turn.user(expected.path("user_content").asText())), true);
        PARITY.same("round 1, token ids", list(question.ids()), list(expected.path("input_ids")));
        comparePlaces(question, expected);
        comparePictures(image, plan, expected);

        try (Session session = new Session(model, image, plan, 1024)) {
            Tensor hidden = session.read(question);
            Tensor last = hidden.narrow(0, question.length() - 1L, 1);
            JsonNode logits = expected.path("last_position_logits");
            Tensor actual = model.llama().logits(last).squeeze(0);
            PARITY.compare(
                    "round 1, first logits of the last position",
                    actual.narrow(0, 0, 4),
                    Goldens.doubles(logits.path("first4")),
                    LOGIT_TOLERANCE);
            Torch.Top top = Torch.top(actual, 5);
            PARITY.compare(
                    "round 1, largest logits", top.values(), Goldens.doubles(logits.path("top5")), LOGIT_TOLERANCE);
            PARITY.same("round 1, likeliest tokens", list(Torch.toLongs(top.indices())), list(logits.path("top5_ids")));
            if (given.index() == 1) {
                PARITY.compare(
                        "round 1, all logits of the last position",
                        actual,
                        Goldens.doubles(Release.tensor("case1.round1.logits_last_position")),
                        LOGIT_TOLERANCE);
            }
        }
        compareBeams(image, plan, question, expected.path("beam"));
        compareGreedy(image, plan, question, expected.path("greedy"));
    }

    private void comparePlaces(TokenizedConversation conversation, JsonNode expected) {
        PARITY.same(
                "image bounds",
                conversation.images().stream()
                        .map(span -> List.of(span.start(), span.end()))
                        .toList(),
                stream(expected.path("image_bound")).stream()
                        .map(ReleaseMllmTest::list)
                        .toList());
    }

    private void comparePictures(RgbImage image, SlicePlan plan, JsonNode expected) {
        List<RgbImage> pieces = plan.cut(image);
        Tensor padded = model.vision()
                .encodePadded(pieces.stream().map(model.vision()::patches).toList(), LayerChain.PLAIN);
        int[] ids = PositionBuckets.of((int) padded.size(1), 70);
        ByteBuffer bytes = ByteBuffer.allocate(4 * ids.length).order(ByteOrder.LITTLE_ENDIAN);
        Arrays.stream(ids).forEach(bytes::putInt);
        if (expected.has("vision_position_ids_crc32_int32le")) {
            PARITY.same(
                    "vision position ids, CRC32",
                    crc32(bytes.array()),
                    expected.path("vision_position_ids_crc32_int32le").asText());
        }
        List<Tensor> pictures = model.encode(image, plan);
        for (int i = 0; i < pieces.size(); i++) {
            int at = i;
            JsonNode piece = expected.path("sub_images").get(i);
            piece.path("vision")
                    .properties()
                    .forEach(row -> PARITY.compare(
                            "vision tower, rows with padding",
                            padded.select(0, at)
                                    .select(0, Integer.parseInt(row.getKey()))
                                    .narrow(0, 0, 4),
                            Goldens.doubles(row.getValue()),
                            VISION_TOLERANCE));
            piece.path("resampler")
                    .properties()
                    .forEach(row -> PARITY.compare(
                            "resampler, rows",
                            pictures.get(at)
                                    .select(0, Integer.parseInt(row.getKey()))
                                    .narrow(0, 0, 4),
                            Goldens.doubles(row.getValue()),
                            VISION_TOLERANCE));
            PARITY.compare(
                    "resampler, mean magnitude of an image",
                    pictures.get(i).abs().mean().item().toDouble(),
                    piece.path("resampler_stats").path("abs_mean").asDouble(),
                    VISION_TOLERANCE / 10);
        }
    }

    private void compareBeams(RgbImage image, SlicePlan plan, TokenizedConversation question, JsonNode expected) {
        JsonNode trace = expected.path("trace");
        List<List<Candidate>> steps = new ArrayList<>();
        List<List<Hypothesis>> finished = new ArrayList<>();
        List<Hypothesis> best;
        Llama llama = model.llama();
        try (KvCache cache = new KvCache(llama.config(), Device.CPU, question.length());
                BeamCache beams = new BeamCache(cache, llama, 3)) {
            Tensor embeddings = model.embed(question, model.encode(image, plan), 0, question.length());
            Tensor hidden = llama.forward(embeddings, cache.extension(question.length()));
            cache.grow(question.length());
            BeamSearch search = new BeamSearch(
                    beams,
                    hidden.narrow(0, question.length() - 1L, 1),
                    new Generation(3, 1.2, 24),
                    model.template().stopIds(),
                    (candidates, closed) -> {
                        steps.add(candidates);
                        finished.add(List.copyOf(closed));
                    });
            Decoding.run(llama, List.of(search));
            best = search.found();
        }
        PARITY.same("beam search, steps", steps.size(), trace.size());
        for (int step = 0; step < steps.size(); step++) {
            JsonNode candidates = trace.get(step).path("candidates");
            for (int rank = 0; rank < candidates.size(); rank++) {
                Candidate candidate = steps.get(step).get(rank);
                JsonNode wanted = candidates.get(rank);
                PARITY.same(
                        "beam search, beam and token of each candidate",
                        List.of(candidate.beam(), candidate.token()),
                        List.of(wanted.get(0).asInt(), wanted.get(1).asInt()));
                PARITY.compare(
                        "beam search, score of each candidate",
                        candidate.score(),
                        wanted.get(2).asDouble(),
                        LOGIT_TOLERANCE);
            }
        }
        for (int step = 0; step < steps.size(); step++) {
            for (JsonNode closed : trace.get(step).path("closed")) {
                PARITY.same(
                        "beam search, token that closes a text",
                        finished.get(step).getLast().tokens().getLast(),
                        closed.get(0).asInt());
                PARITY.compare(
                        "beam search, values of finished texts",
                        finished.get(step).getLast().value(),
                        closed.get(1).asDouble(),
                        5e-5);
            }
        }
        JsonNode hypotheses = expected.path("hypotheses");
        for (int i = 0; i < hypotheses.size(); i++) {
            PARITY.same(
                    "beam search, finished texts",
                    best.get(i).tokens(),
                    list(hypotheses.get(i).path("ids")));
            PARITY.compare(
                    "beam search, values of finished texts",
                    best.get(i).value(),
                    hypotheses.get(i).path("value").asDouble(),
                    5e-5);
        }
        int[] ids =
                best.getFirst().tokens().stream().mapToInt(Integer::intValue).toArray();
        PARITY.same("beam search, ids", list(ids), list(expected.path("ids")));
        PARITY.same(
                "beam search, text",
                model.template().text(ids),
                expected.path("text").asText());
        PARITY.same(
                "beam search, text of the twin that speeds are compared with",
                new PublishedProcedure(model).describe(image, plan, question, new Generation(3, 1.2, 24)),
                expected.path("text").asText());
    }

    private void compareGreedy(RgbImage image, SlicePlan plan, TokenizedConversation question, JsonNode expected) {
        try (Session session = new Session(model, image, plan, 1024)) {
            session.read(question);
            PARITY.same(
                    "greedy search, text",
                    session.generate(new Generation(1, 1, 24)),
                    expected.path("text").asText());
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void readsTheConversation(Release.Case given) {
        JsonNode expected = given.expected().path("predictor");
        RgbImage image = given.image();
        SlicePlan plan = model.plan(image, 4);
        TokenizedConversation conversation = model.template()
                .tokenize(
                        plan,
                        List.of(
                                Turn.user(given.expected()
                                        .path("round1")
                                        .path("user_content")
                                        .asText()),
                                Turn.assistant(given.expected()
                                        .path("round1")
                                        .path("beam")
                                        .path("text")
                                        .asText()),
                                Turn.user(Release.expected()
                                        .path("rating_questions")
                                        .path("quality")
                                        .asText())),
                        false);
        PARITY.same("round 2, token ids", list(conversation.ids()), list(expected.path("input_ids")));
        comparePlaces(conversation, expected);
        comparePictures(image, plan, expected);
        PARITY.compare(
                "resampler, all",
                Torch.stack(model.encode(image, plan)),
                Goldens.doubles(Release.tensor("case%d.predictor.resampler_out".formatted(given.index()))),
                VISION_TOLERANCE);
        double[] lastHidden = Goldens.doubles(Release.tensor("case%d.predictor.last_hidden".formatted(given.index())));
        try (Session session = new Session(model, image, plan, 768)) {
            Tensor hidden = session.read(conversation);
            PARITY.compare("hidden states, all", hidden, lastHidden, HIDDEN_TOLERANCE);
            PARITY.compare(
                    "hidden states, all, of the twin that speeds are compared with",
                    new PublishedProcedure(model)
                            .read(image, plan, conversation)
                            .hidden(),
                    lastHidden,
                    HIDDEN_TOLERANCE);
            Tensor logits = model.llama().logits(hidden);
            PARITY.compare(
                    "logits, last position",
                    logits.select(0, -1),
                    Goldens.doubles(Release.tensor("case%d.predictor.logits_last_position".formatted(given.index()))),
                    LOGIT_TOLERANCE);
            expected.path("logits")
                    .path("rows")
                    .properties()
                    .forEach(row -> PARITY.compare(
                            "logits, rows",
                            logits.select(0, Integer.parseInt(row.getKey())).narrow(0, 0, 4),
                            Goldens.doubles(row.getValue()),
                            LOGIT_TOLERANCE));
            expected.path("logits")
                    .path("argmax")
                    .properties()
                    .forEach(row -> PARITY.same(
                            "likeliest token of a position",
                            Torch.toLongs(Torch.top(logits.select(0, Integer.parseInt(row.getKey())), 1)
                                    .indices())[0],
                            row.getValue().asLong()));
        }
        if (given.index() == 1) {
            PARITY.compare(
                    "vision tower, all",
                    model.vision()
                            .encodePadded(
                                    plan.cut(image).stream()
                                            .map(model.vision()::patches)
                                            .toList(),
                                    LayerChain.PLAIN),
                    Goldens.doubles(Release.tensor("case1.predictor.vision_out")),
                    VISION_TOLERANCE);
        }
    }

    @Test
    void leavesOutNothingOfTheRelease() {
        assertThat(Release.cases()).hasSize(4);
    }

    private static List<Integer> list(int[] numbers) {
        return Arrays.stream(numbers).boxed().toList();
    }

    private static List<Integer> list(long[] numbers) {
        return Arrays.stream(numbers).mapToObj(Math::toIntExact).toList();
    }

    private static List<Integer> list(JsonNode numbers) {
        return list(Goldens.ints(numbers));
    }

    private static List<JsonNode> stream(JsonNode array) {
        List<JsonNode> items = new ArrayList<>();
        array.forEach(items::add);
        return items;
    }

    private static String crc32(byte[] bytes) {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return HexFormat.of().toHexDigits((int) crc.getValue());
    }
}
