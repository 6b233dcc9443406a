package io.github.m3agiqa.app;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.app.batch.DescribeJob;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.ConversationFile;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.DatasetReader;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.hub.PromptSlot;
import io.github.m3agiqa.scoring.Describer;
import io.github.m3agiqa.scoring.ScoringOptions;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code m3agiqa describe}: a tuned model's own answers about the images of a dataset. */
@Command(
        name = "describe",
        description = "Lets a tuned model describe and rate the images of a dataset, into a conversation file.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Examples:",
            "  m3agiqa describe --model runs/quality/model --dataset agiqa-3k --aspect quality"
                    + " --output quality_own.json",
            "  m3agiqa describe --model runs/quality/model --dataset agiqa-3k --aspect quality"
                    + " --conversations agiqa-3k/conversations/quality_test.json --output quality_test_own.json",
            "",
            "The model's description becomes response_0 and its rating, asked for after that description, response_1."
                    + " With --conversations the requests of that file are answered and all else in it is kept. Without"
                    + " it the model's own questions are asked about every image of the dataset; the teacher's"
                    + " description is then null, and the rating word is that of people's score, null where there is"
                    + " none. An image that failed is listed and has no responses. Answers are kept in"
                    + " OUTPUT.answers.jsonl, so a run that was stopped goes on where it was when it is started again."
        })
final class DescribeCommand implements Callable<Integer> {
    /** As many failures as are listed. */
    private static final int LISTED = 20;

    @Spec
    private CommandSpec spec;

    @Option(names = "--dataset", paramLabel = "FOLDER", required = true, description = "The folder of a dataset.")
    private Path datasetFolder = Path.of("");

    @Option(
            names = "--scale",
            paramLabel = "MIN,MAX",
            converter = ScaleConverter.class,
            description = "The scale of the dataset's scores (default: that of its layout, else 0,5).")
    private @Nullable Scale scale;

    @Option(
            names = "--aspect",
            required = true,
            converter = ModelOptions.AspectConverter.class,
            description = "quality, correspondence or authenticity.")
    private Aspect aspect = Aspect.QUALITY;

    @Option(
            names = "--conversations",
            paramLabel = "FILE",
            description = "Conversations whose requests are answered (default: the model's own questions).")
    private @Nullable Path conversationFile;

    @Option(names = "--output", paramLabel = "FILE", required = true, description = "Where they go: .json.")
    private Path output = Path.of("");

    @Option(names = "--retry-failed", description = "Ask again about images that failed before.")
    private boolean retryFailed;

    @Mixin
    private ModelOptions options;

    @Mixin
    private WorkerOptions workers;

    @Override
    public Integer call() {
        if (!output.toString().endsWith(".json")) {
            throw new ParameterException(spec.commandLine(), "--output %s must end in .json".formatted(output));
        }
        // what is wrong with the options must show before the answers are begun
        ModelFolder folder = options.folder();
        ScoringOptions scoring = options.scoring(folder, Set.of(aspect), true);
        AspectManifest model = folder.manifest().aspect(aspect);
        Dataset dataset = scale == null ? DatasetReader.read(datasetFolder) : DatasetReader.read(datasetFolder, scale);
        List<Conversation> conversations =
                conversationFile == null ? asked(dataset, model) : ConversationFile.read(conversationFile);
        DescribeJob job = new DescribeJob(dataset, conversations, output, retryFailed, workers.workers());
        DescribeJob.Summary summary;
        try (Progress progress = Progress.onStandardError("images")) {
            summary = job.run(() -> Describer.open(folder, aspect, scoring), settings(folder), progress);
        }
        report(job, summary);
        return summary.unanswered().isEmpty() ? ExitCode.DONE : ExitCode.SOME_FAILED;
    }

    /** The model's own questions about every image. */
    private List<Conversation> asked(Dataset dataset, AspectManifest model) {
        dataset.checkImages(dataset.samples());
        String describe = model.describe().question();
        String rate = model.rate().question();
        List<String> withoutPrompt = dataset.samples().stream()
                .filter(sample -> sample.prompt() == null)
                .map(Sample::name)
                .toList();
        if (Stream.of(describe, rate).anyMatch(PromptSlot::isIn) && !withoutPrompt.isEmpty()) {
            throw new InputException("%s: the model asks about the prompt, and %d images have none, such as %s"
                    .formatted(dataset.folder(), withoutPrompt.size(), withoutPrompt.getFirst()));
        }
        List<Conversation> conversations = new ArrayList<>();
        for (Sample sample : dataset.samples()) {
            String word = sample.label(aspect).map(Sample.Label::ratingWord).orElse(null);
            conversations.add(Conversation.asking(
                    String.valueOf(conversations.size()),
                    dataset.relativeImage(sample),
                    PromptSlot.fill(describe, sample.prompt()),
                    PromptSlot.fill(rate, sample.prompt()),
                    word));
        }
        return conversations;
    }

    private Map<String, String> settings(ModelFolder folder) {
        Map<String, String> settings = options.settings(folder);
        settings.put("aspect", aspect.id());
        return settings;
    }

    private void report(DescribeJob job, DescribeJob.Summary summary) {
        PrintWriter err = spec.commandLine().getErr();
        summary.unanswered().stream()
                .limit(LISTED)
                .forEach(unanswered -> err.printf(
                        "%s: %s: %s%n",
                        unanswered.image(),
                        unanswered.failure().code(),
                        unanswered.failure().message()));
        int unlisted = summary.unanswered().size() - LISTED;
        if (unlisted > 0) {
            err.printf("and %d more, all in %s%n", unlisted, job.answersFile());
        }
        err.printf(
                "%d images: %d tried before, %d without an answer; conversations in %s%n",
                summary.conversations(), summary.skipped(), summary.unanswered().size(), job.output());
        err.flush();
    }

    private static final class ScaleConverter implements ITypeConverter<Scale> {
        @Override
        public Scale convert(String value) {
            String[] ends = value.split(",", -1);
            try {
                if (ends.length == 2) {
                    return new Scale(Double.parseDouble(ends[0]), Double.parseDouble(ends[1]));
                }
            } catch (IllegalArgumentException _) {
                // says the message below
            }
            throw new TypeConversionException("'%s' is no scale such as 0,100".formatted(value));
        }
    }
}
