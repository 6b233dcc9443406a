package io.github.m3agiqa.distill;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.hub.PromptSlot;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What is asked about an image, by aspect: the published requests, or those of a file. */
public final class Questions {
    private static final YAMLMapper YAML = YAMLMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private static final String SCORE = "{score}";
    private static final String WORD = "{word}";

    /**
     * The requests of one aspect; {@code {prompt}} stands for the image's prompt.
     *
     * @param describe asks for a description
     * @param rate asks for a rating word, after the description
     * @param reveal tells people's score, with {@code {score}} and {@code {word}}; null if that is never done
     */
    public record Wording(
            String describe, String rate, @Nullable String reveal) {
        public Wording {
            if (isBlank(describe) || isBlank(rate)) {
                throw new IllegalArgumentException("describe and rate are both needed");
            }
            if (describe.contains(SCORE) || describe.contains(WORD)) {
                throw new IllegalArgumentException("only reveal may tell people's score");
            }
        }

        private static boolean isBlank(@Nullable String text) {
            return text == null || text.isBlank();
        }
    }

    private final Map<Aspect, Wording> wordings;
    private final String origin;

    private Questions(Map<Aspect, Wording> wordings, String origin) {
        this.wordings = Collections.unmodifiableMap(wordings);
        this.origin = origin;
    }

    /** The requests of the published conversations. */
    public static Questions published() {
        try (InputStream in = Questions.class.getResourceAsStream("questions.yaml")) {
            if (in == null) {
                throw new IllegalStateException("questions.yaml is not on the class path");
            }
            return parse(in.readAllBytes(), "the published questions");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * The requests of a YAML file: for each aspect {@code describe}, {@code rate} and perhaps {@code reveal}.
     *
     * @throws InputException naming the file and what is wrong in it
     */
    public static Questions read(Path file) {
        try {
            return parse(Files.readAllBytes(file), file.toString());
        } catch (JacksonException e) {
            Throwable wrong = e.getCause() instanceof IllegalArgumentException cause ? cause : e;
            throw new InputException("%s: %s".formatted(file, wrong.getMessage()), e);
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(file, e), e);
        }
    }

    private static Questions parse(byte[] yaml, String origin) throws IOException {
        Map<Aspect, Wording> wordings = new EnumMap<>(Aspect.class);
        var read = YAML.readTree(yaml);
        for (var entry : read.properties()) {
            try {
                wordings.put(Aspect.of(entry.getKey()), YAML.treeToValue(entry.getValue(), Wording.class));
            } catch (IllegalArgumentException e) {
                throw new InputException("%s: %s".formatted(origin, e.getMessage()), e);
            }
        }
        return new Questions(wordings, origin);
    }

    /**
     * The requests of an aspect.
     *
     * @throws InputException if there are none
     */
    public Wording of(Aspect aspect) {
        return Optional.ofNullable(wordings.get(aspect))
                .orElseThrow(() -> new InputException("%s: nothing is asked of %s".formatted(origin, aspect.id())));
    }

    /**
     * The request for a description of one image.
     *
     * @param reveal whether it tells people's score
     * @throws InputException if the request is about a prompt or a score that the image does not have
     */
    public String describe(Aspect aspect, Sample sample, boolean reveal) {
        Wording wording = of(aspect);
        if (PromptSlot.isIn(wording.describe) && sample.prompt() == null) {
            throw new InputException(
                    "%s has no prompt, and the question about its %s needs one; ask your own with --questions"
                            .formatted(sample.name(), aspect.id()));
        }
        String request = PromptSlot.fill(wording.describe, sample.prompt());
        return reveal ? reveal(aspect, sample, wording) + " " + request : request;
    }

    private String reveal(Aspect aspect, Sample sample, Wording wording) {
        if (wording.reveal == null) {
            throw new InputException(
                    "%s: %s has no 'reveal', which tells people's score".formatted(origin, aspect.id()));
        }
        Sample.Label label = sample.label(aspect)
                .orElseThrow(() -> new InputException(
                        "%s has no score of %s that could be revealed".formatted(sample.name(), aspect.id())));
        return wording.reveal
                .replace(SCORE, String.format(Locale.ROOT, "%.2f", label.mos()))
                .replace(WORD, label.ratingWord());
    }

    /** The request for a rating of one image. */
    public String rate(Aspect aspect, Sample sample) {
        return PromptSlot.fill(of(aspect).rate, sample.prompt());
    }
}
