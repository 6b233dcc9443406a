package io.github.m3agiqa.distill;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.distill.OnlineTeacher.Settings;
import io.github.m3agiqa.testing.ArabicDigits;
import io.github.m3agiqa.testing.Provider;
import io.github.m3agiqa.testing.Provider.Behaviour;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Both kinds of API on a real server: what is sent, and what each reply and failure is taken for. */
class OnlineTeacherTest {
    private static final String KEY = "sk-secret-key";
    private static final Question QUESTION = new Question(
            "a.png", "hash", Aspect.QUALITY, "Describe the quality of 'a red cube'.", "text", "teacher", false);
    private static final Teacher.Picture PICTURE = new Teacher.Picture("AQID", "image/png");

    private static Teacher.Reply ask(OnlineTeacher.Provider kind, Behaviour behaviour) {
        return ask(kind, behaviour, Duration.ofSeconds(30));
    }

    private static Teacher.Reply ask(OnlineTeacher.Provider kind, Behaviour behaviour, Duration timeout) {
        try (Provider provider = new Provider(behaviour)) {
            return ask(kind, provider, timeout);
        }
    }

    private static Teacher.Reply ask(OnlineTeacher.Provider kind, Provider provider, Duration timeout) {
        Settings settings = new Settings(
                kind,
                "model-1",
                provider.url(kind == OnlineTeacher.Provider.OPENAI ? "/v1" : "/v1beta"),
                0.2,
                7,
                512,
                timeout,
                new Prices(10, 100));
        return new OnlineTeacher(settings, KEY).ask(QUESTION, PICTURE, false);
    }

    private static String reply(OnlineTeacher.Provider kind, String content, boolean cutOff) {
        return kind == OnlineTeacher.Provider.OPENAI
                ? Provider.openAi(content, cutOff ? "length" : "stop")
                : Provider.gemini(content, cutOff ? "MAX_TOKENS" : "STOP");
    }

    @ParameterizedTest
    @EnumSource
    void sendsQuestionAndImageAndReadsTheAnswer(OnlineTeacher.Provider kind) {
        try (Provider provider = new Provider((exchange, _) ->
                Provider.send(exchange, 200, reply(kind, Provider.description("A sharp \"cube\"."), false)))) {
            Attempt attempt = ask(kind, provider, Duration.ofSeconds(30)).attempt();

            assertThat(attempt.outcome()).isEqualTo(Outcome.ANSWERED);
            assertThat(attempt.description()).isEqualTo("A sharp \"cube\".");
            assertThat(attempt.inputTokens()).isEqualTo(300);
            assertThat(attempt.outputTokens()).isEqualTo(40);
            assertThat(attempt.cost()).isEqualTo((300 * 10 + 40 * 100) / 1e6);
            assertThat(attempt.reply()).contains("sharp");
            assertThat(provider.requests())
                    .singleElement()
                    .satisfies(request -> assertThat(request)
                            .contains("model-1", "'a red cube'", "AQID", "image/png", "description", "refused")
                            .containsIgnoringCase("high")
                            .doesNotContain(KEY));
            assertThat(provider.keys()).singleElement().asString().contains(KEY);
        }
    }

