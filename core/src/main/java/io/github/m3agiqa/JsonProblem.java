package io.github.m3agiqa;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonMappingException.Reference;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.InvalidNullException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What is wrong with JSON or YAML that cannot be read, in words for whoever wrote it. */
public final class JsonProblem {
    /** What is said of a key that has to be there and is not. */
    public static final String MISSING = "the key is missing";

    /** Jackson points at where a bracket was opened by the reader's own settings: "[Source: REDACTED (...); line: 1, ...]". */
    private static final Pattern READER = Pattern.compile("\\[Source: [^;\\]]*; ([^\\]]*)\\]");

    /** Jackson tells whoever calls it how to have it otherwise. */
    private static final Pattern SETTINGS = Pattern.compile(": enable `[^`]*` to allow"
            + "| \\(not recognized as one since Feature '[^']*' not enabled for parser\\)"
            + "|, from `[^`]*`"
            + "| \\(bound as `[^`]*`\\): not allowed as per `[^`]*`");

    private JsonProblem() {}

    /** Where in what was read, and what is wrong there. */
    public static String at(JacksonException problem) {
        String path = problem instanceof JsonMappingException mapping ? path(mapping) : "";
        return path.isEmpty() ? of(problem) : path + ": " + of(problem);
    }

    /** One sentence, without what it was read from and where in it. */
    public static String of(JacksonException problem) {
        if (problem.getCause() instanceof IllegalArgumentException wrong && wrong.getMessage() != null) {
            return wrong.getMessage();
        }
        String message = problem.getOriginalMessage();
        if (message.startsWith("Cannot map `null`")) {
            return MISSING;
        }
        return switch (problem) {
            case UnrecognizedPropertyException unknown ->
                "unknown key '%s'; known here are %s"
                        .formatted(
                                unknown.getPropertyName(),
                                unknown.getKnownPropertyIds().stream()
                                        .map(String::valueOf)
                                        .sorted()
                                        .collect(Collectors.joining(", ")));
            case InvalidNullException _ -> "what belongs here is missing";
            case InvalidFormatException wrong -> "'%s' is %s".formatted(wrong.getValue(), none(wrong.getTargetType()));
            case MismatchedInputException wrong
            when wrong.getTargetType() != null && message.startsWith("Cannot ") ->
                "what stands here is " + none(wrong.getTargetType());
            default ->
                SETTINGS.matcher(READER.matcher(message).replaceAll("$1")).replaceAll("");
        };
    }

    /** The keys that lead to the problem, with dots between them; that of an unknown key is not among them. */
    public static String path(JsonMappingException problem) {
        List<Reference> steps = problem.getPath();
        int length = steps.size() - (problem instanceof UnrecognizedPropertyException ? 1 : 0);
        return steps.stream()
                .limit(length)
                .map(step -> step.getFieldName() == null ? String.valueOf(step.getIndex()) : step.getFieldName())
                .collect(Collectors.joining("."));
    }

    /** What a value is not that does not fit a type. */
    private static String none(Class<?> type) {
        if (type.isEnum()) {
            return "none of " + Arrays.toString(type.getEnumConstants()).toLowerCase(Locale.ROOT);
        }
        if (type == int.class || type == Integer.class || type == long.class || type == Long.class) {
            return "no whole number";
        }
        if (type == double.class || type == Double.class) {
            return "no number";
        }
        if (type == boolean.class || type == Boolean.class) {
            return "neither true nor false";
        }
        if (type == String.class || type == Path.class) {
            return "no text";
        }
        if (type == Scale.class) {
            return "no list of the worst score and the best";
        }
        return Collection.class.isAssignableFrom(type) ? "no list" : "no keys with values";
    }
}
