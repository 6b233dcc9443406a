package io.github.m3agiqa.app.result;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.AspectResult;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.Score;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/** An assessment for people: a bar, a number, a word and a description for each aspect. */
public final class Card {
    private static final int WIDTH = 80;
    private static final int BAR = 20;
    private static final String INDENT = " ".repeat(16);
    private static final Pattern WORDS = Pattern.compile("\\s+");

    /** They would move the terminal's cursor, change its colours, or turn around what follows. */
    private static final Pattern CONTROLS = Pattern.compile("[\\p{Cc}\\u202A-\\u202E\\u2066-\\u2069]");

    private Card() {}

    /** The card with its line ends. */
    public static String of(Assessment assessment) {
        List<String> lines = new ArrayList<>();
        lines.add(printable(assessment.image()));
        if (assessment.prompt() != null && !assessment.prompt().isBlank()) {
            lines.addAll(wrap("“" + printable(assessment.prompt()) + "”", ""));
        }
        lines.add("─".repeat(WIDTH));
        if (assessment.failure() != null) {
            lines.addAll(failure("", assessment.failure()));
        }
        assessment.aspects().forEach((aspect, result) -> lines.addAll(aspect(aspect, result)));
        lines.add("─".repeat(WIDTH));
        lines.add(assessment.model() + " · " + assessment.elapsed().toMillis() + " ms");
        return String.join(System.lineSeparator(), lines) + System.lineSeparator();
    }

    private static List<String> aspect(Aspect aspect, AspectResult result) {
        String name = "%-16s".formatted(aspect.id());
        return switch (result) {
            case Score score -> {
                List<String> lines = new ArrayList<>();
                String interval = score.interval() == null
                        ? ""
                        : String.format(
                                Locale.ROOT,
                                "   90 %%: %.2f to %.2f",
                                score.interval().low(),
                                score.interval().high());
                lines.add((name
                                + String.format(
                                        Locale.ROOT,
                                        "%s %5.2f  %-9s%s",
                                        bar(score),
                                        score.value(),
                                        score.rating().word(),
                                        interval))
                        .stripTrailing());
                if (score.description() != null) {
                    lines.addAll(wrap(printable(score.description()), INDENT));
                }
                yield lines;
            }
            case Failure failure -> failure(name, failure);
        };
    }

    private static List<String> failure(String name, Failure failure) {
        List<String> lines = wrap(failure.code() + ": " + printable(failure.message()), " ".repeat(name.length()));
        lines.set(0, name + lines.getFirst().strip());
        return lines;
    }

    private static String bar(Score score) {
        double share = (score.value() - score.scale().min())
                / (score.scale().max() - score.scale().min());
        int full = (int) Math.round(share * BAR);
        return "█".repeat(full) + "░".repeat(BAR - full);
    }

    private static String printable(String text) {
        return CONTROLS.matcher(text.replaceAll("\\s", " ")).replaceAll("\uFFFD");
    }

    private static List<String> wrap(String text, String indent) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder(indent);
        for (String word : WORDS.splitAsStream(text).toList()) {
            if (line.length() + word.length() >= WIDTH && line.length() > indent.length()) {
                lines.add(line.toString());
                line = new StringBuilder(indent);
            }
            line.append(line.length() > indent.length() ? " " : "").append(word);
        }
        lines.add(line.toString());
        return lines;
    }
}
