package io.github.m3agiqa.hub;

import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.ScoringException;
import org.jspecify.annotations.Nullable;

/** The place in a model's question that the image's prompt takes. */
public final class PromptSlot {
    private static final String SLOT = "{prompt}";

    private PromptSlot() {}

    /** Whether a question asks about the prompt. */
    public static boolean isIn(String question) {
        return question.contains(SLOT);
    }

    /**
     * The question as the model hears it.
     *
     * @throws ScoringException with {@link ErrorCode#PROMPT_MISSING} if it asks about the prompt and there is none
     */
    public static String fill(String question, @Nullable String prompt) {
        if (!isIn(question)) {
            return question;
        }
        if (prompt == null || prompt.isBlank()) {
            throw new ScoringException(ErrorCode.PROMPT_MISSING, "the model asks about the prompt, and none was given");
        }
        return question.replace(SLOT, prompt);
    }
}
