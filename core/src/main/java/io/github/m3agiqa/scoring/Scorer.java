package io.github.m3agiqa.scoring;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.AspectResult;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.Score;
import io.github.m3agiqa.ScoringException;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest.Blend;
import io.github.m3agiqa.hub.ModelManifest.Describe;
import io.github.m3agiqa.hub.PromptSlot;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.ChatTemplate;
import io.github.m3agiqa.mllm.Generation;
import io.github.m3agiqa.mllm.Session;
import io.github.m3agiqa.mllm.TokenizedConversation;
import io.github.m3agiqa.mllm.Turn;
import io.github.m3agiqa.predictor.PredictorInput;
import io.github.m3agiqa.scoring.LoadedModel.Head;
import io.github.m3agiqa.scoring.LoadedModel.Scored;
import io.github.m3agiqa.scoring.LoadedModel.Tuned;
import io.github.m3agiqa.scoring.Uses.Use;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Scope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Scores images with one model.
 *
 * <p>For each aspect the model describes the image and is then asked to rate it; it never answers, as the predictor
 * reads the score from the hidden states of that conversation. Aspects that share their weights share the encoded
 * image. May be used by several threads at a time. Once it is closed, whatever asks it for scores gets an
 * {@link IllegalStateException}.
 */
public final class Scorer implements AutoCloseable {
    private final LoadedModel model;
    private final ScoringOptions options;
    private final PictureReader pictures;
    private final Uses uses;

    private Scorer(LoadedModel model, ScoringOptions options) {
        this.model = model;
        this.options = options;
        this.pictures = new PictureReader(new ImageDecoder(options.limits()), model.alpha());
        this.uses = new Uses("the scorer of " + model.id(), model::close);
    }

    /**
     * Opens a model. Its weights are checked by name and shape now, and read when the first image needs them.
     *
     * @throws io.github.m3agiqa.ModelException if the model's files are missing, damaged or do not fit together
     */
    public static Scorer open(ModelFolder folder, ScoringOptions options) {
        return new Scorer(LoadedModel.open(folder, options), options);
    }

    /** The aspects that it scores: of those that it was opened for, what its model has. Empty if that is none. */
    public Set<Aspect> aspects() {
        return model.aspects();
    }

    /** Scores one image. Whatever goes wrong with it is part of the answer. */
    public Assessment score(ImagePrompt input) {
        return score(request(input));
    }

    /** Scores one image, perhaps not in all ways, and lets someone watch. Whatever goes wrong with it is part of the answer. */
    public Assessment score(ScoringRequest request) {
        return scoreTogether(List.of(request)).getFirst();
    }

    /** What {@link #score(ImagePrompt)} wants of an image: all aspects, described or not as the scorer was opened. */
    public ScoringRequest request(ImagePrompt input) {
        return new ScoringRequest(input, Set.of(), options.describe(), ScoringListener.NONE);
    }

    /**
     * Scores several images, of which {@link #together} have their descriptions generated together: that takes less time, as
     * each token's pass reads the model's weights once for all of them. Their scores are those that each has alone.
     * Whatever goes wrong with one is part of its answer.
     *
     * @throws IllegalArgumentException if one of them is null
     */
    public List<Assessment> score(List<ImagePrompt> inputs) {
        Guarded.checkGiven(inputs);
        try (Use _ = uses.begin()) {
            int together = inputs.size() > 1 ? triedTogether() : 1;
            List<Assessment> assessments = new ArrayList<>();
            for (int first = 0; first < inputs.size(); first += together) {
                assessments.addAll(scored(inputs.subList(first, Math.min(inputs.size(), first + together)).stream()
                        .map(this::request)
                        .toList()));
            }
            return assessments;
        }
    }

    /**
     * How many images have their descriptions generated together, 1 to 4: as many as this machine's kernels give the scores
     * that each has alone. The model is read for it when it is first asked.
     */
    public int together() {
        try (Use _ = uses.begin()) {
            return triedTogether();
        }
    }

    private int triedTogether() {
        if (!options.describe()) {
            return 1;
        }
        try (Scope _ = new Scope()) {
            return model.tuned().stream()
                    .flatMapToInt(tuned -> tuned.aspects().stream()
                            .mapToInt(scored -> Session.together(tuned.mllm(), generation(scored))))
                    .min()
                    .orElse(1);
        } finally {
            Engine.releaseThreads();
        }
    }

    /**
     * Scores images whose descriptions are generated together. A listener is told of such a description when it is whole.
     * Whatever goes wrong with an image is part of its answer.
     *
     * @param requests at most {@link #together}, if each is to have the scores that it has alone
     * @throws IllegalArgumentException if one of them is null
     */
    public List<Assessment> scoreTogether(List<ScoringRequest> requests) {
        Guarded.checkGiven(requests);
        try (Use _ = uses.begin()) {
            return scored(requests);
        }
    }

