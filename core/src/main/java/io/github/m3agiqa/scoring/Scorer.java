package io.github.m3agiqa.scoring;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.AspectResult;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.M3AgiqaException;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.Score;
import io.github.m3agiqa.ScoringException;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest.Describe;
import io.github.m3agiqa.hub.ModelManifest.Rate;
import io.github.m3agiqa.hub.PromptSlot;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.ChatTemplate;
import io.github.m3agiqa.mllm.Generation;
import io.github.m3agiqa.mllm.Session;
import io.github.m3agiqa.mllm.TokenizedConversation;
import io.github.m3agiqa.mllm.Turn;
import io.github.m3agiqa.scoring.LoadedModel.Head;
import io.github.m3agiqa.scoring.LoadedModel.Scored;
import io.github.m3agiqa.scoring.LoadedModel.Tuned;
import io.github.m3agiqa.tensor.Scope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Scores images with one model.
 *
 * <p>For each aspect the model describes the image and is then asked to rate it; it never answers, as the predictor
 * reads the score from the hidden states of that conversation. Aspects that share their weights share the encoded
 * image. May be used by several threads at a time.
 */
public final class Scorer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Scorer.class);

    private final LoadedModel model;
    private final ScoringOptions options;
    private final PictureReader pictures;

    private Scorer(LoadedModel model, ScoringOptions options) {
        this.model = model;
        this.options = options;
        this.pictures = new PictureReader(new ImageDecoder(options.limits()), model.alpha());
    }

    /**
     * Opens a model. Its weights are checked by name and shape now, and read when the first image needs them.
     *
     * @throws io.github.m3agiqa.ModelException if the model's files are missing, damaged or do not fit together
     */
    public static Scorer open(ModelFolder folder, ScoringOptions options) {
        return new Scorer(LoadedModel.open(folder, options), options);
    }

    /** Scores one image. Whatever goes wrong with it is part of the answer. */
    public Assessment score(ImagePrompt input) {
        return score(input, Set.of(), options.describe(), ScoringListener.NONE);
    }

    /**
     * Scores one image, perhaps not in all ways, and lets someone watch. Whatever goes wrong with it is part of the answer.
     *
     * @param aspects the aspects to score, of those that the scorer was opened for; empty for all of them
     * @param describe whether the model describes the image first
     */
    public Assessment score(ImagePrompt input, Set<Aspect> aspects, boolean describe, ScoringListener listener) {
        long start = System.nanoTime();
        Map<Aspect, AspectResult> results = new EnumMap<>(Aspect.class);
        Failure failure = null;
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            RgbImage image = pictures.read(input);
            Request request = new Request(input.prompt(), aspects, describe, listener);
            for (Aspect aspect : model.unavailable(aspects)) {
                results.put(
                        aspect,
                        new Failure(
                                ErrorCode.ASPECT_UNAVAILABLE,
                                "%s has no aspect %s".formatted(model.id(), aspect.id())));
            }
            for (Tuned tuned : model.tuned()) {
                results.putAll(assess(tuned, image, request));
            }
        } catch (M3AgiqaException e) {
            failure = Failure.of(e);
        } catch (RuntimeException e) {
            LOG.error("{}: unexpected error", input.image(), e);
            failure = new Failure(ErrorCode.INTERNAL, "%s: unexpected error: %s".formatted(input.image(), e));
        }
        Duration elapsed = Duration.ofNanos(System.nanoTime() - start);
        return new Assessment(
                input.image(), input.prompt(), model.id(), failure == null ? results : Map.of(), failure, elapsed);
    }

    /** What is wanted of one image. */
    private record Request(@Nullable String prompt, Set<Aspect> aspects, boolean describe, ScoringListener listener) {
        boolean wants(Aspect aspect) {
            return aspects.isEmpty() || aspects.contains(aspect);
        }

        void checkWanted() {
            if (listener.cancelled()) {
                throw new ScoringException(ErrorCode.TIMEOUT, "the answer was not there in time");
            }
        }
    }

    /** All aspects that one set of weights serves, over one encoding of the image for each way it is cut. */
    private Map<Aspect, AspectResult> assess(Tuned tuned, RgbImage image, Request request) {
        Map<Aspect, AspectResult> results = new EnumMap<>(Aspect.class);
        try (Sessions sessions = new Sessions(tuned, image)) {
            for (Scored scored : tuned.aspects()) {
                if (!request.wants(scored.aspect())) {
                    continue;
                }
                AspectResult result;
                try {
                    result = assess(tuned, scored, sessions, request);
                } catch (ScoringException e) {
                    result = Failure.of(e);
                }
                results.put(scored.aspect(), result);
                request.listener.done(scored.aspect(), result);
            }
        }
        return results;
    }

    private Score assess(Tuned tuned, Scored scored, Sessions sessions, Request request) {
        ChatTemplate template = tuned.mllm().template();
        Describe describe = scored.settings().describe();
        Rate rate = scored.settings().rate();
        // a question that lacks its prompt is not worth the reading of an image
        String question = request.describe ? PromptSlot.fill(describe.question(), request.prompt) : null;
        String rating = PromptSlot.fill(rate.question(), request.prompt);
        List<Turn> turns = new ArrayList<>();
        Session session = sessions.cut(rate.maxSlices());
        session.rewind();

        // round 1: describe
        String description = null;
        request.checkWanted();
        if (question != null) {
            Session describing = sessions.cut(describe.maxSlices());
            describing.rewind();
            turns.add(Turn.user(question));
            request.listener.describing(scored.aspect(), question);
            describing.read(FirstRound.question(template, describing.plan(), question));
            Generation generation = FirstRound.generation(describe, options);
            description = request.listener.equals(ScoringListener.NONE)
                    ? describing.generate(generation)
                    : describing.generate(generation, more -> {
                        request.checkWanted();
                        request.listener.described(scored.aspect(), more);
                    });
            turns.add(Turn.assistant(description));
        }

        // round 2: rate, read but never answered
        turns.add(Turn.user(rating));
        request.listener.rating(scored.aspect(), rating);
        TokenizedConversation conversation = shorten(template, session.plan(), turns, rate.maxLength());
        Tensor hidden = session.read(conversation); // (tokens, hidden)
        Head head = question == null ? scored.undescribed() : scored.described();
        double raw;
        try (Scope _ = new Scope()) {
            raw = head.score(hidden, conversation, request.prompt);
        }
        if (!Double.isFinite(raw)) {
            throw new ScoringException(
                    ErrorCode.SCORE_NOT_FINITE,
                    "%s: the model computed %s".formatted(scored.aspect().id(), raw));
        }
        Scale scale = scored.settings().scale();
        double score = scale.clamp(raw);
        Interval interval = Optional.ofNullable(head.calibration())
                .map(calibration -> calibration.interval(score, scale))
                .orElse(null);
        return new Score(score, scale, interval, description);
    }

    /** A conversation that the predictor has room for. */
    private static TokenizedConversation shorten(
            ChatTemplate template, SlicePlan plan, List<Turn> turns, int maxLength) {
        return template.tokenizeWithin(plan, turns, maxLength)
                .orElseThrow(() -> new ScoringException(
                        ErrorCode.CONVERSATION_TOO_LONG,
                        "image and questions take more than the %d tokens that the model reads; use a shorter prompt or a smaller image"
                                .formatted(maxLength)));
    }

    /** One session for each way in which the image is cut. */
    private final class Sessions implements AutoCloseable {
        private final Tuned tuned;
        private final RgbImage image;
        private final Map<SlicePlan, Session> open = new HashMap<>();

        Sessions(Tuned tuned, RgbImage image) {
            this.tuned = tuned;
            this.image = image;
        }

        Session cut(int maxSlices) {
            return open.computeIfAbsent(
                    tuned.mllm().plan(image, maxSlices), plan -> new Session(tuned.mllm(), image, plan, capacity()));
        }

        /** The longest conversation of any aspect. */
        private int capacity() {
            int longest = tuned.aspects().stream()
                    .mapToInt(scored -> Math.max(
                            scored.settings().rate().maxLength(),
                            FirstRound.MAX_QUESTION_TOKENS
                                    + FirstRound.generation(scored.settings().describe(), options)
                                            .maxNewTokens()))
                    .max()
                    .orElseThrow();
            return Math.min(longest, tuned.mllm().llama().config().maxPositions());
        }

        @Override
        public void close() {
            open.values().forEach(Session::close);
        }
    }

    @Override
    public void close() {
        model.close();
    }
}
