package io.github.m3agiqa.distill;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.distill.Distillation.End;
import io.github.m3agiqa.distill.Distillation.Limits;
import io.github.m3agiqa.distill.Distillation.Summary;
import io.github.m3agiqa.distill.OnlineTeacher.Settings;
import io.github.m3agiqa.testing.Provider;
import io.github.m3agiqa.testing.Watcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole runs against a server that fails in every way. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class DistillationTest {
    private static final Teacher.Picture PICTURE = new Teacher.Picture("AQID", "image/png");
    private static final Pattern NUMBER = Pattern.compile("picture (\\d+)\\.");
    private static final int KILLED_RUN = 500;
    private static final int KILLS = 10;

    @TempDir
    private Path folder;

    private static List<Question> questions(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> new Question(
                        "%d.png".formatted(i),
                        "hash %d".formatted(i),
                        Aspect.QUALITY,
                        "What is in picture %d.".formatted(i),
                        "text",
                        "teacher",
                        false))
                .toList();
    }

    private static OnlineTeacher teacher(String url, String key) {
        return new OnlineTeacher(
                new Settings(
                        OnlineTeacher.Provider.OPENAI,
                        "m",
                        url,
                        0,
                        1,
                        256,
                        Duration.ofSeconds(30),
                        new Prices(1000, 0)),
                key);
    }

    private static Limits limits(int concurrency, long maxRequests, double maxCost) {
        return new Limits(concurrency, 0, 0, 6, Duration.ofMillis(5), Duration.ofMillis(50), maxRequests, maxCost);
    }

    private static int number(String request) {
        Matcher found = NUMBER.matcher(request);
        assertThat(found.find()).as(request).isTrue();
        return Integer.parseInt(found.group(1));
    }

    private static void answer(HttpExchange exchange, String text) throws IOException {
        Provider.send(exchange, 200, Provider.openAi(Provider.description(text), "stop"));
    }

    private Summary run(Provider provider, int questions, Limits limits, String... keys) {
        try (AnswerStore store = new AnswerStore(folder)) {
            return run(store, provider, questions, limits, keys);
        }
    }

    private static Summary run(AnswerStore store, Provider provider, int questions, Limits limits, String... keys) {
        List<OnlineTeacher> teachers = List.of(keys).stream()
                .map(key -> teacher(provider.url("/v1"), key))
                .toList();
        return new Distillation(store, teachers, limits, Watcher.patient()).run(questions(questions), _ -> PICTURE);
    }

    private static Summary run(
            AnswerStore store, Provider provider, int questions, Limits limits, Consumer<String> notes) {
        StepListener listener = new StepListener() {
            @Override
            public void started(long steps, long done) {}

            @Override
            public void step() {}

            @Override
            public void note(String line) {
                notes.accept(line);
            }
        };
        return new Distillation(store, List.of(teacher(provider.url("/v1"), "key")), limits, listener)
                .run(questions(questions), _ -> PICTURE);
    }

    /** Every third request fails in one of seven ways, and none of it is lost or told twice. */
    @Test
    void passingFailuresAreTriedAgain() {
        try (Provider provider = new Provider((exchange, number) -> {
            if (number % 3 != 0) {
                answer(exchange, "Seen.");
                return;
            }
            switch (number / 3 % 5) {
                case 0 -> {
                    exchange.getResponseHeaders().set("Retry-After", "0");
                    Provider.send(exchange, 429, "{}");
                }
                case 1 -> Provider.send(exchange, 500, "{}");
                case 2 -> {
                    exchange.sendResponseHeaders(200, 1000);
                    exchange.getResponseBody().write(new byte[10]);
                    throw new IOException("half");
                }
                case 3 -> throw new IOException("reset");
                default -> Provider.send(exchange, 200, "no JSON");
            }
        })) {
            // six retries of one question can all be a third request, as four questions are asked at a time
            Limits patient = new Limits(4, 0, 0, 30, Duration.ofMillis(5), Duration.ofMillis(50), 1000, 1000);
            Summary summary = run(provider, 60, patient, "key");

            assertThat(summary).isEqualTo(new Summary(End.DONE, Map.of(Outcome.ANSWERED, 60), 0));
            try (AnswerStore store = new AnswerStore(folder)) {
                assertThat(store.answers()).allMatch(answer -> "Seen.".equals(answer.description()));
                assertThat(store.outcomes()).containsEntry(Outcome.ANSWERED, 60L);
                assertThat(store.outcomes().keySet())
                        .contains(Outcome.RATE_LIMITED, Outcome.SERVER_ERROR, Outcome.CONNECTION_LOST);
                assertThat(store.spent().requests())
                        .isEqualTo(provider.requests().size());
            }
        }
    }

    @Test
    void asksOnceMoreForTheRightForm() {
        try (Provider provider = new Provider((exchange, number) -> {
            if (number == 0) {
                Provider.send(exchange, 200, Provider.openAi("It is a cube.", "stop"));
            } else {
                Provider.send(
                        exchange,
                        200,
                        Provider.openAi(number == 1 ? Provider.description("A cube.") : "Nothing.", "stop"));
            }
        })) {
            Summary summary = run(provider, 2, limits(1, 100, 100), "key");

            assertThat(summary.outcomes()).isEqualTo(Map.of(Outcome.ANSWERED, 1, Outcome.MALFORMED, 1));
            assertThat(provider.requests()).hasSize(4);
            assertThat(provider.requests().get(1)).contains("nothing else");
        }
    }

    @Test
    void keysTakeTurnsAndThoseThatFailLeave() {
        try (Provider provider = new Provider((exchange, _) -> {
            if (exchange.getRequestHeaders().getFirst("Authorization").endsWith("bad")) {
                Provider.send(exchange, 401, "{}");
            } else {
                answer(exchange, "Seen.");
            }
        })) {
            Summary summary = run(provider, 9, limits(1, 100, 100), "first", "bad", "second");

            assertThat(summary).isEqualTo(new Summary(End.DONE, Map.of(Outcome.ANSWERED, 9), 0));
            assertThat(provider.keys().stream().filter(key -> key.contains("bad")))
                    .hasSize(1);
            assertThat(provider.keys().stream().filter(key -> key.contains("second")))
                    .hasSizeGreaterThan(3);

            assertThat(run(provider, 11, limits(1, 100, 100), "bad"))
                    .isEqualTo(new Summary(End.KEYS, Map.of(Outcome.UNAUTHORIZED, 1), 2));
        }
    }

    @Test
    void endsCleanlyWhenTheBudgetIsSpent() {
        try (Provider provider = new Provider((exchange, _) -> answer(exchange, "Seen."))) {
            // an answer costs 0.3
            assertThat(run(provider, 20, limits(1, 100, 1.3), "key"))
                    .isEqualTo(new Summary(End.BUDGET, Map.of(Outcome.ANSWERED, 4), 16));
            assertThat(run(provider, 20, limits(1, 10, 100), "key"))
                    .isEqualTo(new Summary(End.BUDGET, Map.of(Outcome.ANSWERED, 6), 10));
            assertThat(run(provider, 20, limits(1, 100, 100), "key"))
                    .isEqualTo(new Summary(End.DONE, Map.of(Outcome.ANSWERED, 10), 0));
            assertThat(provider.requests()).hasSize(20);
        }
    }

    /** What a provider asks to wait holds for the key, whoever asks with it. */
    @Test
    void aKeyRestsForAllQuestions() {
        List<Long> times = Collections.synchronizedList(new ArrayList<>());
        try (AnswerStore store = new AnswerStore(folder);
                Provider provider = new Provider((exchange, number) -> {
                    times.add(System.nanoTime());
                    if (number == 0) {
                        exchange.getResponseHeaders().set("Retry-After", "1");
                        Provider.send(exchange, 429, "{}");
                    } else {
                        while (!store.outcomes().containsKey(Outcome.RATE_LIMITED)) {
                            pause(5);
                        }
                        answer(exchange, "Seen.");
                    }
                })) {
            assertThat(run(store, provider, 12, limits(3, 100, 100), "key").outcomes())
                    .isEqualTo(Map.of(Outcome.ANSWERED, 12));
        }

        // three at most began before the key rested, as none of the others was answered before
        assertThat(times).hasSize(13);
        assertThat(times.stream().sorted().skip(3))
                .allMatch(time -> time - times.getFirst() >= TimeUnit.SECONDS.toNanos(1));
    }

    /** In seconds, or as a date that is further off than a clock of nanoseconds goes. */
    @ParameterizedTest
    @ValueSource(strings = {"90000", "999999999", "Fri, 31 Dec 9999 23:59:59 GMT"})
    void aKeyThatWouldRestForYearsIsLeftOut(String wait) {
        List<String> notes = new ArrayList<>();
        try (AnswerStore store = new AnswerStore(folder);
                Provider provider = new Provider((exchange, _) -> {
                    exchange.getResponseHeaders().set("Retry-After", wait);
                    Provider.send(exchange, 429, "{\"error\": {\"message\": \"no more this year\"}}");
                })) {
            Summary summary = run(store, provider, 3, limits(1, 100, 100), notes::add);

            assertThat(summary).isEqualTo(new Summary(End.KEYS, Map.of(Outcome.RATE_LIMITED, 1), 3));
            assertThat(provider.requests()).hasSize(1);
            assertThat(notes)
                    .last()
                    .asString()
                    .startsWith("a key is left out: HTTP 429 no more this year; it asks to wait ")
                    .endsWith(" seconds, which is more than a day; 0 left");
        }
    }

    @ParameterizedTest
    @CsvSource({"stop, ANSWERED", "length, CUT_OFF"})
    void endsWhereNobodyKnowsWhatRepliesCostAndTheyMustNotCostMore(String finish, Outcome outcome) {
        List<String> notes = new ArrayList<>();
        try (AnswerStore store = new AnswerStore(folder);
                Provider provider = new Provider((exchange, _) -> Provider.send(
                        exchange,
                        200,
                        Provider.openAi(Provider.description("Seen."), finish)
                                .replaceFirst(",\\s*\"usage\": \\{[^}]*}", "")))) {
            assertThat(run(store, provider, 9, limits(1, 100, 1), notes::add))
                    .isEqualTo(new Summary(End.BUDGET, Map.of(outcome, 1), 8));
            assertThat(notes)
                    .filteredOn(note -> note.contains("--max-cost cannot be kept"))
                    .hasSize(1);

            assertThat(run(store, provider, 9, limits(1, 100, Double.POSITIVE_INFINITY), notes::add))
                    .isEqualTo(new Summary(End.DONE, Map.of(outcome, 8), 0));
        }
    }

    @Test
    void givesUpWhenQuestionAfterQuestionFails() {
        try (Provider provider = new Provider((exchange, _) -> Provider.send(exchange, 503, "{}"))) {
            Limits impatient = new Limits(1, 0, 0, 0, Duration.ofMillis(1), Duration.ofMillis(2), 1000, 1000);

            assertThat(run(provider, 30, impatient, "key"))
                    .isEqualTo(new Summary(End.UNREACHABLE, Map.of(Outcome.SERVER_ERROR, 20), 30));
        }
    }

    /** As by a server that has no such model: the other questions stay open. */
    @Test
    void givesUpWhenQuestionAfterQuestionIsRejected() {
        try (Provider provider = new Provider((exchange, number) -> {
            if (number == 3) {
                answer(exchange, "Seen.");
            } else {
                Provider.send(exchange, 404, "{}");
            }
        })) {
            assertThat(run(provider, 30, limits(1, 1000, 1000), "key"))
                    .isEqualTo(new Summary(End.UNREACHABLE, Map.of(Outcome.REJECTED, 23, Outcome.ANSWERED, 1), 6));
        }
    }

    @Test
    void stopWakesThoseWhoWait() throws Exception {
        try (Provider provider = new Provider((exchange, _) -> Provider.send(exchange, 503, "{}"));
                AnswerStore store = new AnswerStore(folder)) {
            Limits patient = new Limits(2, 0, 0, 9, Duration.ofMinutes(5), Duration.ofMinutes(9), 1000, 1000);
            Distillation run =
                    new Distillation(store, List.of(teacher(provider.url("/v1"), "key")), patient, Watcher.patient());
            // not in the common pool, whose only thread on two cores completes the client's replies
            CompletableFuture<Summary> summary = CompletableFuture.supplyAsync(
                    () -> run.run(questions(5), _ -> PICTURE),
                    task -> Thread.ofPlatform().start(task));
            while (store.outcomes().values().stream().mapToLong(Long::longValue).sum() < 2) {
                pause(5);
            }
            run.stop();

            assertThat(summary.get(30, TimeUnit.SECONDS)).isEqualTo(new Summary(End.STOPPED, Map.of(), 5));
            assertThat(provider.requests()).hasSize(2);
        }
    }

    @Test
    void anImageThatCannotBeReadStopsNothing() {
        try (Provider provider = new Provider((exchange, _) -> answer(exchange, "Seen."));
                AnswerStore store = new AnswerStore(folder)) {
            Distillation run = new Distillation(
                    store, List.of(teacher(provider.url("/v1"), "key")), limits(2, 100, 100), Watcher.patient());

            Summary summary = run.run(questions(4), question -> {
                if (question.image().startsWith("2")) {
                    throw new InputException("2.png is no image");
                }
                return PICTURE;
            });

            assertThat(summary).isEqualTo(new Summary(End.DONE, Map.of(Outcome.ANSWERED, 3, Outcome.UNREADABLE, 1), 0));
            assertThat(provider.requests()).hasSize(3);
        }
    }

    /** A run in a process of its own. */
    static final class Child {
        private Child() {}

        public static void main(String[] arguments) {
            try (AnswerStore store = new AnswerStore(Path.of(arguments[0]))) {
                store.add(questions(KILLED_RUN));
                StepListener quiet = Watcher.patient();
                new Distillation(
                                store,
                                List.of(teacher(arguments[1], "key")),
                                limits(4, Long.MAX_VALUE, Double.MAX_VALUE),
                                quiet)
                        .run(questions(KILLED_RUN), _ -> PICTURE);
            }
        }
    }

    @Test
    void killsLoseNothingAndAskNothingTwice() throws Exception {
        Random random = new Random(2);
        Map<Integer, Integer> asked = new HashMap<>();
        try (Provider provider = new Provider((exchange, _) -> {
            pause(15);
            answer(exchange, "Seen.");
        })) {
            for (int kill = 0; kill < KILLS; kill++) {
                Process child = child(provider);
                int target = provider.requests().size() + 6 + random.nextInt(60);
                long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
                while (provider.requests().size() < target && child.isAlive() && System.nanoTime() < deadline) {
                    pause(3);
                }
                child.destroyForcibly().waitFor();
            }
            try (AnswerStore store = new AnswerStore(folder)) {
                assertThat(store.outcomes().getOrDefault(Outcome.ANSWERED, 0L)).isPositive();
            }
            Process last = child(provider);
            assertThat(last.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(last.exitValue()).as(logs()).isZero();
            provider.requests().forEach(request -> asked.merge(number(request), 1, Integer::sum));
        }

        try (AnswerStore store = new AnswerStore(folder)) {
            assertThat(store.answers()).hasSize(KILLED_RUN).allMatch(answer -> "Seen.".equals(answer.description()));
            assertThat(store.outcomes()).isEqualTo(Map.of(Outcome.ANSWERED, (long) KILLED_RUN));
            long twice = asked.values().stream().mapToLong(times -> times - 1).sum();
            assertThat(twice).as("no more than what was under way").isLessThanOrEqualTo(4L * KILLS);
        }
    }

    private String logs() throws IOException {
        try (var files = Files.list(folder)) {
            StringBuilder logs = new StringBuilder();
            for (Path log :
                    files.filter(file -> file.toString().endsWith(".log")).toList()) {
                logs.append(Files.readString(log));
            }
            return logs.toString();
        }
    }

    private Process child(Provider provider) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Child.class.getName(),
                        folder.toString(),
                        provider.url("/v1"))
                .redirectErrorStream(true)
                .redirectOutput(Files.createTempFile(folder, "child", ".log").toFile())
                .start();
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
