package io.github.m3agiqa.distill;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.HttpException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.googleai.GeminiMediaResolutionLevel;
import dev.langchain4j.model.googleai.GoogleAiGeminiChatModel;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import io.github.m3agiqa.image.SlicePlan;
import java.io.IOException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** An MLLM behind Gemini's API or one that is compatible with OpenAI's. */
public final class OnlineTeacher implements Teacher {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String DESCRIPTION = "description";
    private static final String REFUSED = "refused";

    /** The form of an answer; {@code refused} lets a teacher say so where it can be seen. */
    private static final ResponseFormat FORM = ResponseFormat.builder()
            .type(ResponseFormatType.JSON)
            .jsonSchema(JsonSchema.builder()
                    .name("image_description")
                    .rootElement(JsonObjectSchema.builder()
                            .addStringProperty(DESCRIPTION, "what was asked for, in plain English sentences")
                            .addBooleanProperty(REFUSED, "true if the image cannot be described")
                            .required(DESCRIPTION, REFUSED)
                            .additionalProperties(false)
                            .build())
                    .build())
            .build();

    private static final String AGAIN =
            "Answer with one JSON object that has the keys \"%s\" and \"%s\", and nothing else."
                    .formatted(DESCRIPTION, REFUSED);

    /** How many teachers wrap what it was asked for. */
    private static final Pattern FENCED = Pattern.compile("(?s)```(?:json)?\\s*(\\{.*\\})\\s*```");

    private static final List<String> PLACES_OF_MESSAGES =
            List.of("/error/message", "/0/error/message", "/error", "/message", "/detail");
    private static final int LONGEST_MESSAGE = 300;

    private static final int BAD_REQUEST = 400;
    private static final int UNAUTHORIZED = 401;
    private static final int PAYMENT_REQUIRED = 402;
    private static final int FORBIDDEN = 403;
    private static final int REQUEST_TIMEOUT = 408;
    private static final int TOO_MANY_REQUESTS = 429;
    private static final int SERVER = 500;

    /** Whose API it is. */
    public enum Provider {
        GEMINI {
            // 258 tokens a tile of 768 pixels, or for an image of at most 384 pixels a side
            @Override
            int imageTokens(SlicePlan.Size size) {
                boolean small = Math.max(size.width(), size.height()) <= GEMINI_SMALL;
                return GEMINI_TILE_TOKENS * (small ? 1 : tiles(size, GEMINI_TILE));
            }
        },
        OPENAI {
            // 85 tokens, and 170 a tile of 512 pixels of the image at 768 pixels a shorter side
            @Override
            int imageTokens(SlicePlan.Size size) {
                double factor = Math.min(1, (double) OPENAI_SHORTER / Math.min(size.width(), size.height()));
                SlicePlan.Size sent = new SlicePlan.Size(
                        (int) Math.round(factor * size.width()), (int) Math.round(factor * size.height()));
                return OPENAI_IMAGE_TOKENS + OPENAI_TILE_TOKENS * tiles(sent, OPENAI_TILE);
            }
        };

        private static final int GEMINI_SMALL = 384;
        private static final int GEMINI_TILE = 768;
        private static final int GEMINI_TILE_TOKENS = 258;
        private static final int OPENAI_SHORTER = 768;
        private static final int OPENAI_TILE = 512;
        private static final int OPENAI_TILE_TOKENS = 170;
        private static final int OPENAI_IMAGE_TOKENS = 85;

        /** How many tokens an image counts for, as the provider documents it; other servers count otherwise. */
        abstract int imageTokens(SlicePlan.Size size);

        private static int tiles(SlicePlan.Size size, int side) {
            return Math.ceilDiv(size.width(), side) * Math.ceilDiv(size.height(), side);
        }
    }

    /**
     * Which model is asked, and how.
     *
     * @param baseUrl where the API is; null for the provider's own
     * @param temperature 0 for the most likely words
     * @param maxOutputTokens how long an answer may be
     * @param timeout the longest time from a request to the end of its reply
     * @param prices what it takes
     */
    public record Settings(
            Provider provider,
            String model,
            @Nullable String baseUrl,
            double temperature,
            int seed,
            int maxOutputTokens,
            Duration timeout,
            Prices prices) {}

    private final Settings settings;
    private final String key;
    private final Exchanges exchanges = new Exchanges();
    private final ChatModel model;

