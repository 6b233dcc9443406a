package io.github.m3agiqa.app;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.WebAddress;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.distill.AnswerStore;
import io.github.m3agiqa.distill.Distillation;
import io.github.m3agiqa.distill.Distillation.End;
import io.github.m3agiqa.distill.Distillation.Limits;
import io.github.m3agiqa.distill.LocalTeacher;
import io.github.m3agiqa.distill.OnlineTeacher;
import io.github.m3agiqa.distill.Outcome;
import io.github.m3agiqa.distill.Pictures;
import io.github.m3agiqa.distill.Plan;
import io.github.m3agiqa.distill.Prices;
import io.github.m3agiqa.distill.Question;
import io.github.m3agiqa.distill.Teacher;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.scoring.Describer;
import io.github.m3agiqa.scoring.ScoringOptions;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code m3agiqa distill ask}: asks a teacher what the store does not have yet. */
@Command(
        name = "ask",
        description = "Asks a teacher to describe images; what the store has already is not asked again.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  m3agiqa distill ask --dataset agiqa-3k --aspects quality,correspondence --store runs/gemini --api gemini"
                    + " --endpoint https://generativelanguage.googleapis.com/v1beta --teacher gemini-2.5-flash"
                    + " --price-input 0.30 --price-output 2.50 --max-cost 10 --dry-run",
            "  m3agiqa distill ask --dataset agiqa-3k --aspects quality --store runs/llava --api openai"
                    + " --endpoint http://localhost:11434/v1 --teacher llava --no-key",
            "  m3agiqa distill ask --dataset agiqa-3k --aspects quality --store runs/own --api local --limit 200",
            "",
            "Images go to --endpoint and nowhere else. Keys are read from the environment, from the variables that"
                    + " --keys names, and stand in no file and no message. A run that was stopped, by Ctrl-C too, goes"
                    + " on when it is started again: what is under way is finished and kept first."
        })
final class DistillAskCommand implements Callable<Integer> {
    /** Who is asked, and how. */
    enum Api {
        GEMINI("GEMINI_API_KEY"),
        OPENAI("OPENAI_API_KEY"),
        LOCAL("");

        private final String variable;

        Api(String variable) {
            this.variable = variable;
        }
    }

    private static final Duration FIRST_DELAY = Duration.ofSeconds(1);
    private static final Duration LONGEST_DELAY = Duration.ofMinutes(2);

    @Spec
    private CommandSpec spec;

    @Mixin
    private DistillCommand.Place place;

    @Option(
            names = "--aspects",
            paramLabel = "ASPECT",
            split = ",",
            required = true,
            converter = ModelOptions.AspectConverter.class,
            description = "quality, correspondence, authenticity.")
    private List<Aspect> aspects = List.of();

    @Option(
            names = "--api",
            required = true,
            description = "gemini; openai, for every server that answers as OpenAI's does, such as vLLM, Ollama or LM"
                    + " Studio; or local, for a model of ours (--model).")
    private Api api = Api.LOCAL;

    @Option(names = "--endpoint", paramLabel = "URL", description = "Where images are sent to. Needed unless local.")
    private @Nullable String endpoint;

    @Option(names = "--teacher", paramLabel = "NAME", description = "The provider's model. Needed unless local.")
    private @Nullable String teacher;

    @Option(
            names = "--keys",
            paramLabel = "VARIABLE",
            split = ",",
            description = "Environment variables with a key each, which take turns (default: GEMINI_API_KEY or"
                    + " OPENAI_API_KEY).")
    private List<String> keys = List.of();

    @Option(names = "--no-key", description = "The endpoint asks for no key.")
    private boolean noKey;

    @Option(names = "--limit", paramLabel = "N", description = "Only the first N images of the dataset.")
    private @Nullable Integer limit;

    @Option(
            names = "--reveal-mos",
            description = "Tell the teacher people's score. Its words then give it away: they are marked, and are good"
                    + " to learn from only.")
    private boolean revealMos;

    @Option(
            names = "--max-side",
            paramLabel = "PIXELS",
            description = "Send larger images smaller than they are (default: as they are).")
    private @Nullable Integer maxSide;

    @Option(names = "--dry-run", description = "Count images, tokens and cost, and ask nothing.")
    private boolean dryRun;

    @Option(
            names = "--retry-failed",
            description = "Ask again what was refused, cut off, blocked, malformed, rejected or unreadable.")
    private boolean retryFailed;

    @Option(names = "--temperature", description = "0 for the most likely words (default: ${DEFAULT-VALUE}).")
    private double temperature;

