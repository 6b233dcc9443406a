package io.github.m3agiqa.distill;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.hub.Sha256;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.SlicePlan.Size;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The questions about the images of a dataset that a run asks, all aspects of an image one after the other.
 *
 * @param dataset whose images they are about
 * @param questions those that no imported conversation answers
 * @param imported how many imported conversations answer
 */
public record Plan(Dataset dataset, List<Question> questions, int imported) {
    /** Characters of English that are a token, about. */
    private static final int CHARACTERS_OF_TOKEN = 4;

    /** Tokens of an answer, where none is known yet: the published descriptions are 60 to 250 words. */
    private static final int USUAL_ANSWER = 250;

    /**
     * What a run will take, about.
     *
     * @param questions that are still to be asked
     * @param images that they are about
     * @param inputTokens of questions and images
     * @param outputTokens of answers as long as those before, or as is usual
     */
    public record Estimate(int questions, int images, long inputTokens, long outputTokens) {}

    /**
     * Makes the questions.
     *
     * @param images which images are asked about, in order
     * @param reveal whether the teacher is told people's score
     * @param teacher the id of who is asked
     * @throws InputException if an image is missing, or lacks the prompt or the score that a question needs
     */
    public static Plan of(
            Dataset dataset,
            List<Sample> images,
            Set<Aspect> aspects,
            Questions wordings,
            boolean reveal,
            String teacher,
            AnswerStore store) {
        dataset.checkImages(images);
        Map<Aspect, Set<String>> known = new HashMap<>();
        for (Aspect aspect : aspects) {
            Set<String> names = new HashSet<>();
            store.imported(aspect).stream().map(Conversation::imageName).forEach(names::add);
            known.put(aspect, names);
        }
        List<Question> questions = new ArrayList<>();
        int imported = 0;
        for (Sample sample : images) {
            List<Aspect> open = aspects.stream()
                    .filter(aspect -> !known.getOrDefault(aspect, Set.of()).contains(sample.name()))
                    .toList();
            imported += aspects.size() - open.size();
            if (!open.isEmpty()) {
                String hash = hash(dataset.image(sample));
                for (Aspect aspect : open) {
                    String text = wordings.describe(aspect, sample, reveal);
                    String textHash = Sha256.of(text.getBytes(StandardCharsets.UTF_8));
                    questions.add(new Question(sample.name(), hash, aspect, text, textHash, teacher, reveal));
                }
            }
        }
        return new Plan(dataset, List.copyOf(questions), imported);
    }

    private static String hash(Path image) {
        try {
            return Sha256.of(image);
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(image, e), e);
        }
    }

    /**
     * What asking some of the questions will take.
     *
     * @param asked those that would be asked
     * @param spent what was asked before took
     * @param maxSide the longest side of what is sent
     */
    public Estimate estimate(
            List<Question> asked, AnswerStore.Spent spent, OnlineTeacher.Provider provider, OptionalInt maxSide) {
        Map<String, Integer> tokensOfImages = new HashMap<>();
        long input = 0;
        for (Question question : asked) {
            input += question.text().length() / CHARACTERS_OF_TOKEN
                    + tokensOfImages.computeIfAbsent(
                            question.image(), name -> provider.imageTokens(size(name, maxSide)));
        }
        long answer = spent.outputTokens() == 0 ? USUAL_ANSWER : spent.outputTokens() / spent.requests();
        return new Estimate(asked.size(), tokensOfImages.size(), input, asked.size() * answer);
    }

    private Size size(String image, OptionalInt maxSide) {
        Size size = new ImageDecoder(ImageDecoder.Limits.DEFAULT)
                .size(dataset.image(dataset.sample(image).orElseThrow()));
        double factor = maxSide.isEmpty()
                ? 1
                : Math.min(1, (double) maxSide.getAsInt() / Math.max(size.width(), size.height()));
        return new Size((int) Math.round(factor * size.width()), (int) Math.round(factor * size.height()));
    }
}
