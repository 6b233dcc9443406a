package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.ImageException;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Score;
import io.github.m3agiqa.benchmarks.TestList.TestImage;
import io.github.m3agiqa.evaluation.Correlations;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.Degradation;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.ImageEncoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.scoring.Scorer;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Whether quality falls when a picture is spoilt more and more.
 *
 * @param images how many images all scores are there of
 * @param described whether pictures were described before they were scored
 * @param unscored the images that were left out, as one of their pictures was not scored
 * @param kinds the figures of each kind of degradation, and at last those of all kinds together
 * @param sequences all scores
 */
record DegradationCheck(
        int images, boolean described, List<String> unscored, List<Kind> kinds, List<Sequence> sequences) {
    /** What the rank correlation of strength and score must not be above. One swap of neighbours makes -0.943. */
    static final double FALLING = -0.9;

    /**
     * The quality of one image, spoilt in one way.
     *
     * @param image the image's name
     * @param kind what is done to it
     * @param scores that of the original, then those of the copies from the mildest to the worst
     */
    record Sequence(String image, Degradation kind, List<Double> scores) {
        /** Whether no score is above the one before. */
        boolean neverRises() {
            return IntStream.range(1, scores.size()).allMatch(i -> scores.get(i) <= scores.get(i - 1));
        }

        /** Whether scores and strengths are ranked in opposite order, or nearly. */
        boolean falls() {
            double[] ranks = IntStream.range(0, scores.size()).asDoubleStream().toArray();
            return Correlations.srcc(column(scores), ranks) <= FALLING;
        }
    }

    /**
     * The figures of some sequences.
     *
     * @param kind what is done to the images, null for all kinds together
     * @param strengths the five strengths; empty for all kinds together
     * @param sequences their number
     * @param neverRises the share in which no score is above the one before
     * @param falls the share whose rank correlation of strength and score is at most {@link #FALLING}
     * @param means the mean score of the originals, then at each strength
     */
    record Kind(
            @Nullable Degradation kind,
            List<Double> strengths,
            int sequences,
            double neverRises,
            double falls,
            List<Double> means) {
        static Kind of(@Nullable Degradation kind, List<Sequence> sequences) {
            int copies = sequences.getFirst().scores.size();
            return new Kind(
                    kind,
                    kind == null ? List.of() : kind.strengths(),
                    sequences.size(),
                    (double) sequences.stream().filter(Sequence::neverRises).count() / sequences.size(),
                    (double) sequences.stream().filter(Sequence::falls).count() / sequences.size(),
                    IntStream.range(0, copies)
                            .mapToObj(i -> sequences.stream()
                                    .mapToDouble(sequence -> sequence.scores.get(i))
                                    .average()
                                    .orElseThrow())
                            .toList());
        }

        private String markdown() {
            String what = kind == null
                    ? "all | "
                    : "%s | %s: %s"
                            .formatted(
                                    kind.title(),
                                    kind.unit(),
                                    strengths.stream()
                                            .map(strength -> "%.0f".formatted(strength))
                                            .collect(Collectors.joining(", ")));
            return String.format(
                    Locale.ROOT,
                    "| %s | %d | %.1f %% | %.1f %% | %s |%n",
                    what,
                    sequences,
                    100 * neverRises,
                    100 * falls,
                    means.stream()
                            .map(mean -> String.format(Locale.ROOT, "%.2f", mean))
                            .collect(Collectors.joining(" | ")));
        }
    }

    /**
     * Spoils and scores images.
     *
     * @param scorer has quality and describes if {@code described}
     */
    static DegradationCheck run(Scorer scorer, List<TestImage> images, boolean described, long seed, Ticker ticker) {
        List<Sequence> sequences = new ArrayList<>();
        List<String> unscored = new ArrayList<>();
        for (int i = 0; i < images.size(); i++) {
            TestImage image = images.get(i);
            sequences(scorer, image, seed + i).ifPresentOrElse(sequences::addAll, () -> unscored.add(image.name()));
            ticker.tick();
        }
        List<Kind> kinds = new ArrayList<>();
        if (!sequences.isEmpty()) {
            for (Degradation degradation : Degradation.values()) {
                kinds.add(Kind.of(
                        degradation,
                        sequences.stream()
                                .filter(sequence -> sequence.kind == degradation)
                                .toList()));
            }
            kinds.add(Kind.of(null, sequences));
        }
        return new DegradationCheck(images.size() - unscored.size(), described, unscored, kinds, sequences);
    }

    private static Optional<List<Sequence>> sequences(Scorer scorer, TestImage image, long seed) {
        RgbImage original;
        try {
            original = new ImageDecoder(ImageDecoder.Limits.DEFAULT)
                    .decode(image.name(), Files.readAllBytes(image.file()), AlphaMode.WHITE);
        } catch (ImageException _) {
            return Optional.empty();
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(image.file(), e), e);
        }
        Optional<Double> first = quality(scorer, image, ImageEncoder.png(original));
        List<Sequence> sequences = new ArrayList<>();
        for (Degradation kind : Degradation.values()) {
            List<Double> scores = new ArrayList<>();
            first.ifPresent(scores::add);
            List<byte[]> copies = kind.strengths().parallelStream()
                    .map(strength -> ImageEncoder.png(kind.apply(original, strength, seed)))
                    .toList();
            copies.forEach(copy -> quality(scorer, image, copy).ifPresent(scores::add));
            if (scores.size() != 1 + kind.strengths().size()) {
                return Optional.empty();
            }
            sequences.add(new Sequence(image.name(), kind, scores));
        }
        return Optional.of(sequences);
    }

    private static Optional<Double> quality(Scorer scorer, TestImage image, byte[] png) {
        return scorer.score(ImagePrompt.of(image.name(), png, image.prompt()))
                .score(Aspect.QUALITY)
                .map(Score::value);
    }

    private static double[] column(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).toArray();
    }

    String markdown() {
        StringBuilder text = new StringBuilder("""
                ## Degradations

                Quality of %d images, %s a description, and of copies that are spoilt at five rising strengths.
                *Never rises*: no score of the six is above the one before. *Falls*: Spearman's correlation of strength and
                score is at most %s.

                | degradation | strengths | sequences | never rises | falls | mean score, original | 1 | 2 | 3 | 4 | 5 |
                | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
                """.formatted(images, described ? "with" : "without", FALLING));
        kinds.forEach(kind -> text.append(kind.markdown()));
        if (!unscored.isEmpty()) {
            text.append("\n%d images were not scored: %s\n".formatted(unscored.size(), String.join(", ", unscored)));
        }
        return text.toString();
    }
}
