package io.github.m3agiqa.app.batch;

import io.github.m3agiqa.Failure;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.app.Progress;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.ConversationFile;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.scoring.Answers;
import io.github.m3agiqa.scoring.Describer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Lets a model answer conversations about the images of a dataset. Answers are kept line by line beside the output, so
 * that a run that was killed goes on where it was; the output appears when every conversation was tried. One that failed
 * stays in it, without responses.
 *
 * @param conversations whose requests are answered; responses that they have are replaced
 * @param output the conversation file that is written
 * @param retryFailed whether conversations that failed before are tried again
 * @param workers how many conversations are held at a time
 */
public record DescribeJob(
        Dataset dataset, List<Conversation> conversations, Path output, boolean retryFailed, int workers) {
    /**
     * What came of a run.
     *
     * @param skipped the conversations that were answered before
     * @param unanswered the conversations that have no answer, whenever they failed
     */
    public record Summary(int conversations, int skipped, List<Unanswered> unanswered) {}

    /** An image, and why there is no answer about it. */
    public record Unanswered(String image, Failure failure) {}

    /** Gives the describer once everything else is known to be there. */
    public interface DescriberSource {
        Describer open();
    }

    public DescribeJob {
        conversations = List.copyOf(conversations);
    }

    /** The file beside the output that holds the answers, a line each. */
    public Path answersFile() {
        return output.resolveSibling(output.getFileName() + ".answers.jsonl");
    }

    /**
     * Runs the job.
     *
     * @param settings all that an answer depends on; answers of other settings are refused
     * @throws InputException if an image is missing, or the output cannot be written or is another job's
     */
    public Summary run(DescriberSource describers, Map<String, String> settings, Progress progress) {
        checkImages();
        try (JobFile _ = new JobFile(output, settings);
                ResultsFile answers = new ResultsFile(answersFile(), new DescriptionLines(), 1, retryFailed)) {
            List<Conversation> open = answers.unanswered(conversations, DescriptionLines::key);
            if (!open.isEmpty()) {
                describe(open, answers, describers, progress);
            }
            answers.sort(conversations.stream().map(DescriptionLines::key).toList());
            return new Summary(conversations.size(), conversations.size() - open.size(), write());
        } catch (IOException e) {
            throw new InputException("%s cannot be written: %s".formatted(output, e), e);
        }
    }

    private void checkImages() {
        List<Sample> samples = new ArrayList<>();
        List<String> unknown = new ArrayList<>();
        for (Conversation conversation : conversations) {
            dataset.sample(conversation.imageName())
                    .ifPresentOrElse(samples::add, () -> unknown.add(conversation.imageName()));
        }
        if (!unknown.isEmpty()) {
            throw new InputException("%s does not list %d of the %d images that conversations are about, such as %s"
                    .formatted(dataset.folder(), unknown.size(), conversations.size(), unknown.getFirst()));
        }
        dataset.checkImages(samples);
    }

    private void describe(List<Conversation> open, ResultsFile answers, DescriberSource describers, Progress progress)
            throws IOException {
        try (Describer describer = describers.open()) {
            progress.start(conversations.size(), conversations.size() - open.size());
            InOrder.forEachTogether(
                    open,
                    workers,
                    describer::together,
                    some -> describer.answerTogether(
                            some.stream().map(this::request).toList()),
                    (conversation, answer) -> {
                        answers.append(DescriptionLines.key(conversation), DescriptionLines.text(conversation, answer));
                        progress.step(answer.failure() == null);
                    });
        }
    }

    private Describer.Request request(Conversation conversation) {
        Path image = dataset.image(dataset.sample(conversation.imageName()).orElseThrow());
        return new Describer.Request(
                ImagePrompt.of(image, null), conversation.describeRequest(), conversation.rateRequest());
    }

    /** Writes the output; returns what has no answer. */
    private List<Unanswered> write() throws IOException {
        List<Answers> answers = DescriptionLines.read(answersFile());
        List<Conversation> answered = new ArrayList<>();
        List<Unanswered> unanswered = new ArrayList<>();
        for (int i = 0; i < conversations.size(); i++) {
            Conversation conversation = conversations.get(i);
            Answers answer = answers.get(i);
            answered.add(conversation.withResponses(answer.description(), answer.rating()));
            Failure failure = answer.failure();
            if (failure != null) {
                unanswered.add(new Unanswered(conversation.imageName(), failure));
            }
        }
        ConversationFile.write(output, answered);
        return unanswered;
    }
}