    /**
     * A teacher.
     *
     * @param key the secret by which the provider knows who pays; it is in no message and in no answer
     */
    public OnlineTeacher(Settings settings, String key) {
        this.settings = settings;
        this.key = key;
        this.model = switch (settings.provider) {
            case GEMINI -> gemini();
            case OPENAI -> openAi();
        };
    }

    private ChatModel gemini() {
        var builder = GoogleAiGeminiChatModel.builder()
                .httpClientBuilder(exchanges)
                .apiKey(key)
                .modelName(settings.model)
                .temperature(settings.temperature)
                .seed(settings.seed)
                .maxOutputTokens(settings.maxOutputTokens)
                .mediaResolution(GeminiMediaResolutionLevel.MEDIA_RESOLUTION_HIGH)
                .timeout(settings.timeout)
                .maxRetries(0);
        if (settings.baseUrl != null) {
            builder.baseUrl(settings.baseUrl);
        }
        return builder.build();
    }

    private ChatModel openAi() {
        var builder = OpenAiChatModel.builder()
                .httpClientBuilder(exchanges)
                .apiKey(key)
                .modelName(settings.model)
                .temperature(settings.temperature)
                .seed(settings.seed)
                .maxTokens(settings.maxOutputTokens)
                .strictJsonSchema(true)
                .timeout(settings.timeout)
                .maxRetries(0);
        if (settings.baseUrl != null) {
            builder.baseUrl(settings.baseUrl);
        }
        return builder.build();
    }

    @Override
    public String id() {
        return id(settings);
    }

    /**
     * Provider, model and the settings that an answer's words depend on, in one line. Its longest length is none of them, so
     * that what was cut off is asked again with a larger one.
     */
    public static String id(Settings settings) {
        return String.format(
                Locale.ROOT,
                "%s %s%s temperature %s seed %d detail high",
                settings.provider.name().toLowerCase(Locale.ROOT),
                settings.model,
                settings.baseUrl == null ? "" : " at " + settings.baseUrl,
                settings.temperature,
                settings.seed);
    }

    @Override
    public Reply ask(Question question, Picture picture, boolean again) {
        UserMessage message = UserMessage.from(
                TextContent.from(again ? question.text() + "\n\n" + AGAIN : question.text()),
                ImageContent.from(picture.base64(), picture.mimeType(), ImageContent.DetailLevel.HIGH));
        long begun = System.nanoTime();
        try {
            ChatResponse response = model.chat(
                    ChatRequest.builder().messages(message).responseFormat(FORM).build());
            return new Reply(answered(response, begun), null);
        } catch (RuntimeException e) {
            return failed(e, begun);
        }
    }

    private Attempt answered(ChatResponse response, long begun) {
        String text = Objects.requireNonNullElse(response.aiMessage().text(), "");
        FinishReason end = response.finishReason();
        Outcome outcome = end == FinishReason.LENGTH
                ? Outcome.CUT_OFF
                : end == FinishReason.CONTENT_FILTER ? Outcome.BLOCKED : Outcome.MALFORMED;
        String description = null;
        if (outcome == Outcome.MALFORMED) {
            JsonNode answer = object(text);
            if (answer.path(REFUSED).asBoolean() || refuses(reply())) {
                outcome = Outcome.REFUSED;
            } else if (answer.path(DESCRIPTION).isTextual()
                    && !answer.path(DESCRIPTION).asText().isBlank()) {
                outcome = Outcome.ANSWERED;
                description = answer.path(DESCRIPTION).asText().strip();
            }
        }
        TokenUsage tokens = response.tokenUsage();
        return attempt(outcome, description, tokens, null, begun);
    }

    /** What the provider sent in this thread. */
    private @Nullable String reply() {
        Exchanges.Came came = Exchanges.came();
        return came == null ? null : came.body();
    }

    /** The object that an answer is, or that it has in a Markdown fence. */
    private static JsonNode object(String text) {
        Matcher fenced = FENCED.matcher(text);
        JsonNode whole = json(text);
        return !whole.isObject() && fenced.find() ? json(fenced.group(1)) : whole;
    }

    private static JsonNode json(@Nullable String text) {
        try {
            return text == null ? JSON.missingNode() : JSON.readTree(text);
        } catch (JsonProcessingException _) {
            return JSON.missingNode();
        }
    }

