package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.benchmarks.TestList.TestImage;
import io.github.m3agiqa.dataset.DatasetReader;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.BaseModel;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.PretrainingPass;
import io.github.m3agiqa.mllm.PretrainingPass.Heads;
import io.github.m3agiqa.mllm.PretrainingPass.Picture;
import io.github.m3agiqa.mllm.Turn;
import io.github.m3agiqa.mllm.VisionMode;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.bytedeco.pytorch.NoGradGuard;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What a service would gain by reading the images of several requests in one pass, adapter and predictor left out. */
@Command(
        name = "batching",
        description = "Reads 1, 2, 4 and 8 images in one pass of the tower, the resampler and the language model,"
                + " round about, and prints the median time an image.",
        mixinStandardHelpOptions = true)
final class BatchingBenchmark implements Callable<Integer> {
    private static final int[] SIZES = {1, 2, 4, 8};

    @Option(names = "--model", paramLabel = "FOLDER", description = "The model (default: ${DEFAULT-VALUE}).")
    private Path model = Path.of("models", "nano");

    @Option(names = "--dataset", paramLabel = "FOLDER", description = "Its images (default: ${DEFAULT-VALUE}).")
    private Path dataset = Path.of("datasets", "agiqa-3k");

    @Option(names = "--rounds", description = "How often (default: ${DEFAULT-VALUE}).")
    private int rounds = 20;

    @Override
    public Integer call() throws IOException {
        ModelFolder folder = ModelFolder.open(model);
        try (BaseModel base = new BaseModel(
                        folder.part(folder.manifest().base()),
                        VisionMode.of(folder.manifest().vision()),
                        Precision.BF16,
                        Device.CPU);
                MiniCpmV network = base.alone()) {
            List<Picture> pictures = pictures(network);
            double[][] times = new double[SIZES.length][rounds];
            for (int round = -2; round < rounds; round++) { // two to warm up
                for (int i = 0; i < SIZES.length; i++) {
                    double took = read(network, pictures.subList(0, SIZES[i])) / SIZES[i];
                    if (round >= 0) {
                        times[i][round] = took;
                    }
                }
            }
            print(times);
        }
        return 0;
    }

    private List<Picture> pictures(MiniCpmV network) throws IOException {
        ImageDecoder decoder = new ImageDecoder(ImageDecoder.Limits.DEFAULT);
        List<Picture> pictures = new ArrayList<>();
        for (TestImage image :
                TestList.read(DatasetReader.read(dataset), Aspect.QUALITY).draw(SIZES[SIZES.length - 1], 1)) {
            RgbImage decoded = decoder.decode(image.name(), Files.readAllBytes(image.file()), AlphaMode.WHITE);
            SlicePlan plan = network.plan(decoded, 4);
            List<Turn> turns = List.of(Turn.user(image.prompt()), Turn.assistant("fair"));
            pictures.add(new Picture(
                    plan.cut(decoded), plan, network.template().tokenize(plan, turns, false), null, null, List.of()));
        }
        return pictures;
    }

    /** Milliseconds. */
    private static double read(MiniCpmV network, List<Picture> pictures) {
        long start = System.nanoTime();
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            new PretrainingPass(network, new Heads(Map.of()), null, pictures, List.of()).losses();
        }
        return (System.nanoTime() - start) / 1e6;
    }

    private static void print(double[][] times) {
        System.out.printf("%d threads%n%n| images in a pass | ms an image, median | against 1 |%n", Engine.threads());
        System.out.println("| ---: | ---: | ---: |");
        double alone = median(times[0]);
        for (int i = 0; i < SIZES.length; i++) {
            System.out.printf(
                    Locale.ROOT, "| %d | %.1f | %.2f |%n", SIZES[i], median(times[i]), median(times[i]) / alone);
        }
    }

    /** The middle one; of an even number the mean of the two in the middle. */
    static double median(double... numbers) {
        double[] sorted = numbers.clone();
        Arrays.sort(sorted);
        int half = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }
}
