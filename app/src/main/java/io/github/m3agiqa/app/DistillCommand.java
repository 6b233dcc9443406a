package io.github.m3agiqa.app;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.CompleteFile;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.ConversationFile;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.DatasetReader;
import io.github.m3agiqa.distill.AnswerStore;
import io.github.m3agiqa.distill.Export;
import io.github.m3agiqa.distill.Outcome;
import io.github.m3agiqa.distill.Questions;
import io.github.m3agiqa.evaluation.DescriptionReport;
import io.github.m3agiqa.evaluation.DescriptionReport.Described;
import io.github.m3agiqa.evaluation.Estimate;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code m3agiqa distill}: a teacher's descriptions of a dataset, and the store that keeps them. */
@Command(
        name = "distill",
        description = "Lets a teacher describe the images of a dataset, into a store that nothing is lost from.",
        mixinStandardHelpOptions = true,
        subcommands = {
            DistillAskCommand.class,
            DistillCommand.Import.class,
            DistillCommand.Exports.class,
            DistillCommand.Look.class
        },
        footer = {
            "",
            "Example: count, ask, look, and make conversations to fine-tune on:",
            "  m3agiqa distill ask --dataset agiqa-3k --aspects quality --store runs/gemini --api gemini"
                    + " --endpoint https://generativelanguage.googleapis.com/v1beta --teacher gemini-2.5-flash --dry-run",
            "  (the same without --dry-run, and with GEMINI_API_KEY set)",
            "  m3agiqa distill report --store runs/gemini --dataset agiqa-3k",
            "  m3agiqa distill export --store runs/gemini --dataset agiqa-3k --aspect quality --output quality_train.json"
        })