    @Option(names = "--seed", description = "For providers that take one (default: ${DEFAULT-VALUE}).")
    private int seed = 1;

    @Option(
            names = "--max-output-tokens",
            paramLabel = "N",
            description = "The longest answer (default: ${DEFAULT-VALUE}).")
    private int maxOutputTokens = 2048;

    @Option(
            names = "--timeout",
            paramLabel = "SECONDS",
            description = "The longest wait for one answer (default: ${DEFAULT-VALUE}).")
    private int timeoutSeconds = 120;

    @Option(
            names = "--price-input",
            paramLabel = "MONEY",
            description = "What a million tokens cost that are read (default: ${DEFAULT-VALUE}).")
    private double priceInput;

    @Option(
            names = "--price-output",
            paramLabel = "MONEY",
            description = "What a million tokens cost that are written (default: ${DEFAULT-VALUE}).")
    private double priceOutput;

    @Option(
            names = "--max-cost",
            paramLabel = "MONEY",
            description = "Stop before the store has cost more, or where the provider does not say what a reply took.")
    private double maxCost = Double.POSITIVE_INFINITY;

    @Option(names = "--max-requests", paramLabel = "N", description = "Stop before the store has more requests.")
    private long maxRequests = Long.MAX_VALUE;

    @Option(
            names = "--concurrency",
            paramLabel = "N",
            description = "Requests that are under way at a time (default: ${DEFAULT-VALUE}; local: 1).")
    private int concurrency = 4;

    @Option(names = "--requests-per-minute", paramLabel = "N", description = "What the provider allows.")
    private int requestsPerMinute;

    @Option(names = "--tokens-per-minute", paramLabel = "N", description = "What the provider allows.")
    private int tokensPerMinute;

    @Option(
            names = "--retries",
            paramLabel = "N",
            description = "How often what fails for a passing reason is tried again (default: ${DEFAULT-VALUE}).")
    private int retries = 6;

    @Mixin
    private ModelOptions model;

    private volatile boolean interrupted;

    /** Until the store is closed. */
    private final CountDownLatch finished = new CountDownLatch(1);

    @Override
    public Integer call() {
        try {
            checkUsage();
            return ask();
        } finally {
            finished.countDown();
        }
    }

    private int ask() {
        Dataset dataset = place.dataset();
        List<Sample> images = dataset.samples()
                .subList(
                        0,
                        limit == null
                                ? dataset.samples().size()
                                : Math.min(limit, dataset.samples().size()));
        Set<Aspect> asked = EnumSet.copyOf(aspects);
        OptionalInt side = maxSide == null ? OptionalInt.empty() : OptionalInt.of(maxSide);
        try (AnswerStore store = place.store()) {
            if (api == Api.LOCAL) {
                return askLocal(dataset, images, asked, side, store);
            }
            OnlineTeacher.Settings settings = settings();
            String id = OnlineTeacher.id(settings) + sideOf(side);
            Plan plan = Plan.of(dataset, images, asked, place.questions(), revealMos, id, store);
            if (dryRun) {
                Plan.Estimate estimate = plan.estimate(toAsk(plan, store), store.spent(), settings.provider(), side);
                print(estimate, plan, settings.prices(), store);
                return ExitCode.DONE;
            }
            List<OnlineTeacher> teachers = secrets().stream()
                    .map(key -> new OnlineTeacher(settings, key))
                    .toList();
            return ask(store, plan, teachers, concurrency, new Pictures(dataset, side));
        }
    }