    /** Whether OpenAI's own field for a refusal, outside the answer, is filled. */
    private static boolean refuses(@Nullable String reply) {
        return !json(reply).at("/choices/0/message/refusal").asText("").isBlank();
    }

    private Attempt attempt(
            Outcome outcome,
            @Nullable String description,
            @Nullable TokenUsage tokens,
            @Nullable String error,
            long begun) {
        long input = tokens == null ? 0 : Objects.requireNonNullElse(tokens.inputTokenCount(), 0);
        long output = tokens == null ? 0 : Objects.requireNonNullElse(tokens.outputTokenCount(), 0);
        return new Attempt(
                outcome,
                description,
                withoutKey(reply()),
                input,
                output,
                settings.prices.of(input, output),
                withoutKey(error),
                (System.nanoTime() - begun) / 1_000_000);
    }

    /** A provider may repeat a wrong key in what it says. */
    private @Nullable String withoutKey(@Nullable String text) {
        return text == null || key.isEmpty() ? text : text.replace(key, "***");
    }

    private Reply failed(RuntimeException e, long begun) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            Exchanges.Came came = Exchanges.came();
            if (cause instanceof HttpException && came != null) {
                String error = "HTTP %d %s".formatted(came.status(), words(came.body()));
                return new Reply(attempt(outcome(came), null, null, error.strip(), begun), came.retryAfter());
            }
            if (cause instanceof TimeoutException) {
                String error = "no reply within %d ms".formatted(settings.timeout.toMillis());
                return new Reply(attempt(Outcome.TIMED_OUT, null, null, error, begun), null);
            }
            boolean unknownHost = cause instanceof UnresolvedAddressException;
            if (unknownHost || (cause instanceof IOException && !(cause instanceof JsonProcessingException))) {
                String reason = unknownHost
                        ? "there is no such host"
                        : Objects.requireNonNullElse(cause.getMessage(), "nothing answers");
                String error = "the connection to %s failed: %s"
                        .formatted(settings.baseUrl == null ? "the provider" : settings.baseUrl, reason);
                return new Reply(attempt(Outcome.CONNECTION_LOST, null, null, error, begun), null);
            }
        }
        // a reply that the client makes nothing of
        Outcome outcome = refuses(reply())
                ? Outcome.REFUSED
                : json(reply()).path("promptFeedback").has("blockReason") ? Outcome.BLOCKED : Outcome.SERVER_ERROR;
        String error = reply() == null
                ? String.valueOf(e.getMessage())
                : "a reply without an answer: %s".formatted(words(reply()));
        return new Reply(attempt(outcome, null, null, error, begun), null);
    }

    /** What a provider says is wrong, in one line, or how its reply begins if it is in no known form. */
    private String words(@Nullable String reply) {
        JsonNode body = json(reply);
        String said = PLACES_OF_MESSAGES.stream()
                .map(body::at)
                .filter(JsonNode::isTextual)
                .map(JsonNode::asText)
                .findFirst()
                .orElse(Objects.requireNonNullElse(reply, ""));
        // without the key before it is cut, as a part of a key would not be found
        String line = Objects.requireNonNull(withoutKey(said))
                .replaceAll("[\\s\\p{Cntrl}]+", " ")
                .strip();
        return line.length() <= LONGEST_MESSAGE ? line : line.substring(0, LONGEST_MESSAGE) + "…";
    }

    private static Outcome outcome(Exchanges.Came came) {
        String body = came.body();
        int status = came.status();
        if (status == PAYMENT_REQUIRED || body.contains("insufficient_quota")) {
            return Outcome.OUT_OF_CREDIT;
        }
        if (status == UNAUTHORIZED
                || status == FORBIDDEN
                || (status == BAD_REQUEST && body.contains("API_KEY_INVALID"))) {
            return Outcome.UNAUTHORIZED;
        }
        if (status == TOO_MANY_REQUESTS) {
            return Outcome.RATE_LIMITED;
        }
        if (status == REQUEST_TIMEOUT) {
            return Outcome.TIMED_OUT;
        }
        if (status == BAD_REQUEST && body.contains("content_filter")) {
            return Outcome.BLOCKED;
        }
        return status >= SERVER ? Outcome.SERVER_ERROR : Outcome.REJECTED;
    }
}