    private List<Assessment> scored(List<ScoringRequest> requests) {
        long start = System.nanoTime();
        try (Scope _ = new Scope()) {
            List<Scoring> scorings = requests.stream().map(Scoring::new).toList();
            scorings.forEach(Scoring::read);
            for (Tuned tuned : model.tuned()) {
                assess(tuned, scorings);
            }
            Duration share = Duration.ofNanos((System.nanoTime() - start) / Math.max(1, requests.size()));
            return scorings.stream().map(scoring -> scoring.assessment(share)).toList();
        } finally {
            Engine.releaseThreads();
        }
    }

    /** All aspects that one set of weights serves, over one encoding of each image for each way it is cut. */
    private void assess(Tuned tuned, List<Scoring> scorings) {
        List<Conversations> all = scorings.stream()
                .filter(scoring -> scoring.failure == null)
                .map(scoring -> new Conversations(tuned, scoring))
                .toList();
        try {
            for (Scored scored : tuned.aspects()) {
                List<Conversation> wanted = all.stream()
                        .filter(conversations -> conversations.scoring.request.wants(scored.aspect()))
                        .map(conversations -> new Conversation(scored, conversations))
                        .toList();
                wanted.forEach(conversation -> conversation.attempt(conversation::ask));
                describe(wanted, generation(scored));
                wanted.forEach(conversation -> conversation.attempt(conversation::rate));
                wanted.forEach(Conversation::tell);
            }
        } finally {
            all.forEach(Conversations::close);
        }
    }

    private Generation generation(Scored scored) {
        return FirstRound.generation(scored.settings().describe(), options);
    }

    /** Generates the descriptions that were asked for. */
    private static void describe(List<Conversation> conversations, Generation generation) {
        List<Conversation> asked = conversations.stream()
                .filter(conversation -> conversation.describing() != null)
                .toList();
        List<Session> sessions = asked.stream().map(Conversation::describing).toList();
        Guarded.generate(sessions, generation)
                .ifPresentOrElse(
                        texts -> IntStream.range(0, asked.size())
                                .forEach(i -> asked.get(i).described(texts.get(i))),
                        () -> asked.forEach(conversation -> conversation.describe(generation)));
    }

    /** One image on its way. */
    private final class Scoring {
        private final ScoringRequest request;
        private final Map<Aspect, AspectResult> results = new EnumMap<>(Aspect.class);
        private @Nullable RgbImage image;
        private @Nullable Failure failure;

        Scoring(ScoringRequest request) {
            this.request = request;
        }

        void read() {
            attempt(() -> {
                request.checkWanted();
                image = pictures.read(request.input());
                for (Aspect aspect : model.unavailable(request.aspects())) {
                    results.put(
                            aspect,
                            new Failure(
                                    ErrorCode.ASPECT_UNAVAILABLE,
                                    model.has(aspect)
                                            ? "%s was opened without its aspect %s".formatted(model.id(), aspect.id())
                                            : "%s has no aspect %s".formatted(model.id(), aspect.id())));
                }
            });
        }

        /** Does a part of the work, unless one before it failed. */
        void attempt(Runnable work) {
            if (failure == null) {
                failure = Guarded.run(request.input().image(), work);
            }
        }

        Assessment assessment(Duration elapsed) {
            return new Assessment(
                    request.input().image(),
                    request.input().prompt(),
                    model.id(),
                    failure == null ? results : Map.of(),
                    failure,
                    elapsed);
        }
    }

    /** All conversations of one set of weights about an image: one session for each way in which it is cut. */
    private final class Conversations implements AutoCloseable {
        private final Tuned tuned;
        private final Scoring scoring;
        private final RgbImage image;
        private final Map<SlicePlan, Session> open = new HashMap<>();

        Conversations(Tuned tuned, Scoring scoring) {
            this.tuned = tuned;
            this.scoring = scoring;
            this.image = Objects.requireNonNull(scoring.image);
        }

        Session cut(int maxSlices) {
            return open.computeIfAbsent(
                    tuned.mllm().plan(image, maxSlices),
                    plan -> new Session(tuned.mllm(), image, plan, capacity(), scoring.request::wanted));
        }

        /** The longest conversation of any aspect. */
        private int capacity() {
            long longest = tuned.aspects().stream()
                    .mapToLong(scored -> Math.max(
                            scored.settings().rate().maxLength(),
                            FirstRound.MAX_QUESTION_TOKENS
                                    + (long) generation(scored).maxNewTokens()))
                    .max()
                    .orElseThrow();
            return (int) Math.min(longest, tuned.mllm().llama().config().maxPositions());
        }

