package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.testing.DrawnDataset;
import io.github.m3agiqa.testing.RandomModel;
import io.github.m3agiqa.testing.RandomModel.Sizes;
import io.github.m3agiqa.training.PredictorTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What an epoch of predictor training costs on cached hidden states, and what it would cost with the language model. */
@Command(
        name = "epoch",
        description =
                "An epoch of predictor training on cached hidden states against one that runs the language model.")
final class EpochBenchmark implements Callable<Integer> {
    private static final int SIDE = 512;
    private static final int EPOCHS = 4;
    private static final int BATCH = 16;

    @Option(names = "--images", description = "How many images to draw (default: ${DEFAULT-VALUE}).")
    private int images = 96;

    @Override
    public Integer call() throws IOException {
        try (TemporaryFolder folder = new TemporaryFolder("epoch")) {
            measure(folder.path());
        }
        return 0;
    }

    private void measure(Path folder) throws IOException {
        Path model = RandomModel.write(folder.resolve("model"), Sizes.SMALL);
        Path dataset = DrawnDataset.write(folder.resolve("dataset"), images, SIDE, SIDE);

        Moments reading = new Moments();
        PredictorTraining.cache(recipe(folder, model, dataset, BATCH), reading);
        int read = reading.steps();
        double pass = reading.seconds(1, read) / (read - 1); // the first image also loads the weights

        double epoch = epoch(recipe(folder, model, dataset, BATCH));
        double alone = epoch(recipe(folder, model, dataset, 1));

        System.out.printf("a pass of the language model %8.1f ms a conversation%n", 1000 * pass);
        System.out.printf(
                "an epoch on cached states    %8.1f ms a conversation, its validation included%n", 1000 * epoch);
        System.out.printf("an epoch with the passes costs %.0f times as much%n", (pass + epoch) / epoch);
        System.out.printf(
                "in batches of 1 it takes %.1f ms a conversation, %.1f times as long as in batches of %d%n",
                1000 * alone, alone / epoch, BATCH);
    }

    /** Seconds a conversation. */
    private double epoch(Path recipe) {
        Moments training = new Moments();
        PredictorTraining.run(recipe, training);
        int trained = (int) Math.round(images * 0.75 * 0.9);
        // the first epoch warms the JVM up
        return training.seconds(1, EPOCHS) / (EPOCHS - 1) / trained;
    }

    private static Path recipe(Path folder, Path model, Path dataset, int batchSize) throws IOException {
        String recipe = """
                name: benchmark
                model: %s
                output: %s
                cache: %s
                dataset: %s
                missingImages: error
                conversations: {quality: {train: %s/conversations/quality_train.json, test: %s/conversations/quality_test.json}}
                split: {protocol: authors, folds: 0, testShare: 0, validationShare: 0.1, calibrationShare: 0}
                descriptions: {rounds: own, train: response, test: response, teacherSawMos: true}
                head: {kind: xlstm, pooler: mean, width: 64, layers: 4, regression: 32, reads: hidden, names: bare}
                loss: {kind: mse, margin: 0, mse: 0}
                optimization:
                  learningRate: 0.001
                  betas: [0.9, 0.999]
                  epsilon: 1.0e-8
                  weightDecay: 1.0e-5
                  maxGradientNorm: 1
                  schedule: {kind: constant, warmupSteps: 0}
                epochs: %d
                batchSize: %d
                evaluateEvery: 1
                dtype: bf16
                device: cpu
                seed: 1
                """.formatted(
                        model,
                        folder.resolve("run-" + batchSize),
                        folder.resolve("cache"),
                        dataset,
                        dataset,
                        dataset,
                        EPOCHS,
                        batchSize);
        return Files.writeString(folder.resolve("recipe-%d.yaml".formatted(batchSize)), recipe);
    }
}
