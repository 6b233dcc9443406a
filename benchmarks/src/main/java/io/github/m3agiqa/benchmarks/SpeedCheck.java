package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.benchmarks.TestList.TestImage;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.scoring.ScoringOptions;
import io.github.m3agiqa.tensor.Engine;
import java.util.List;
import java.util.Locale;

/**
 * How fast a model is on this machine with all its aspects, reading the files included.
 *
 * @param processors of this machine
 * @param threads of one operation
 * @param scored how many images were scored without a description, one after the other
 * @param imagesASecond how many of them in a second
 * @param described how many images were described and scored
 * @param secondsAnImage how long one of them took, in the mean
 */
record SpeedCheck(int processors, int threads, int scored, double imagesASecond, int described, double secondsAnImage) {
    private static final int WARM_UP = 5;
    private static final int MOST_DESCRIBED = 20;

    /** Scores the images, and describes the first of them. */
    static SpeedCheck run(ModelFolder model, ScoringOptions options, List<TestImage> images, Ticker ticker) {
        List<TestImage> described = images.subList(0, Math.min(MOST_DESCRIBED, images.size()));
        double scoring = seconds(model, options.withDescribe(false), images, ticker);
        double describing = seconds(model, options.withDescribe(true), described, ticker);
        return new SpeedCheck(
                Runtime.getRuntime().availableProcessors(),
                Engine.threads(),
                images.size(),
                images.size() / scoring,
                described.size(),
                describing / described.size());
    }

    /** How long the images take once the weights are read and the code is compiled. */
    private static double seconds(ModelFolder model, ScoringOptions options, List<TestImage> images, Ticker ticker) {
        try (Scorer scorer = Scorer.open(model, options)) {
            images.stream().limit(WARM_UP).forEach(image -> score(scorer, image));
            long start = System.nanoTime();
            for (TestImage image : images) {
                score(scorer, image);
                ticker.tick();
            }
            return (System.nanoTime() - start) / 1e9;
        }
    }

    private static void score(Scorer scorer, TestImage image) {
        Assessment assessment = scorer.score(ImagePrompt.of(image.file(), image.prompt()));
        if (!assessment.complete()) {
            throw new InputException("%s was not scored, so its time says nothing: %s"
                    .formatted(
                            image.file(), assessment.failure() == null ? assessment.aspects() : assessment.failure()));
        }
    }

    String markdown() {
        return String.format(Locale.ROOT, """
                ## Speed

                Processors: %d. Threads of one operation: %d. All aspects of the model, images one after the other.

                | | images | |
                | --- | --- | --- |
                | scores only | %d | %.2f images a second |
                | with descriptions | %d | %.2f seconds an image |
                """, processors, threads, scored, imagesASecond, described, secondsAnImage);
    }
}
