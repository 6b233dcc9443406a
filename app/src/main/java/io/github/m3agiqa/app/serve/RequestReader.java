package io.github.m3agiqa.app.serve;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.JsonProblem;
import io.github.m3agiqa.scoring.ScoringListener;
import io.github.m3agiqa.scoring.ScoringRequest;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.eclipse.jetty.http.MultiPart;
import org.eclipse.jetty.http.MultiPartFormData;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.content.ByteBufferContentSource;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Promise;
import org.jspecify.annotations.Nullable;

/** Reads what a client wants scored. */
final class RequestReader {
    private static final String IMAGE = "image";
    private static final String PROMPT = "prompt";
    private static final String ASPECTS = "aspects";
    private static final String DESCRIBE = "describe";
    private static final String NAME = "name";
    private static final Set<String> FIELDS = Set.of(IMAGE, PROMPT, ASPECTS, DESCRIBE, NAME);
    private static final int LONGEST_NAME = 200;
    private static final int MOST_PARTS = 50;
    private static final int LONGEST_PROMPT = 20_000;

    private RequestReader() {}

    /**
     * Reads a request: {@code multipart/form-data} with the fields {@code image}, {@code prompt}, {@code aspects},
     * {@code describe} and {@code name}, or JSON with a base64 image. No path and no URL in it is ever read.
     *
     * @param maxBytes of the body
     * @throws Problem.Raised if it is not as it must be
     */
    static ScoringRequest read(Context context, int maxBytes) {
        String coding = context.header("Content-Encoding");
        if (coding != null && !coding.isBlank() && !coding.strip().equalsIgnoreCase("identity")) {
            throw unsupported("a body with the Content-Encoding %s is not read; send it as it is"
                            .formatted(shortened(coding)))
                    .raised();
        }
        String written = String.valueOf(context.contentType());
        return switch (written.split(";", 2)[0].strip().toLowerCase(Locale.ROOT)) {
            case "multipart/form-data" -> multipart(body(context, maxBytes), written, maxBytes);
            case "application/json" -> json(body(context, maxBytes), maxBytes);
            default ->
                throw unsupported(
                                "send multipart/form-data with image and prompt, or application/json with a base64 image")
                        .raised();
        };
    }

    private static Problem unsupported(String detail) {
        return new Problem(Problem.UNSUPPORTED, "REQUEST_INVALID", detail);
    }

    /**
     * Reads what is left of a body and forgets it.
     *
     * @throws Problem.Raised if it does not arrive
     */
    static long discard(Context context) {
        try {
            return context.bodyInputStream().transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            throw broken().raised();
        }
    }

    private static Problem broken() {
        return Problem.invalid("the body did not arrive whole");
    }

    private static ScoringRequest multipart(byte[] body, String contentType, int maxBytes) {
        String boundary = MultiPart.extractBoundary(contentType);
        if (boundary == null) {
            throw Problem.invalid("the Content-Type names no boundary").raised();
        }
        MultiPartFormData.Parser parser = new MultiPartFormData.Parser(boundary);
        parser.setMaxParts(MOST_PARTS);
        parser.setMaxMemoryFileSize(-1); // all of it is in memory already
        CompletableFuture<MultiPartFormData.Parts> parsed = new CompletableFuture<>();
        parser.parse(new ByteBufferContentSource(ByteBuffer.wrap(body)), Promise.Invocable.toPromise(parsed));
        try (MultiPartFormData.Parts parts = parsed.join()) {
            Set<String> seen = new HashSet<>();
            parts.forEach(part -> {
                String field = part.getName();
                if (field == null) {
                    throw Problem.invalid("a part has no name: Content-Disposition: form-data; name=\"...\"")
                            .raised();
                }
                checkKnown(field);
                if (!seen.add(field)) {
                    throw Problem.invalid(
                                    "the field %s comes more than once; send one image a request, and aspects by commas"
                                            .formatted(field))
                            .raised();
                }
            });
            MultiPart.Part file = parts.getFirst(IMAGE);
            if (file == null || file.getFileName() == null) {
                throw Problem.invalid("the field image holds no file").raised();
            }
            String describe = text(parts, DESCRIBE);
            if (describe != null && !Set.of("true", "false").contains(describe)) {
                throw noBoolean().raised();
            }
            String name = text(parts, NAME);
            return checked(
                    name == null ? file.getFileName() : name,
                    BufferUtil.toArray(Content.Source.asByteBuffer(file.getContentSource())),
                    text(parts, PROMPT),
                    List.of(orEmpty(text(parts, ASPECTS)).split(",")),
                    !"false".equals(describe),
                    maxBytes);
        } catch (CompletionException | IOException e) {
            throw Problem.invalid("the body is no whole multipart/form-data").raised();
        }
    }

    /** A field, with the line ends that who asks wrote: as part of a form they become CRLF (RFC 2046, 4.1.1). */
    private static @Nullable String text(MultiPartFormData.Parts parts, String field) {
        MultiPart.Part part = parts.getFirst(field);
        try {
            return part == null
                    ? null
                    : part.getContentAsString(StandardCharsets.UTF_8).replace("\r\n", "\n");
        } catch (IllegalArgumentException e) {
            throw Problem.invalid("the field %s is no text in UTF-8, or in the charset that it names".formatted(field))
                    .raised();
        }
    }

