package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.dataset.Fingerprint;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.PromptSlot;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.TokenizedConversation;
import io.github.m3agiqa.mllm.Turn;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.DrawnImages;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** The small parts of a score of the built-in model, one by one: everything but the large products. */
@State(org.openjdk.jmh.annotations.Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class Kernels {
    private static final int SIDE = 512;
    private static final int TOKENS = 170;

    private final ImageDecoder decoder = new ImageDecoder(ImageDecoder.Limits.DEFAULT);
    private final byte[] png = DrawnImages.encode(DrawnImages.landscape(SIDE, SIDE, 1), "png");
    private final byte[] jpeg = DrawnImages.encode(DrawnImages.landscape(SIDE, SIDE, 1), "jpg");
    private final RgbImage image = decoder.decode("drawn.png", png, AlphaMode.WHITE);
    private final OpenedModel opened =
            new OpenedModel(ModelFolder.open(Path.of("models", "nano")), Precision.BF16, Device.CPU);
    private final SlicePlan plan =
            opened.network.plan(image, opened.aspect.describe().maxSlices());
    private final String question =
            PromptSlot.fill(opened.aspect.describe().question(), "a green valley under an evening sky");
    private final float[] projected; // (tokens, the head's width)

    public Kernels() {
        Engine.setThreads(1);
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            Tensor hidden = torch.randn(TOKENS, opened.config.llama().hiddenSize());
            projected = Torch.toFloats(opened.projection().apply(hidden));
        }
    }

    @TearDown
    public void close() {
        opened.close();
    }

    @Benchmark
    public RgbImage decodePng() {
        return decoder.decode("drawn.png", png, AlphaMode.WHITE);
    }

    @Benchmark
    public RgbImage decodeJpeg() {
        return decoder.decode("drawn.jpg", jpeg, AlphaMode.WHITE);
    }

    @Benchmark
    public RgbImage resizeByHalf() {
        return image.resized(SIDE / 2, SIDE / 2);
    }

    @Benchmark
    public List<RgbImage> cutIntoTiles() {
        return plan.cut(image);
    }

    @Benchmark
    public TokenizedConversation tokenizeQuestion() {
        return opened.network.template().tokenize(plan, List.of(Turn.user(question)), true);
    }

    @Benchmark
    public float headOver170Tokens() {
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            return opened.predictor.predict(Torch.floats(projected, TOKENS, projected.length / TOKENS));
        }
    }

    @Benchmark
    public Fingerprint fingerprint() {
        return Fingerprint.of(image);
    }
}
