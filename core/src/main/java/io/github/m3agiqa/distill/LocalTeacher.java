package io.github.m3agiqa.distill;

import io.github.m3agiqa.Failure;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.scoring.Answers;
import io.github.m3agiqa.scoring.Describer;

/** A model of ours as the teacher. It costs nothing, and no image leaves the machine. */
public final class LocalTeacher implements Teacher {
    private static final long NANOS_OF_MILLI = 1_000_000;

    private final Describer describer;
    private final String id;

    /**
     * @param describer stays open as long as this is used
     * @param id model and settings, in one line
     */
    public LocalTeacher(Describer describer, String id) {
        this.describer = describer;
        this.id = id;
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public Reply ask(Question question, Picture picture, boolean again) {
        long begun = System.nanoTime();
        ImagePrompt image = ImagePrompt.of(question.image(), picture.bytes(), null);
        Answers answers = describer.answer(new Describer.Request(image, question.text(), null));
        long millis = (System.nanoTime() - begun) / NANOS_OF_MILLI;
        Failure failure = answers.failure();
        String description = answers.description();
        if (failure != null) {
            String error = "%s: %s".formatted(failure.code(), failure.message());
            return new Reply(new Attempt(Outcome.REJECTED, null, null, 0, 0, 0, error, millis), null);
        }
        if (description == null || description.isBlank()) {
            return new Reply(new Attempt(Outcome.MALFORMED, null, description, 0, 0, 0, null, millis), null);
        }
        return new Reply(new Attempt(Outcome.ANSWERED, description.strip(), description, 0, 0, 0, null, millis), null);
    }
}