    private static String orEmpty(@Nullable String text) {
        return text == null ? "" : text;
    }

    /** The longest body that an image of some bytes may come in: base64 takes four bytes for three, JSON twelve for a character. */
    static int mostBytes(int maxBytes) {
        return Math.toIntExact(Math.min(Integer.MAX_VALUE - 8L, maxBytes * 3L / 2 + 12L * LONGEST_PROMPT));
    }

    private static byte[] body(Context context, int maxBytes) {
        int most = mostBytes(maxBytes);
        try {
            byte[] body = context.bodyInputStream().readNBytes(most + 1);
            if (body.length > most) {
                throw tooLarge(maxBytes).raised();
            }
            return body;
        } catch (IOException e) {
            throw broken().raised();
        }
    }

    static Problem tooLarge(int maxBytes) {
        return new Problem(
                Problem.TOO_LARGE, "IMAGE_TOO_LARGE", "the image has more than %d bytes".formatted(maxBytes));
    }

    private static ScoringRequest json(byte[] body, int maxBytes) {
        JsonNode request;
        try {
            request = JsonMapper.builder(JsonFactory.builder()
                            .streamReadConstraints(StreamReadConstraints.builder()
                                    .maxStringLength(Math.max(body.length, 1))
                                    .build())
                            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                            .build())
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build()
                    .readTree(body);
        } catch (JsonProcessingException e) {
            throw Problem.invalid("the body is no JSON: " + JsonProblem.of(e)).raised();
        } catch (IOException e) {
            throw Problem.invalid("the body is no JSON: it is in no encoding of Unicode")
                    .raised();
        }
        if (!request.isObject()) {
            throw Problem.invalid("the body is no JSON object").raised();
        }
        request.fieldNames().forEachRemaining(RequestReader::checkKnown);
        if (!request.path(IMAGE).isTextual()) {
            throw Problem.invalid("the field image holds no base64 text").raised();
        }
        byte[] bytes;
        try {
            bytes = Base64.getDecoder().decode(request.path(IMAGE).asText());
        } catch (IllegalArgumentException e) {
            throw Problem.invalid("the field image is no base64: " + e.getMessage())
                    .raised();
        }
        JsonNode aspects = request.path(ASPECTS);
        if (request.hasNonNull(ASPECTS)
                && !(aspects.isArray() && aspects.valueStream().allMatch(JsonNode::isTextual))) {
            throw Problem.invalid("the field aspects holds no list of texts").raised();
        }
        List<String> wanted = aspects.valueStream().map(JsonNode::asText).toList();
        JsonNode describe = request.path(DESCRIBE);
        if (request.hasNonNull(DESCRIBE) && !describe.isBoolean()) {
            throw noBoolean().raised();
        }
        return checked(text(request, NAME), bytes, text(request, PROMPT), wanted, describe.asBoolean(true), maxBytes);
    }

    private static Problem noBoolean() {
        return Problem.invalid("describe is true or false");
    }

    private static @Nullable String text(JsonNode request, String field) {
        JsonNode value = request.path(field);
        if (request.hasNonNull(field) && !value.isTextual()) {
            throw Problem.invalid("the field %s holds no text".formatted(field)).raised();
        }
        return value.textValue();
    }

    private static void checkKnown(String field) {
        if (!FIELDS.contains(field)) {
            throw Problem.invalid("unknown field '%s'; known are image, prompt, aspects, describe and name"
                            .formatted(shortened(field)))
                    .raised();
        }
    }

    private static ScoringRequest checked(
            @Nullable String name,
            byte[] bytes,
            @Nullable String prompt,
            List<String> wanted,
            boolean describe,
            int maxBytes) {
        if (bytes.length > maxBytes) {
            throw tooLarge(maxBytes).raised();
        }
        if (prompt != null && prompt.codePointCount(0, prompt.length()) > LONGEST_PROMPT) {
            throw new Problem(
                            Problem.UNPROCESSABLE,
                            "PROMPT_TOO_LONG",
                            "the prompt has more than %d characters".formatted(LONGEST_PROMPT))
                    .raised();
        }
        EnumSet<Aspect> aspects = EnumSet.noneOf(Aspect.class);
        for (String aspect : wanted) {
            if (!aspect.isBlank()) {
                try {
                    aspects.add(Aspect.of(aspect.strip()));
                } catch (IllegalArgumentException e) {
                    throw Problem.invalid(shortened(String.valueOf(e.getMessage())))
                            .raised();
                }
            }
        }
        return new ScoringRequest(
                ImagePrompt.of(
                        name == null || name.isBlank() ? IMAGE : shortened(name),
                        bytes,
                        prompt == null || prompt.isBlank() ? null : prompt),
                aspects,
                describe,
                ScoringListener.NONE);
    }

    private static String shortened(String text) {
        if (text.length() <= LONGEST_NAME) {
            return text;
        }
        boolean halved = Character.isHighSurrogate(text.charAt(LONGEST_NAME - 1));
        return text.substring(0, LONGEST_NAME - (halved ? 1 : 0)) + "…";
    }
}
