package io.github.m3agiqa.evaluation;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Predictions that tests draw. */
final class Drawn {
    private Drawn() {}

    static Prediction prediction(String image, String group, @Nullable String generator, double predicted, double mos) {
        return new Prediction(image, group, group, generator, predicted, mos, null);
    }

    /** Images of prompts, each by every generator; prompts and generators differ, and the model errs by the noise. */
    static List<Prediction> predictions(int prompts, List<String> generators, double noise, long seed) {
        Random random = new Random(seed);
        List<Prediction> predictions = new ArrayList<>();
        for (int prompt = 0; prompt < prompts; prompt++) {
            double ofPrompt = 0.5 * random.nextGaussian();
            for (int generator = 0; generator < generators.size(); generator++) {
                double mos = Math.clamp(
                        1.5 + generator * 1.5 / generators.size() + ofPrompt + 0.5 * random.nextGaussian(), 0, 5);
                predictions.add(prediction(
                        "%s_%03d.png".formatted(generators.get(generator), prompt),
                        "prompt " + prompt,
                        generators.get(generator),
                        Math.clamp(mos + noise * random.nextGaussian(), 0, 5),
                        mos));
            }
        }
        return predictions;
    }

    /** The files of a run folder, whose rows are variant, split, aspect, image, prompt, generator, predicted, mos. */
    static Path run(Path folder, String description, String leakage, String... rows) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("run.json"), """
                {"kind": "train", "version": "0.2.0", "engine": "2.10.0-1.5.13", "seed": 42, "model": "nano@1",
                 "dataset": {"name": "drawn", "folder": "../drawn"}, "description": %s,
                 "data": {"data.csv": "0123456789abcdef0123"}}
                """.formatted(description));
        Files.writeString(folder.resolve("leakage.json"), leakage);
        Files.writeString(
                folder.resolve("predictions.csv"),
                "variant,split,aspect,image,prompt,generator,predicted,mos\n" + String.join("\n", rows) + "\n");
        return folder;
    }
}
