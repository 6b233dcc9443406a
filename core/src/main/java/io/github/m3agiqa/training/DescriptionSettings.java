package io.github.m3agiqa.training;

import io.github.m3agiqa.Required;

/**
 * The descriptions that stand in the conversations which the predictor reads.
 *
 * @param rounds which aspects are described before the rating question
 * @param train whose words they are where the predictor learns
 * @param test whose words they are where it is measured: in the test, in the choice of an epoch and in calibration
 * @param teacherSawMos whether the teacher was told the human score when it wrote; then its words cannot be tested on
 */
public record DescriptionSettings(Rounds rounds, Source train, Source test, boolean teacherSawMos) {
    /** Which aspects are described. */
    public enum Rounds {
        NONE,
        /** The one that is rated. */
        OWN,
        /**
         * The one that is rated, and where the predictor learns it reads every image once more without a description: so
         * it also knows what to make of {@code score --no-describe}.
         */
        OWN_OR_NONE,
        /** All of the recipe, in the order of {@link io.github.m3agiqa.Aspect}. */
        ALL
    }

    /** Whose words a description is in. */
    public enum Source {
        /** The teacher's, {@code conversations[1]}. */
        TEACHER,
        /** The tuned model's own, {@code response_0}. */
        RESPONSE
    }

    /** These settings without any description. */
    DescriptionSettings without() {
        return new DescriptionSettings(Rounds.NONE, train, test, teacherSawMos);
    }

    public DescriptionSettings {
        Required.of("rounds", rounds);
        Required.of("train", train);
        Required.of("test", test);
        if (rounds != Rounds.NONE && test == Source.TEACHER && teacherSawMos) {
            throw new IllegalArgumentException(
                    "test: teacher would report scores read from words that were written by someone who knew the score;"
                            + " use test: response, made by m3agiqa describe");
        }
    }
}
