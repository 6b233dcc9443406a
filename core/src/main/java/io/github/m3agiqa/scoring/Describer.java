package io.github.m3agiqa.scoring;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.M3AgiqaException;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.ScoringException;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.hub.ModelManifest.Describe;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.ChatTemplate;
import io.github.m3agiqa.mllm.Generation;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.Session;
import io.github.m3agiqa.mllm.TokenizedConversation;
import io.github.m3agiqa.mllm.Turn;
import io.github.m3agiqa.tensor.Scope;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.bytedeco.pytorch.NoGradGuard;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets a tuned model answer both rounds of a conversation itself: it describes the image, and is then asked to rate it,
 * over its own description. The image is cut as for the description in both rounds, and both answers are generated
 * alike, as the authors' {@code response_0} and {@code response_1} were. No predictor is needed. May be used by several
 * threads at a time.
 */
public final class Describer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Describer.class);

    /** A description may take a few more tokens when it is read than when it was generated. */
    private static final int SPARE_TOKENS = 64;

    private final LoadedMllm model;
    private final MiniCpmV mllm;
    private final Describe describe;
    private final Generation generation;
    private final PictureReader pictures;

    private Describer(LoadedMllm model, AspectManifest settings, ScoringOptions options) {
        this.model = model;
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
        return new Describer(LoadedMllm.open(folder, options.withAspects(Set.of(aspect))), settings, options);
    }

    /**
     * Answers about one image. Whatever goes wrong with it is part of the answer.
     *
     * @param image of which the prompt does not count
     * @param describeRequest the first round's question, its prompt filled in
     * @param rateRequest the second round's question
     */
    public Answers answer(ImagePrompt image, String describeRequest, String rateRequest) {
        return about(image, picture -> converse(picture, describeRequest, rateRequest));
    }

    /** Answers the first round only; the rating is null. */
    public Answers describe(ImagePrompt image, String describeRequest) {
        return about(image, picture -> {
            ChatTemplate template = mllm.template();
            SlicePlan plan = mllm.plan(picture, describe.maxSlices());
            TokenizedConversation question = FirstRound.question(template, plan, describeRequest);
            int capacity = Math.min(
                    question.length() + generation.maxNewTokens(),
                    mllm.llama().config().maxPositions());
            try (Session session = new Session(mllm, picture, plan, capacity)) {
                return new Answers(answer(session, question, capacity), null, null);
            }
        });
    }

    private Answers about(ImagePrompt image, Function<RgbImage, Answers> conversation) {
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            return conversation.apply(pictures.read(image));
        } catch (M3AgiqaException e) {
            return new Answers(null, null, Failure.of(e));
        } catch (RuntimeException e) {
            LOG.error("{}: unexpected error", image.image(), e);
            return new Answers(
                    null,
                    null,
                    new Failure(ErrorCode.INTERNAL, "%s: unexpected error: %s".formatted(image.image(), e)));
        }
    }

    private Answers converse(RgbImage image, String describeRequest, String rateRequest) {
        ChatTemplate template = mllm.template();
        SlicePlan plan = mllm.plan(image, describe.maxSlices());
        TokenizedConversation question = FirstRound.question(template, plan, describeRequest);
        int capacity = capacity(template.tokenize(plan, turns(describeRequest, "", rateRequest), true));
        try (Session session = new Session(mllm, image, plan, capacity)) {
            // round 1: describe
            String description = answer(session, question, capacity);

            // round 2: rate
            List<Turn> turns = turns(describeRequest, description, rateRequest);
            String rating = answer(session, template.tokenize(plan, turns, true), capacity);
            return new Answers(description, rating, null);
        }
    }

    private static List<Turn> turns(String describeRequest, String description, String rateRequest) {
        return List.of(Turn.user(describeRequest), Turn.assistant(description), Turn.user(rateRequest));
    }

    /** The tokens of both rounds with the longest answers. */
    private int capacity(TokenizedConversation questions) {
        int longest = questions.length() + 2 * generation.maxNewTokens() + SPARE_TOKENS;
        return Math.min(longest, mllm.llama().config().maxPositions());
    }

    private String answer(Session session, TokenizedConversation question, int capacity) {
        if (question.length() + generation.maxNewTokens() > capacity) {
            throw new ScoringException(
                    ErrorCode.CONVERSATION_TOO_LONG,
                    "image and questions take %d tokens, and with an answer of %d they are more than %d; allow fewer new tokens or use a shorter prompt"
                            .formatted(question.length(), generation.maxNewTokens(), capacity));
        }
        session.read(question);
        return session.generate(generation);
    }

    @Override
    public void close() {
        model.close();
    }
}
