package io.github.m3agiqa;

import com.fasterxml.jackson.core.JacksonException;
import java.util.regex.Pattern;

/** What is wrong with JSON or YAML that cannot be read, in words for whoever wrote it. */
public final class JsonProblem {
    /** Jackson points at where a bracket was opened by the reader's own settings: "[Source: REDACTED (...); line: 1, ...]". */
    private static final Pattern READER = Pattern.compile("\\[Source: [^;\\]]*; ([^\\]]*)\\]");

    /** Jackson tells whoever calls it how to have it otherwise. */
    private static final Pattern SETTINGS = Pattern.compile(": enable `[^`]*` to allow"
            + "| \\(not recognized as one since Feature '[^']*' not enabled for parser\\)"
            + "|, from `[^`]*`"
            + "| \\(bound as `[^`]*`\\): not allowed as per `[^`]*`");

    private JsonProblem() {}

    /** One sentence, without what it was read from: that the caller knows by name. */
    public static String of(JacksonException problem) {
        String message = READER.matcher(problem.getOriginalMessage()).replaceAll("$1");
        return SETTINGS.matcher(message).replaceAll("");
    }
}
