package io.github.m3agiqa.scoring;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.Required;
import io.github.m3agiqa.ScoringException;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.hub.ModelManifest.Describe;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.Generation;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.Session;
import io.github.m3agiqa.mllm.TokenizedConversation;
import io.github.m3agiqa.mllm.Turn;
import io.github.m3agiqa.scoring.Uses.Use;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Lets a tuned model answer both rounds of a conversation itself: it describes the image, and is then asked to rate it,
 * over its own description. The image is cut as for the description in both rounds, and both answers are generated
 * alike, as the authors' {@code response_0} and {@code response_1} were. No predictor is needed. May be used by several
 * threads at a time. Once it is closed, whatever asks it for answers gets an {@link IllegalStateException}.
 */
public final class Describer implements AutoCloseable {
    /** A description may take a few more tokens when it is read than when it was generated. */
    private static final int SPARE_TOKENS = 64;

    private final Uses uses;
    private final MiniCpmV mllm;
    private final Describe describe;
    private final Generation generation;
    private final PictureReader pictures;

    private Describer(String name, LoadedMllm model, AspectManifest settings, ScoringOptions options) {
        this.uses = new Uses("the describer of " + name, model::close);
        this.mllm = model.variants().getFirst().mllm();
        this.describe = settings.describe();
        this.generation = FirstRound.generation(describe, options);
        this.pictures = new PictureReader(new ImageDecoder(options.limits()), model.alpha());
    }

    /**
     * Opens a model for one aspect.
     *
     * @param options of which the aspects and {@code describe} do not count
     * @throws ModelException if the model's files are missing, damaged or do not fit together, or it has no such aspect
     */
    public static Describer open(ModelFolder folder, Aspect aspect, ScoringOptions options) {
        AspectManifest settings = folder.manifest().aspect(aspect);
        LoadedMllm model = LoadedMllm.open(folder, options.withAspects(Set.of(aspect)));
        return new Describer(folder.manifest().id(), model, settings, options);
    }

    /**
     * What is asked about an image.
     *
     * @param image of which the prompt does not count
     * @param describe the first round's question, its prompt filled in
     * @param rate the second round's question; null if there is no second round
     */
    public record Request(
            ImagePrompt image, String describe, @Nullable String rate) {
        public Request {
            Required.of("image", image);
            Required.of("describe", describe);
        }
    }

    /** Answers about one image. Whatever goes wrong with it is part of the answer. */
    public Answers answer(Request request) {
        return answerTogether(List.of(request)).getFirst();
    }

    /**
     * How many images have their answers generated together, 1 to 4: as many as this machine's kernels give the answers that each
     * has alone. The model is read for it when it is first asked.
     */
    public int together() {
        try (Use _ = uses.begin();
                Scope _ = new Scope()) {
            return Session.together(mllm, generation);
        } finally {
            Engine.releaseThreads();
        }
    }

    /**
     * Answers about images, in passes over the model that they share. Whatever goes wrong with one is part of its answer.
     *
     * @param requests at most {@link #together}, if each is to have the answers that it has alone
     * @throws IllegalArgumentException if one of them is null
     */
    public List<Answers> answerTogether(List<Request> requests) {
        Guarded.checkGiven(requests);
        try (Use _ = uses.begin();
                Scope _ = new Scope()) {
            List<Conversation> all = requests.stream().map(Conversation::new).toList();
            try {
                all.forEach(Conversation::begin);
                hear(all);
                all.forEach(Conversation::askToRate);
                hear(all);
                return all.stream().map(Conversation::answers).toList();
            } finally {
                all.forEach(Conversation::close);
            }
        } finally {
            Engine.releaseThreads();
        }
    }

    /** Generates the answers to what was asked last. */
    private void hear(List<Conversation> conversations) {
        List<Conversation> asked = conversations.stream()
                .filter(conversation -> conversation.failure == null && conversation.question != null)
                .toList();
        List<Session> sessions = asked.stream().map(Conversation::session).toList();
        Guarded.generate(sessions, generation)
                .ifPresentOrElse(
                        answers -> IntStream.range(0, asked.size())
                                .forEach(i -> asked.get(i).answered(answers.get(i))),
                        () -> asked.forEach(Conversation::hearAlone));
    }

    /** Both rounds about one image. */
    private final class Conversation {
        private final Request request;
        private final List<String> answers = new ArrayList<>();
        private @Nullable Session session;
        private @Nullable TokenizedConversation question; // that was asked and is to be answered
        private int capacity;
        private @Nullable Failure failure;

        Conversation(Request request) {
            this.request = request;
        }

        Session session() {
            return Objects.requireNonNull(session);
        }

        /** Does a part of the work, unless one before it failed. */
        private void attempt(Runnable work) {
            if (failure == null) {
                failure = Guarded.run(request.image.image(), work);
            }
        }

        /** Round 1: asks for a description. */
        void begin() {
            attempt(() -> {
                RgbImage picture = pictures.read(request.image);
                SlicePlan plan = mllm.plan(picture, describe.maxSlices());
                TokenizedConversation first = FirstRound.question(mllm, plan, request.describe);
                capacity = (int)
                        Math.min(longest(plan, first), mllm.llama().config().maxPositions());
                session = new Session(mllm, picture, plan, capacity);
                ask(first);
            });
        }

        /** The tokens of all rounds with the longest answers. */
        private long longest(SlicePlan plan, TokenizedConversation first) {
            long answer = generation.maxNewTokens();
            if (request.rate == null) {
                return first.length() + answer;
            }
            int questions = mllm.template()
                    .tokenize(plan, turns("", request.rate), true)
                    .length();
            return questions + 2 * answer + SPARE_TOKENS;
        }

        private List<Turn> turns(String description, String rate) {
            return List.of(Turn.user(request.describe), Turn.assistant(description), Turn.user(rate));
        }

        /** Round 2: asks for a rating, over its own description. */
        void askToRate() {
            String rate = request.rate;
            if (rate != null) {
                attempt(() -> ask(mllm.template().tokenize(session().plan(), turns(answers.getFirst(), rate), true)));
            }
        }

        private void ask(TokenizedConversation tokens) {
            if (tokens.length() > capacity - generation.maxNewTokens()) {
                throw new ScoringException(
                        ErrorCode.CONVERSATION_TOO_LONG,
                        "image and questions take %d tokens, and with an answer of %d they are more than %d; allow fewer new tokens or use a shorter prompt"
                                .formatted(tokens.length(), generation.maxNewTokens(), capacity));
            }
            session().read(tokens);
            question = tokens;
        }

        void hearAlone() {
            attempt(() -> {
                session().read(Objects.requireNonNull(question));
                answered(session().generate(generation));
            });
        }

        void answered(String text) {
            answers.add(text);
            question = null;
        }

        Answers answers() {
            return failure == null
                    ? new Answers(answers.getFirst(), request.rate == null ? null : answers.getLast(), null)
                    : new Answers(null, null, failure);
        }

        void close() {
            if (session != null) {
                session.close();
            }
        }
    }

    /** Closes the model. What is being answered is answered to its end, and the memory is given back after that. */
    @Override
    public void close() {
        uses.close();
    }
}