    /** As many models answer, whatever they are asked for. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "```json\n%s\n```",
                "```\n%s\n```",
                "Here is the description:\n\n```json\n%s\n```\nAsk for more.",
            })
    void readsAnAnswerInAMarkdownFence(String form) {
        String fenced = form.formatted(Provider.description("Says ```{open}``` on a {sign}."));

        Attempt attempt = ask(
                        OnlineTeacher.Provider.OPENAI,
                        (exchange, _) -> Provider.send(exchange, 200, Provider.openAi(fenced, "stop")))
                .attempt();

        assertThat(attempt.outcome()).isEqualTo(Outcome.ANSWERED);
        assertThat(attempt.description()).isEqualTo("Says ```{open}``` on a {sign}.");
    }

    @Test
    void isTheSameTeacherWhereDigitsAreOthers() {
        Settings settings = new Settings(
                OnlineTeacher.Provider.GEMINI,
                "model-1",
                null,
                0.2,
                7,
                512,
                Duration.ofSeconds(30),
                new Prices(10, 100));

        try (ArabicDigits _ = new ArabicDigits()) {
            assertThat(OnlineTeacher.id(settings)).isEqualTo("gemini model-1 temperature 0.2 seed 7 detail high");
        }
    }

    @ParameterizedTest
    @EnumSource
    void tellsFailuresApart(OnlineTeacher.Provider kind) {
        assertThat(outcome(kind, 200, reply(kind, Provider.description("A cub"), true)))
                .isEqualTo(Outcome.CUT_OFF);
        assertThat(outcome(kind, 200, reply(kind, "{\"description\": \"\", \"refused\": true}", false)))
                .isEqualTo(Outcome.REFUSED);
        assertThat(outcome(kind, 200, reply(kind, "A sharp cube.", false))).isEqualTo(Outcome.MALFORMED);
        assertThat(outcome(kind, 200, reply(kind, "{\"description\": ", false))).isEqualTo(Outcome.MALFORMED);
        assertThat(outcome(kind, 200, reply(kind, "{\"description\": 5, \"refused\": false}", false)))
                .isEqualTo(Outcome.MALFORMED);
        assertThat(outcome(kind, 200, "<html>busy</html>")).isEqualTo(Outcome.SERVER_ERROR);
        assertThat(outcome(kind, 500, "{}")).isEqualTo(Outcome.SERVER_ERROR);
        assertThat(outcome(kind, 503, "{}")).isEqualTo(Outcome.SERVER_ERROR);
        assertThat(outcome(kind, 401, "{}")).isEqualTo(Outcome.UNAUTHORIZED);
        assertThat(outcome(kind, 403, "{}")).isEqualTo(Outcome.UNAUTHORIZED);
        assertThat(outcome(kind, 400, "{\"error\": {\"details\": [{\"reason\": \"API_KEY_INVALID\"}]}}"))
                .isEqualTo(Outcome.UNAUTHORIZED);
        assertThat(outcome(kind, 402, "{}")).isEqualTo(Outcome.OUT_OF_CREDIT);
        assertThat(outcome(kind, 429, "{\"error\": {\"code\": \"insufficient_quota\"}}"))
                .isEqualTo(Outcome.OUT_OF_CREDIT);
        assertThat(outcome(kind, 413, "{}")).isEqualTo(Outcome.REJECTED);
    }

    private static Outcome outcome(OnlineTeacher.Provider kind, int status, String body) {
        return ask(kind, (exchange, _) -> Provider.send(exchange, status, body))
                .attempt()
                .outcome();
    }

    @ParameterizedTest
    @EnumSource
    void saysWhatIsWrongInOneLine(OnlineTeacher.Provider kind) {
        assertThat(error(kind, 404, "{\"error\": {\"message\": \"no\\n model\", \"code\": 404}}"))
                .isEqualTo("HTTP 404 no model");
        assertThat(error(kind, 404, "[{\"error\": {\"message\": \"no model\"}}]"))
                .isEqualTo("HTTP 404 no model");
        assertThat(error(kind, 500, "{\"error\": \"out of memory\"}")).isEqualTo("HTTP 500 out of memory");
        assertThat(error(kind, 503, "")).isEqualTo("HTTP 503");
        assertThat(error(kind, 200, "<html>\n<b>busy</b>\u001b[31m</html>"))
                .isEqualTo("a reply without an answer: <html> <b>busy</b> [31m</html>");
        assertThat(error(kind, 400, "x".repeat(295) + KEY))
                .startsWith("HTTP 400 xxx")
                .endsWith("x***");
        assertThat(error(kind, 400, "x".repeat(400))).hasSizeLessThan(320).endsWith("x…");
    }

    private static @Nullable String error(OnlineTeacher.Provider kind, int status, String body) {
        return ask(kind, (exchange, _) -> Provider.send(exchange, status, body))
                .attempt()
                .error();
    }

    @Test
    void namesAnAddressThatDoesNotAnswer() {
        for (String url : List.of("http://127.0.0.1:1/v1", "http://no-such-host.invalid/v1")) {
            Settings settings = new Settings(
                    OnlineTeacher.Provider.OPENAI, "m", url, 0, 1, 9, Duration.ofSeconds(30), new Prices(0, 0));

            Attempt attempt = new OnlineTeacher(settings, KEY)
                    .ask(QUESTION, PICTURE, false)
                    .attempt();

            assertThat(attempt.outcome()).isEqualTo(Outcome.CONNECTION_LOST);
            assertThat(attempt.error()).startsWith("the connection to " + url + " failed: ");
        }
    }

    @Test
    void knowsEachProvidersOwnWords() {
        String refusal = Provider.openAi("", "stop").replace("\"content\": \"\"", "\"refusal\": \"I cannot.\"");
        assertThat(outcome(OnlineTeacher.Provider.OPENAI, 200, refusal)).isEqualTo(Outcome.REFUSED);
        assertThat(outcome(OnlineTeacher.Provider.OPENAI, 200, Provider.openAi("", "content_filter")))
                .isEqualTo(Outcome.BLOCKED);
        assertThat(outcome(OnlineTeacher.Provider.OPENAI, 400, "{\"error\": {\"code\": \"content_filter\"}}"))
                .isEqualTo(Outcome.BLOCKED);
        assertThat(outcome(OnlineTeacher.Provider.GEMINI, 200, "{\"promptFeedback\": {\"blockReason\": \"SAFETY\"}}"))
                .isEqualTo(Outcome.BLOCKED);
        assertThat(outcome(OnlineTeacher.Provider.GEMINI, 200, Provider.gemini("", "SAFETY")))
                .isEqualTo(Outcome.BLOCKED);
    }

    @ParameterizedTest
    @EnumSource
    void handsOnHowLongToWait(OnlineTeacher.Provider kind) {
        Teacher.Reply reply = ask(kind, (exchange, _) -> {
            exchange.getResponseHeaders().set("Retry-After", "17");
            Provider.send(exchange, 429, "{\"error\": {\"message\": \"slow down, %s\"}}".formatted(KEY));
        });

        assertThat(reply.attempt().outcome()).isEqualTo(Outcome.RATE_LIMITED);
        assertThat(reply.retryAfter()).isEqualTo(Duration.ofSeconds(17));
        assertThat(reply.attempt().reply()).contains("slow down").doesNotContain(KEY);
    }

    @ParameterizedTest
    @EnumSource
    void endsWhatTakesTooLongOrBreaksOff(OnlineTeacher.Provider kind) {
        byte[] whole = reply(kind, Provider.description("A cube."), false).getBytes(StandardCharsets.UTF_8);
        Behaviour dripping = (exchange, _) -> {
            exchange.sendResponseHeaders(200, whole.length);
            for (byte one : whole) {
                exchange.getResponseBody().write(one);
                exchange.getResponseBody().flush();
                sleep(20);
            }
        };
        Teacher.Reply slow = ask(kind, dripping, Duration.ofMillis(700));
        assertThat(slow.attempt().outcome()).isEqualTo(Outcome.TIMED_OUT);

        Teacher.Reply half = ask(kind, (exchange, _) -> {
            exchange.sendResponseHeaders(200, whole.length);
            exchange.getResponseBody().write(whole, 0, whole.length / 2);
            exchange.getResponseBody().flush();
            throw new java.io.IOException("gone");
        });
        assertThat(half.attempt().outcome()).isEqualTo(Outcome.CONNECTION_LOST);
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void readsBothFormsOfRetryAfter() {
        Instant now = Instant.parse("2026-01-01T00:00:00Z");
        assertThat(Exchanges.wait("1.5", now)).isEqualTo(Duration.ofMillis(1500));
        assertThat(Exchanges.wait("Thu, 01 Jan 2026 00:02:00 GMT", now)).isEqualTo(Duration.ofMinutes(2));
        assertThat(Exchanges.wait("Thu, 01 Jan 2015 00:02:00 GMT", now)).isEqualTo(Duration.ZERO);
        assertThat(Exchanges.wait("soon", now)).isNull();
        assertThat(Exchanges.wait(null, now)).isNull();
    }
}
