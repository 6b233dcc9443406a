package io.github.m3agiqa.mllm;

import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.mllm.SiglipVision.Convolution;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/**
 * The stem of a vision tower while it learns on its own: each convolution is followed by a batch norm, without which so
 * many of them learn slowly. Afterwards the norms are folded into the filters.
 *
 * @see <a href="https://arxiv.org/abs/1502.03167">Batch normalization</a>
 */
public final class NormalizedStem {
    private static final double EPSILON = 1e-5;
    /** The part of the running mean and variance that a batch's become. */
    private static final double MOMENTUM = 0.05;

    private static final String TOWER = "vpm.embeddings.stem.";

    private final List<Convolution> shape;
    private final Precision precision;
    private final Device device;
    private final Map<String, Tensor> weights;

    /**
     * A stem.
     *
     * @param weights what {@link #initial} gave, on the device; the running means and variances are changed in training
     */
    public NormalizedStem(List<Convolution> shape, Precision precision, Device device, Map<String, Tensor> weights) {
        this.shape = List.copyOf(shape);
        this.precision = precision;
        this.device = device;
        this.weights = Map.copyOf(weights);
    }

    /**
     * What a stem begins with: its filters as {@link MiniCpmVInitialization} makes them, {@code N.weight}, for each channel
     * {@code N.scale} and {@code N.shift}, and the running {@code N.mean} and {@code N.variance}.
     *
     * @return float32 tensors in main memory
     */
    public static Map<String, Tensor> initial(List<Convolution> shape, long seed) {
        Map<String, Tensor> filters = MiniCpmVInitialization.stem(shape, seed);
        Map<String, Tensor> weights = new LinkedHashMap<>();
        for (int i = 0; i < shape.size(); i++) {
            int channels = shape.get(i).channels();
            weights.put(i + ".weight", of(filters, i + ".weight"));
            weights.put(i + ".scale", Torch.full(1, Device.CPU, channels));
            weights.put(i + ".shift", Torch.zeros(Dtype.F32, Device.CPU, channels));
            weights.put(i + ".mean", Torch.zeros(Dtype.F32, Device.CPU, channels));
            weights.put(i + ".variance", Torch.full(1, Device.CPU, channels));
        }
        return weights;
    }

    /** Whether a weight is changed by gradients, not by what is seen. */
    public static boolean learns(String name) {
        return !name.endsWith(".mean") && !name.endsWith(".variance");
    }

    /**
     * What each convolution makes of images, after its norm and rectifier.
     *
     * @param images of one size
     * @param training whether the images themselves are what the norms go by
     * @return for each (images, channels, height, width)
     */
    public List<Tensor> forward(List<RgbImage> images, boolean training) {
        Tensor x = Torch.to(
                Torch.stack(images.stream().map(this::pixels).toList()), precision.operandDtype(device), device);
        List<Tensor> made = new ArrayList<>();
        for (int i = 0; i < shape.size(); i++) {
            Convolution layer = shape.get(i);
            Tensor bias = Torch.zeros(Dtype.F32, device, layer.channels());
            Tensor filtered = Torch.convolution(x, weight(i, "weight"), bias, layer.stride(), layer.kernel() / 2);
            x = Torch.batchNorm(
                            filtered,
                            weight(i, "scale"),
                            weight(i, "shift"),
                            weight(i, "mean"),
                            weight(i, "variance"),
                            training,
                            MOMENTUM,
                            EPSILON)
                    .relu_();
            made.add(x);
        }
        return made;
    }

    /** (3, height, width) from -1 to 1, channels last in memory. */
    private Tensor pixels(RgbImage image) {
        Tensor bytes = Torch.empty(Dtype.U8, Device.CPU, image.height(), image.width(), 3);
        Torch.bytes(bytes, 0, image.pixels().length).put(image.pixels());
        return Torch.plus(Torch.divide(Torch.to(bytes, Dtype.F32), 127.5), -1).permute(2, 0, 1);
    }

    /** The weights of a tower's stem that computes the same without norms, by their names in a model. */
    public Map<String, Tensor> folded() {
        try (Scope scope = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            Map<String, Tensor> folded = new LinkedHashMap<>();
            for (int i = 0; i < shape.size(); i++) {
                Tensor factor = weight(i, "scale")
                        .div(Torch.plus(weight(i, "variance"), EPSILON).sqrt());
                folded.put(TOWER + i + ".weight", weight(i, "weight").mul(factor.view(-1, 1, 1, 1)));
                folded.put(
                        TOWER + i + ".bias",
                        weight(i, "shift").sub(weight(i, "mean").mul(factor)));
            }
            folded.values().forEach(scope::keep);
            return folded;
        }
    }

    private Tensor weight(int layer, String name) {
        return of(weights, layer + "." + name);
    }

    private static Tensor of(Map<String, Tensor> weights, String name) {
        return Objects.requireNonNull(weights.get(name), name);
    }
}
