package io.github.m3agiqa.scoring;

import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.ScoringException;
import io.github.m3agiqa.hub.ModelManifest.Describe;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.Generation;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.TokenizedConversation;
import io.github.m3agiqa.mllm.Turn;
import java.util.List;

/** The round in which a model describes an image. */
final class FirstRound {
    /** The longest question with its image, as published. */
    static final int MAX_QUESTION_TOKENS = 2048;

    private FirstRound() {}

    /** How the description is generated. */
    static Generation generation(Describe describe, ScoringOptions options) {
        return new Generation(
                options.beams().orElse(describe.beams()),
                describe.repetitionPenalty(),
                options.maxNewTokens().orElse(describe.maxNewTokens()));
    }

    /**
     * The question with its image.
     *
     * @throws ScoringException with {@link ErrorCode#PROMPT_TOO_LONG} if it is longer than was published, or than the model reads
     */
    static TokenizedConversation question(MiniCpmV mllm, SlicePlan plan, String question) {
        TokenizedConversation tokens = mllm.template().tokenize(plan, List.of(Turn.user(question)), true);
        int most = Math.min(MAX_QUESTION_TOKENS, mllm.llama().config().maxPositions());
        if (tokens.length() > most) {
            throw new ScoringException(
                    ErrorCode.PROMPT_TOO_LONG,
                    "the question with image and prompt takes %d tokens, at most %d are read"
                            .formatted(tokens.length(), most));
        }
        return tokens;
    }
}
