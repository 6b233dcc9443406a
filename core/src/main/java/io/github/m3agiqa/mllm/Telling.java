package io.github.m3agiqa.mllm;

import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * Tells a text that grows in pieces, which together are the text. What the next token may still change is told when it is
 * settled: a character of several tokens, and a space that {@linkplain ChatTemplate#closeUp is closed up} before what follows.
 */
final class Telling {
    /** The beginnings of what is closed up, and a character that is not whole. */
    private static final Pattern UNSETTLED = Pattern.compile("( n?| '[vr]|'|\uFFFD)$");

    private final Consumer<String> listener;
    private String told = "";

    Telling(Consumer<String> listener) {
        this.listener = listener;
    }

    /** Takes all of the text that there is so far. */
    void grown(String text) {
        if (!UNSETTLED.matcher(text).find()) {
            whole(text);
        }
    }

    /** Takes the text to which nothing is added any more. */
    void whole(String text) {
        if (text.length() > told.length() && text.startsWith(told)) {
            listener.accept(text.substring(told.length()));
            told = text;
        }
    }
}