        @Override
        public void close() {
            open.values().forEach(Session::close);
        }
    }

    /** The conversation about one aspect of an image. */
    private static final class Conversation {
        private final Scored scored;
        private final Conversations about;
        private final ScoringRequest request;
        private final ChatTemplate template;
        private @Nullable String question;
        private @Nullable TokenizedConversation asked;
        private @Nullable Session describing;
        private @Nullable String description;
        private @Nullable AspectResult result;

        Conversation(Scored scored, Conversations about) {
            this.scored = scored;
            this.about = about;
            this.request = about.scoring.request;
            this.template = about.tuned.mllm().template();
        }

        /** Does a part of the work, unless one before it failed. */
        void attempt(Runnable work) {
            about.scoring.attempt(() -> {
                try {
                    if (result == null) {
                        work.run();
                    }
                } catch (ScoringException e) {
                    result = Failure.of(e);
                }
            });
        }

        private String rating() {
            return PromptSlot.fill(
                    scored.settings().rate().question(), request.input().prompt());
        }

        /** Round 1: reads the image and the question about it. */
        void ask() {
            Describe describe = scored.settings().describe();
            // a question that lacks its prompt is not worth the reading of an image
            String wording = request.describe()
                    ? PromptSlot.fill(describe.question(), request.input().prompt())
                    : null;
            rating();
            rated().rewind();
            request.checkWanted();
            if (wording != null) {
                Session session = about.cut(describe.maxSlices());
                session.rewind();
                request.listener().describing(scored.aspect(), wording);
                asked = FirstRound.question(about.tuned.mllm(), session.plan(), wording);
                session.read(asked);
                question = wording;
                describing = session;
            }
        }

        /** The session that is to generate the description; null if there is none to generate. */
        @Nullable
        Session describing() {
            return result == null && about.scoring.failure == null ? describing : null;
        }

        /** Generates the description alone, after what may have failed together with others. */
        void describe(Generation generation) {
            attempt(() -> {
                Session session = Objects.requireNonNull(describing);
                session.read(Objects.requireNonNull(asked));
                description = request.listener().equals(ScoringListener.NONE)
                        ? session.generate(generation)
                        : session.generate(
                                generation, more -> request.listener().described(scored.aspect(), more));
            });
        }

        /** Takes a description that was generated beside others. */
        void described(String whole) {
            attempt(() -> {
                description = whole;
                request.listener().described(scored.aspect(), whole);
            });
        }

        /** Round 2: the model is asked to rate, which is read but never answered. */
        void rate() {
            request.checkWanted();
            String rating = rating();
            List<Turn> turns = new ArrayList<>();
            if (question != null && description != null) {
                turns.add(Turn.user(question));
                turns.add(Turn.assistant(description));
            }
            turns.add(Turn.user(rating));
            request.listener().rating(scored.aspect(), rating);
            Head head = description == null ? scored.undescribed() : scored.described();
            Blend blend = scored.settings().blend();
            double raw;
            if (blend != null && (description != null || blend.always())) {
                double described = read(turns, scored.described());
                rated().rewind(); // so that it is read as without a description
                raw = blend.of(described, read(List.of(Turn.user(rating)), scored.undescribed()));
            } else {
                raw = read(turns, head);
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
            result = new Score(score, scale, interval, description);
        }

        /** The session that the rating question is read in. */
        private Session rated() {
            return about.cut(scored.settings().rate().maxSlices());
        }

        /** What a head makes of a conversation, or of its picture alone, on whatever scale it learned. */
        private double read(List<Turn> turns, Head head) {
            Session session = rated();
            if (head.reads() == PredictorInput.TOWER) {
                try (Scope _ = new Scope()) {
                    return head.score(session.view());
                }
            }
            int most = Math.min(
                    scored.settings().rate().maxLength(),
                    about.tuned.mllm().llama().config().maxPositions());
            TokenizedConversation conversation = shorten(template, session.plan(), turns, most);
            Tensor hidden = session.read(conversation); // (tokens, hidden)
            try (Scope _ = new Scope()) {
                return head.score(hidden, conversation, request.input().prompt());
            }
        }

        /** Makes the result part of the answer. */
        void tell() {
            about.scoring.attempt(() -> {
                AspectResult told = Objects.requireNonNull(result);
                about.scoring.results.put(scored.aspect(), told);
                request.listener().done(scored.aspect(), told);
            });
        }
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

    /** Closes the model. What is being scored is scored to its end, and the memory is given back after that. */
    @Override
    public void close() {
        uses.close();
    }
}
