package io.github.m3agiqa.distill;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.Sample;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Turns what is in a store into conversations. */
public final class Export {
    private Export() {}

    /**
     * The conversations about one aspect: the imported ones first, then the answered questions by image.
     *
     * @param wordings as the teachers were asked
     * @param keepWords whether imported conversations keep their rating words; else each gets that of people's score
     * @throws InputException if there are none, if two teachers described an image, or if the dataset does not know one
     */
    public static List<Conversation> conversations(
            AnswerStore store, Dataset dataset, Aspect aspect, Questions wordings, boolean keepWords) {
        List<Conversation> conversations = new ArrayList<>();
        Set<String> images = new HashSet<>();
        for (Conversation conversation : store.imported(aspect)) {
            images.add(conversation.imageName());
            String word = keepWords ? null : word(sample(dataset, conversation.imageName()), aspect);
            conversations.add(word == null ? conversation : conversation.withRatingWord(word));
        }
        for (AnswerStore.Answer answer : store.answers()) {
            Question question = answer.question();
            String description = answer.description();
            if (question.aspect() != aspect || description == null) {
                continue;
            }
            if (!images.add(question.image())) {
                throw new InputException(
                        "the %s of %s was described more than once, by other teachers or questions; keep each in a store of its own"
                                .formatted(aspect.id(), question.image()));
            }
            Sample sample = sample(dataset, question.image());
            String request = wordings.describe(aspect, sample, false);
            if (!question.text().endsWith(request)) {
                throw new InputException("%s was asked about with other questions; name the same with --questions"
                        .formatted(question.image()));
            }
            conversations.add(Conversation.told(
                    String.valueOf(conversations.size()),
                    dataset.relativeImage(sample),
                    request,
                    description,
                    wordings.rate(aspect, sample),
                    word(sample, aspect),
                    question.revealsScore()));
        }
        if (conversations.isEmpty()) {
            throw new InputException("the store has no description of %s yet".formatted(aspect.id()));
        }
        return conversations;
    }

    private static Sample sample(Dataset dataset, String image) {
        return dataset.sample(image)
                .orElseThrow(() -> new InputException("%s does not list %s".formatted(dataset.folder(), image)));
    }

    private static @Nullable String word(Sample sample, Aspect aspect) {
        return sample.label(aspect).map(Sample.Label::ratingWord).orElse(null);
    }
}