    private void checkUsage() {
        if (api == Api.LOCAL ? endpoint != null || teacher != null : endpoint == null || teacher == null) {
            throw usage(
                    api == Api.LOCAL
                            ? "--api local takes a --model, and neither --endpoint nor --teacher"
                            : "--api %s needs --endpoint, where the images are sent to, and --teacher, the model's name"
                                    .formatted(api.name().toLowerCase(Locale.ROOT)));
        }
        if (endpoint != null && WebAddress.of(endpoint).isEmpty()) {
            throw usage("--endpoint %s is no address that begins with http:// or https://".formatted(endpoint));
        }
        if (Math.min(concurrency, timeoutSeconds) < 1
                || Math.min(retries, Math.min(requestsPerMinute, tokensPerMinute)) < 0
                || (maxSide != null && maxSide < 1)
                || (limit != null && limit < 1)
                || maxOutputTokens < 1) {
            throw usage("numbers of pixels, images, tokens, seconds and requests are positive");
        }
        if (!(priceInput >= 0 && priceOutput >= 0)) {
            throw usage("prices are at least 0");
        }
        if (Double.isFinite(maxCost) && priceInput + priceOutput == 0) {
            throw usage("--max-cost needs --price-input and --price-output, which the cost is made of");
        }
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    private static String sideOf(OptionalInt side) {
        return side.isPresent() ? " longest side " + side.getAsInt() : "";
    }

    private OnlineTeacher.Settings settings() {
        return new OnlineTeacher.Settings(
                api == Api.GEMINI ? OnlineTeacher.Provider.GEMINI : OnlineTeacher.Provider.OPENAI,
                Objects.requireNonNull(teacher),
                endpoint,
                temperature,
                seed,
                maxOutputTokens,
                Duration.ofSeconds(timeoutSeconds),
                new Prices(priceInput, priceOutput));
    }

    private List<String> secrets() {
        if (noKey) {
            return List.of("none");
        }
        List<String> variables = keys.isEmpty() ? List.of(api.variable) : keys;
        List<String> secrets = new ArrayList<>();
        for (String variable : variables) {
            String secret = System.getenv(variable);
            if (secret == null || secret.isBlank()) {
                throw usage(
                        "the environment variable %s holds no key; set it, name another with --keys, or say --no-key"
                                .formatted(variable));
            }
            secrets.add(secret.strip());
        }
        return secrets;
    }

    private int askLocal(Dataset dataset, List<Sample> images, Set<Aspect> asked, OptionalInt side, AnswerStore store) {
        ModelFolder folder = model.folder();
        ScoringOptions options = model.scoring(folder, asked, true);
        String id = "local " + model.settings(folder) + sideOf(side);
        Plan plan = Plan.of(dataset, images, asked, place.questions(), revealMos, id, store);
        PrintWriter err = spec.commandLine().getErr();
        if (dryRun) {
            err.printf(
                    "%d questions, which cost nothing%s%n",
                    toAsk(plan, store).size(), failedBefore(notToAsk(plan, store)));
            err.flush();
            return ExitCode.DONE;
        }
        // an aspect at a time, as each has its settings and perhaps its adapter
        int worst = ExitCode.DONE;
        for (Aspect aspect : asked) {
            if (interrupted) {
                return Math.max(worst, ExitCode.SOME_FAILED);
            }
            Plan part = new Plan(
                    dataset,
                    plan.questions().stream()
                            .filter(question -> question.aspect() == aspect)
                            .toList(),
                    plan.imported());
            try (Describer describer = Describer.open(folder, aspect, options)) {
                worst = Math.max(
                        worst,
                        ask(store, part, List.of(new LocalTeacher(describer, id)), 1, new Pictures(dataset, side)));
            }
        }
        return worst;
    }

    private List<Question> toAsk(Plan plan, AnswerStore store) {
        List<Question> asked = new ArrayList<>(store.open(plan.questions()));
        if (retryFailed) {
            asked.addAll(store.failed(plan.questions()));
        }
        return asked;
    }

    /** How many questions ended without an answer and stay so. */
    private int notToAsk(Plan plan, AnswerStore store) {
        return retryFailed ? 0 : store.failed(plan.questions()).size();
    }

    private int ask(AnswerStore store, Plan plan, List<? extends Teacher> teachers, int atOnce, Pictures pictures) {
        Limits limits = new Limits(
                atOnce, requestsPerMinute, tokensPerMinute, retries, FIRST_DELAY, LONGEST_DELAY, maxRequests, maxCost);
        if (retryFailed) {
            store.reopenFailed(plan.questions());
        }
        Distillation.Summary summary;
        try (Progress progress = Progress.onStandardError("questions")) {
            Watched watched = new Watched(progress, store);
            Distillation run = new Distillation(store, teachers, limits, watched);
            watched.run = run;
            try (Interruption _ = new Interruption(() -> {
                interrupted = true;
                run.stop();
                awaitEnd();
            })) {
                summary = run.run(plan.questions(), pictures);
            }
        }
        return report(summary, plan, store);
    }

    private void awaitEnd() {
        try {
            finished.await();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    /** Shows a run: questions as progress, and what they cost and how they failed beside it. */
    private final class Watched implements StepListener {
        private final Progress progress;
        private final AnswerStore store;
        private @Nullable Distillation run;
        private long failed;

        Watched(Progress progress, AnswerStore store) {
            this.progress = progress;
            this.store = store;
        }

        @Override
        public void started(long steps, long done) {
            progress.start(Math.toIntExact(steps), Math.toIntExact(done));
        }

        @Override
        public synchronized void step() {
            Map<Outcome, Integer> outcomes = Objects.requireNonNull(run).outcomes();
            long now = outcomes.entrySet().stream()
                    .filter(outcome -> outcome.getKey() != Outcome.ANSWERED)
                    .mapToInt(Map.Entry::getValue)
                    .sum();
            progress.status(status(outcomes));
            progress.step(now == failed);
            failed = now;
        }

        private String status(Map<Outcome, Integer> outcomes) {
            String failures = failures(outcomes);
            return failures
                    + (priceInput + priceOutput == 0
                            ? ""
                            : String.format(
                                    Locale.ROOT,
                                    "%s%.2f spent",
                                    failures.isEmpty() ? "" : ", ",
                                    store.spent().cost()));
        }

        @Override
        public void note(String line) {
            PrintWriter err = spec.commandLine().getErr();
            err.println(line);
            err.flush();
        }
    }

    private static String failures(Map<Outcome, Integer> outcomes) {
        return outcomes.entrySet().stream()
                .filter(outcome -> outcome.getKey() != Outcome.ANSWERED)
                .map(outcome -> "%d %s".formatted(outcome.getValue(), DistillCommand.words(outcome.getKey())))
                .collect(Collectors.joining(", "));
    }

    private static String failedBefore(int questions) {
        return questions == 0 ? "" : ", %d failed before (--retry-failed asks them again)".formatted(questions);
    }

    private int report(Distillation.Summary summary, Plan plan, AnswerStore store) {
        PrintWriter err = spec.commandLine().getErr();
        int ended = store.failed(plan.questions()).size();
        int endedNow = summary.outcomes().entrySet().stream()
                .filter(outcome ->
                        outcome.getKey() != Outcome.ANSWERED && outcome.getKey().isFinal())
                .mapToInt(Map.Entry::getValue)
                .sum();
        int answered = summary.outcomes().getOrDefault(Outcome.ANSWERED, 0);
        int failed = Arrays.stream(Outcome.values())
                        .mapToInt(outcome -> summary.outcomes().getOrDefault(outcome, 0))
                        .sum()
                - answered;
        AnswerStore.Spent spent = store.spent();
        err.printf(
                Locale.ROOT,
                "%d questions, %d answered by imported conversations%s; now %d answered, %d failed%s, %d open; the store has"
                        + " %d requests, %d tokens read, %d written, cost %.2f%n",
                plan.questions().size(),
                plan.imported(),
                failedBefore(ended - endedNow),
                answered,
                failed,
                failed == 0 ? "" : " (" + failures(summary.outcomes()) + ")",
                summary.open(),
                spent.requests(),
                spent.inputTokens(),
                spent.outputTokens(),
                spent.cost());
        switch (summary.end()) {
            case BUDGET ->
                err.println(
                        "stopped, as the next request might go over the budget, or its cost cannot be known, which is then said above: raise --max-cost or --max-requests");
            case KEYS ->
                err.println(
                        "stopped, as no key is left that may be asked: look at what is said above, and start again");
            case UNREACHABLE ->
                err.println("stopped, as question after question failed: start again when the provider answers, with"
                        + " --retry-failed if it rejected them");
            case STOPPED -> err.println("stopped; start again to go on");
            case DONE -> {
                // said above
            }
        }
        err.flush();
        boolean unreachable = summary.end() == End.KEYS
                || summary.end() == End.UNREACHABLE
                || (answered == 0 && failed > 0 && summary.open() == failed);
        return unreachable ? ExitCode.REMOTE : ended == 0 && summary.open() == 0 ? ExitCode.DONE : ExitCode.SOME_FAILED;
    }

    private void print(Plan.Estimate estimate, Plan plan, Prices prices, AnswerStore store) {
        PrintWriter out = spec.commandLine().getOut();
        int failed = notToAsk(plan, store);
        out.printf(
                Locale.ROOT,
                "%d questions about %d images, %d more answered already%s%n"
                        + "about %d tokens to read and %d to write, by the provider's rules for images and the lengths"
                        + " of answers so far%n",
                estimate.questions(),
                estimate.images(),
                plan.questions().size() - estimate.questions() - failed + plan.imported(),
                failedBefore(failed),
                estimate.inputTokens(),
                estimate.outputTokens());
        if (priceInput + priceOutput > 0) {
            out.printf(
                    Locale.ROOT,
                    "about %.2f to pay, and %.2f spent already%n",
                    prices.of(estimate.inputTokens(), estimate.outputTokens()),
                    store.spent().cost());
        }
        out.flush();
    }
}