final class DistillCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "say what to do: ask, import, export or report");
    }

    /** Where the answers are, and what they are about. */
    static final class Place {
        @Option(names = "--store", paramLabel = "FOLDER", required = true, description = "Where the answers are kept.")
        private Path store = Path.of("");

        @Option(names = "--dataset", paramLabel = "FOLDER", required = true, description = "The folder of a dataset.")
        private Path dataset = Path.of("");

        @Option(
                names = "--questions",
                paramLabel = "FILE",
                description = "What is asked, a YAML file with describe, rate and perhaps reveal for each aspect"
                        + " (default: as the published conversations).")
        private @Nullable Path questions;

        Dataset dataset() {
            return DatasetReader.read(dataset);
        }

        Questions questions() {
            return questions == null ? Questions.published() : Questions.read(questions);
        }

        AnswerStore store() {
            return new AnswerStore(store);
        }

        /** The store, which must be there already. */
        AnswerStore existing() {
            if (!Files.isDirectory(store)) {
                throw new InputException("%s is no store; m3agiqa distill ask or import makes one".formatted(store));
            }
            return store();
        }

        Path folder() {
            return store;
        }
    }

    /** {@code m3agiqa distill import}. */
    @Command(
            name = "import",
            description = "Takes conversations in that were had elsewhere; images in them are not asked about again.",
            mixinStandardHelpOptions = true,
            footer = {
                "",
                "Example:",
                "  m3agiqa distill import --store runs/published --aspect quality quality_train.json quality_test.json"
            })
    static final class Import implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Option(names = "--store", paramLabel = "FOLDER", required = true, description = "Where the answers are kept.")
        private Path folder = Path.of("");

        @Option(
                names = "--aspect",
                required = true,
                converter = ModelOptions.AspectConverter.class,
                description = "quality, correspondence or authenticity.")
        private Aspect aspect = Aspect.QUALITY;

        @Parameters(paramLabel = "FILE", arity = "1..*", description = "Conversation files.")
        private List<Path> files = List.of();

        @Override
        public Integer call() {
            PrintWriter err = spec.commandLine().getErr();
            try (AnswerStore store = new AnswerStore(folder)) {
                for (Path file : files) {
                    List<Conversation> conversations = ConversationFile.read(file);
                    int added = store.add(aspect, file.toString(), conversations);
                    err.printf("%s: %d conversations, %d of them new%n", file, conversations.size(), added);
                }
            }
            err.flush();
            return ExitCode.DONE;
        }
    }

    /** {@code m3agiqa distill export}. */
    @Command(
            name = "export",
            description = "Writes what a store has as conversations, each with the rating word of people's score.",
            mixinStandardHelpOptions = true,
            footer = {
                "",
                "Example:",
                "  m3agiqa distill export --store runs/gemini --dataset agiqa-3k --aspect quality"
                        + " --output quality_train.json",
                "",
                "The file is what m3agiqa finetune and train read. teacher_saw_mos says whether the teacher was told"
                        + " people's score; train then refuses to test on its words."
            })
    static final class Exports implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Mixin
        private Place place;

        @Option(
                names = "--aspect",
                required = true,
                converter = ModelOptions.AspectConverter.class,
                description = "quality, correspondence or authenticity.")
        private Aspect aspect = Aspect.QUALITY;

        @Option(names = "--output", paramLabel = "FILE", required = true, description = "Where they go: .json.")
        private Path output = Path.of("");

        @Option(
                names = "--keep-words",
                description = "Leave the rating words of imported conversations as they are, right or wrong.")
        private boolean keepWords;

        @Override
        public Integer call() {
            try (AnswerStore store = place.existing()) {
                List<Conversation> conversations =
                        Export.conversations(store, place.dataset(), aspect, place.questions(), keepWords);
                ConversationFile.write(output, conversations);
                PrintWriter err = spec.commandLine().getErr();
                err.printf("%d conversations about %s in %s%n", conversations.size(), aspect.id(), output);
                err.flush();
            }
            return ExitCode.DONE;
        }
    }

    /** {@code m3agiqa distill report}. */
    @Command(
            name = "report",
            description = "Says what the descriptions of a store are like, and shows some beside their images.",
            mixinStandardHelpOptions = true,
            footer = {
                "",
                "Example:",
                "  m3agiqa distill report --store runs/gemini --dataset agiqa-3k",
                "What a tuned model says itself:",
                "  m3agiqa describe --model runs/tuned/model --dataset agiqa-3k --aspect quality --output said.json",
                "  m3agiqa distill import --store runs/said --aspect quality said.json",
                "  m3agiqa distill report --store runs/said --dataset agiqa-3k --responses",
                "",
                "The report, STORE/report.html, needs no network."
            })
    static final class Look implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Mixin
        private Place place;

        @Option(
                names = "--responses",
                description = "Look at the tuned model's own descriptions in imported conversations (response_0, as"
                        + " describe writes it), not at the teacher's.")
        private boolean responses;

        @Override
        public Integer call() {
            Dataset dataset = place.dataset();
            List<Described> described = new ArrayList<>();
            Map<Aspect, Map<String, Long>> outcomes = new EnumMap<>(Aspect.class);
            try (AnswerStore store = place.existing()) {
                for (Aspect aspect : Aspect.values()) {
                    for (Conversation one : store.imported(aspect)) {
                        description(one).ifPresent(text -> described.add(new Described(aspect, one.imageName(), text)));
                    }
                }
                if (!responses) {
                    addAnswers(store, described, outcomes);
                }
            }
            if (described.isEmpty()) {
                throw new InputException(
                        "%s has no descriptions %s".formatted(place.folder(), responses ? "of a tuned model" : "yet"));
            }
            DescriptionReport report = new DescriptionReport(dataset, described, outcomes);
            Path file = place.folder().resolve("report.html");
            try {
                String html = report.html(
                        String.valueOf(place.folder().getFileName()), responses ? "a tuned model" : "teachers");
                CompleteFile.write(file, partial -> Files.writeString(partial, html));
            } catch (IOException e) {
                throw new InputException("%s cannot be written: %s".formatted(file, e), e);
            }
            print(report, outcomes, file);
            return ExitCode.DONE;
        }

        private Optional<String> description(Conversation conversation) {
            boolean told = conversation.conversations().get(1).content() != null;
            return responses
                    ? Optional.ofNullable(conversation.response0())
                    : Optional.of(conversation).filter(_ -> told).map(Conversation::teacherDescription);
        }

        /** Adds what teachers were asked for this store. */
        private static void addAnswers(
                AnswerStore store, List<Described> described, Map<Aspect, Map<String, Long>> outcomes) {
            for (AnswerStore.Answer answer : store.answers()) {
                Aspect aspect = answer.question().aspect();
                Outcome outcome = answer.outcome();
                if (answer.description() != null) {
                    described.add(new Described(aspect, answer.question().image(), answer.description()));
                } else {
                    outcomes.computeIfAbsent(aspect, _ -> new TreeMap<>())
                            .merge(outcome == null ? "not answered yet" : words(outcome), 1L, Long::sum);
                }
            }
        }

        private void print(DescriptionReport report, Map<Aspect, Map<String, Long>> outcomes, Path file) {
            PrintWriter out = spec.commandLine().getOut();
            report.summaries().forEach((aspect, summary) -> {
                Estimate srcc = summary.textOnlySrcc();
                out.printf(
                        Locale.ROOT,
                        "%s: %d descriptions of %d words (median), %d duplicates, %d with a digit, %d with a rating"
                                + " word; SRCC of words alone %s%n",
                        aspect.id(),
                        summary.descriptions(),
                        summary.medianWords(),
                        summary.duplicates(),
                        summary.withDigits(),
                        summary.withRatingWord(),
                        srcc.value() == null
                                ? "unknown, as " + srcc.reason()
                                : String.format(Locale.ROOT, "%.3f", srcc.value()));
                outcomes.getOrDefault(aspect, Map.of())
                        .forEach((outcome, count) -> out.printf(Locale.ROOT, "  %d %s%n", count, outcome));
            });
            out.flush();
            spec.commandLine().getErr().println("report in " + file);
            spec.commandLine().getErr().flush();
        }
    }

    /** An outcome as people read it. */
    static String words(Outcome outcome) {
        return outcome.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}
