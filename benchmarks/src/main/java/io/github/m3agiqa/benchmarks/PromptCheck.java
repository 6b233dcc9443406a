package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.Score;
import io.github.m3agiqa.benchmarks.TestList.TestImage;
import io.github.m3agiqa.scoring.Scorer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Whether an image corresponds more to its own prompt than to one of another image.
 *
 * @param listed how many images the test list has
 * @param described whether images were described before they were scored
 * @param unscored the images that were left out, as they were not scored with both prompts
 * @param higher the share of images that score higher with their own prompt; null if none was scored
 * @param interval its 95 % bootstrap interval, images drawn again with replacement; null if none was scored
 * @param pairs all scores
 */
record PromptCheck(
        int listed,
        boolean described,
        List<String> unscored,
        @Nullable Double higher,
        @Nullable Interval interval,
        List<Pair> pairs) {
    private static final int DRAWS = 2000;

    /**
     * The correspondence of one image to two prompts.
     *
     * @param image the image's name
     * @param own the score with its own prompt
     * @param other the score with the other prompt
     * @param otherPrompt that prompt
     */
    record Pair(String image, double own, double other, String otherPrompt) {
        boolean ownIsHigher() {
            return own > other;
        }
    }

    /**
     * Scores images of the list with two prompts each.
     *
     * @param scorer has correspondence and describes if {@code described}
     * @param most how many images at most, drawn at random
     * @throws InputException if all images of the list have the same prompt
     */
    static PromptCheck run(Scorer scorer, TestList list, int most, boolean described, long seed, Ticker ticker) {
        List<TestImage> images = list.images();
        if (images.stream().map(TestImage::group).distinct().count() < 2) {
            throw new InputException(
                    "all images of the test list have the same prompt: there is no other to compare with");
        }
        SplittableRandom random = new SplittableRandom(seed);
        List<Pair> pairs = new ArrayList<>();
        List<String> unscored = new ArrayList<>();
        for (TestImage image : list.draw(most, seed)) {
            TestImage other = image;
            while (other.group().equals(image.group())) {
                other = images.get(random.nextInt(images.size()));
            }
            Optional<Double> own = correspondence(scorer, image, image.prompt());
            Optional<Double> others = correspondence(scorer, image, other.prompt());
            if (own.isPresent() && others.isPresent()) {
                pairs.add(new Pair(image.name(), own.get(), others.get(), other.prompt()));
            } else {
                unscored.add(image.name());
            }
            ticker.tick();
        }
        return pairs.isEmpty()
                ? new PromptCheck(list.listed(), described, unscored, null, null, pairs)
                : new PromptCheck(list.listed(), described, unscored, share(pairs), interval(pairs, seed), pairs);
    }

    private static Optional<Double> correspondence(Scorer scorer, TestImage image, String prompt) {
        return scorer.score(ImagePrompt.of(image.file(), prompt))
                .score(Aspect.CORRESPONDENCE)
                .map(Score::value);
    }

    private static double share(List<Pair> pairs) {
        return (double) pairs.stream().filter(Pair::ownIsHigher).count() / pairs.size();
    }

    private static Interval interval(List<Pair> pairs, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double[] shares = new double[DRAWS];
        for (int draw = 0; draw < DRAWS; draw++) {
            int higher = 0;
            for (int i = 0; i < pairs.size(); i++) {
                higher += pairs.get(random.nextInt(pairs.size())).ownIsHigher() ? 1 : 0;
            }
            shares[draw] = (double) higher / pairs.size();
        }
        Arrays.sort(shares);
        return new Interval(shares[(int) (0.025 * DRAWS)], shares[(int) (0.975 * DRAWS) - 1]);
    }

    String markdown() {
        StringBuilder text = new StringBuilder("## Prompts\n\n");
        if (higher == null || interval == null) {
            text.append("No image was scored with two prompts.\n");
        } else {
            text.append(String.format(
                    Locale.ROOT,
                    """
                    Correspondence of %d test images (of %d that the list has), %s a description, to their own prompt and to
                    one of another prompt group, drawn at random. The interval is by drawing images again.

                    | images | own prompt scores higher | 95 %% interval | equal | mean, own prompt | mean, other prompt |
                    | --- | --- | --- | --- | --- | --- |
                    | %d | %.1f %% | %.1f to %.1f %% | %.1f %% | %.2f | %.2f |
                    """,
                    pairs.size(),
                    listed,
                    described ? "with" : "without",
                    pairs.size(),
                    100 * higher,
                    100 * interval.low(),
                    100 * interval.high(),
                    100.0
                            * pairs.stream()
                                    .filter(pair -> pair.own == pair.other)
                                    .count()
                            / pairs.size(),
                    pairs.stream().mapToDouble(Pair::own).average().orElseThrow(),
                    pairs.stream().mapToDouble(Pair::other).average().orElseThrow()));
        }
        if (!unscored.isEmpty()) {
            text.append("\n%d images were not scored: %s\n".formatted(unscored.size(), String.join(", ", unscored)));
        }
        return text.toString();
    }
}
