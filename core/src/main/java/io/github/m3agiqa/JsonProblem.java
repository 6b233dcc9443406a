package io.github.m3agiqa;

import com.fasterxml.jackson.core.JacksonException;
import java.util.regex.Pattern;

/** What is wrong with JSON or YAML that cannot be read, in words for whoever wrote it. */
public final class JsonProblem {
    /** Jackson points at where a bracket was opened by the reader's own settings: "[Source: REDACTED (...); line: 1, ...]". */
    private static final Pattern READER = Pattern.compile("\\[Source: [^;\\]]*; ([^\\]]*)\\]");

    private JsonProblem() {}

    /** One sentence, without what it was read from: that the caller knows by name. */
    public static String of(JacksonException problem) {
        return READER.matcher(problem.getOriginalMessage()).replaceAll("$1");
    }
}
