package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.testing.DrawnDataset;
import io.github.m3agiqa.training.Finetuning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A few steps of LoRA training on drawn images.
 *
 * @param folder what follows, and what is made of it
 * @param dataset the drawn images and what is said of them
 * @param recipe what is trained
 */
record LoraSteps(TemporaryFolder folder, Path dataset, Path recipe) implements AutoCloseable {
    /** Into how many tiles an image is cut at most. */
    static final int MAX_SLICES = 9;

    /** The conversations that are learned from. */
    Path conversations() {
        return dataset.resolve("conversations/quality_train.json");
    }

    /**
     * Draws images and writes a recipe.
     *
     * @param model the folder of the model whose base learns, absolute or relative to the current folder
     * @param side of the square images, in pixels
     * @param dtype as recipes have it: bf16 or fp32
     * @param device as recipes have it
     * @param batchSize conversations a step
     * @param gradientCheckpointing whether activations are computed again in the backward pass
     * @param steps how many there are, the last one with a checkpoint
     */
    static LoraSteps prepare(
            Path model, int side, String dtype, String device, int batchSize, boolean gradientCheckpointing, int steps)
            throws IOException {
        TemporaryFolder temporary = new TemporaryFolder("finetune");
        Path folder = temporary.path();
        Path dataset = DrawnDataset.write(folder.resolve("dataset"), 8, side, side);
        Path recipe = Files.writeString(folder.resolve("recipe.yaml"), """
                name: benchmark
                model: %s
                output: %s
                dataset: %s
                missingImages: error
                conversations: {quality: {train: %s/conversations/quality_train.json}}
                validationShare: 0
                lora: {rank: 16, alpha: 16, dropout: 0.05, targets: [q_proj, k_proj, v_proj, o_proj], alsoTrain: [], initial: base}
                optimization:
                  learningRate: 1.0e-4
                  betas: [0.9, 0.95]
                  epsilon: 1.0e-8
                  weightDecay: 0.1
                  maxGradientNorm: 1
                  schedule: {kind: constant, warmupSteps: 0}
                steps: %d
                batchSize: %d
                accumulation: 1
                maxLength: 1024
                maxSlices: %d
                gradientCheckpointing: %s
                dtype: %s
                device: %s
                evaluateEvery: %d
                keepCheckpoints: 1
                seed: 1
                """.formatted(
                        model,
                        folder.resolve("run"),
                        dataset,
                        dataset,
                        steps,
                        batchSize,
                        MAX_SLICES,
                        gradientCheckpointing,
                        dtype,
                        device,
                        steps));
        return new LoraSteps(temporary, dataset, recipe);
    }

    /** Trains. */
    void run(StepListener listener) {
        Finetuning.run(recipe, listener);
    }

    @Override
    public void close() throws IOException {
        folder.close();
    }
}
