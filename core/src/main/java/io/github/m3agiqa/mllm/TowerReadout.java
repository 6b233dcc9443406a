package io.github.m3agiqa.mllm;

import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.HeldTensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Says from a picture's hidden states what the vision tower saw in it: the mean of its patches' vectors and their standard
 * deviation. It is of use in training only: it keeps resampler and language model from losing what descriptions do not
 * need and a predictor does, such as how sharp a picture is.
 */
public final class TowerReadout implements AutoCloseable {
    private static final String WEIGHT = "tower.weight"; // (2 * vision width, hidden)
    private static final String BIAS = "tower.bias"; // (2 * vision width)
    private static final String MEAN = "tower.mean"; // (2 * vision width), of what is seen in several pictures
    private static final String DEVIATION = "tower.deviation"; // (2 * vision width)
    private static final double SMALLEST_DEVIATION = 1e-4;

    private static final int FITTED_TO = 256;
    /** Of the regression that a readout begins with, for each picture. */
    private static final double PENALTY = 0.3;

    private final HeldTensors weights;
    private final Device device;

    /**
     * A readout that a ridge regression begins with.
     *
     * @param images the first {@value #FITTED_TO} are what it is fitted to and knows from how far what is seen varies; one
     *     is asked for after the other
     */
    public TowerReadout(MiniCpmV model, Stream<RgbImage> images, int maxSlices) {
        this.device = model.llama().device();
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            List<Tensor> seen = new ArrayList<>();
            List<Tensor> states = new ArrayList<>();
            images.limit(FITTED_TO).forEachOrdered(image -> {
                try (Scope scope = new Scope()) {
                    SlicePlan plan = model.plan(image, maxSlices);
                    List<RgbImage> pieces = plan.cut(image);
                    List<Tensor> features = model.vision().forward(pieces, LayerChain.PLAIN);
                    seen.add(scope.keep(view(features)));
                    states.add(scope.keep(state(model, plan, pieces, features)));
                }
            });
            Tensor views = Torch.stack(seen); // (pictures, 2 * vision width)
            Tensor mean = Torch.mean(views, 0);
            Tensor deviation = deviation(views.sub(mean));
            Tensor x = Torch.stack(states); // (pictures, hidden)
            Tensor middle = Torch.mean(x, 0);
            Tensor spread = deviation(x.sub(middle));
            Tensor found =
                    ridge(x.sub(middle).div(spread), views.sub(mean).div(deviation)); // (hidden, 2 * vision width)
            Tensor weight = found.div(spread.t()).t().contiguous();
            Map<String, Tensor> initial = new LinkedHashMap<>();
            initial.put(WEIGHT, weight.requires_grad_(true));
            initial.put(BIAS, weight.matmul(middle.squeeze(0)).neg().requires_grad_(true));
            initial.put(MEAN, mean.squeeze(0));
            initial.put(DEVIATION, deviation.squeeze(0));
            this.weights = new HeldTensors("the readout of the tower", initial);
        }
    }

    private static Tensor state(MiniCpmV model, SlicePlan plan, List<RgbImage> pieces, List<Tensor> features) {
        TokenizedConversation picture = model.template().picture(plan);
        List<Tensor> tokens = model.tokens(pieces, features);
        Tensor hidden = model.llama()
                .forward(model.embed(picture, tokens, 0, picture.length()), new PackedContext(picture.length()));
        return PictureStates.mean(hidden, picture);
    }

    /** Of each column around 0, (1, columns). */
    private static Tensor deviation(Tensor rows) {
        return Torch.plus(Torch.mean(rows.square(), 0).sqrt(), SMALLEST_DEVIATION);
    }

    private static Tensor ridge(Tensor x, Tensor y) {
        return Torch.ridge(x.t().matmul(x), x.t().matmul(y), PENALTY * x.size(0));
    }

    /** What is trained beside the model, and what goes with it. */
    public Map<String, Tensor> weights() {
        return weights.held();
    }

    /**
     * The {@linkplain TowerView view} of a whole picture.
     *
     * @param features for each of its pieces (patches, vision width); the first, which shows all of it, counts only when
     *     it is alone
     * @return (2 * vision width)
     */
    static Tensor view(List<Tensor> features) {
        Tensor patches = Torch.cat(0, features.size() == 1 ? features : features.subList(1, features.size()));
        return TowerView.of(patches).detach();
    }

    /**
     * The mean squared error of what is said, each number over its variance among pictures.
     *
     * @param states for each picture the mean of its hidden states, (hidden)
     * @param views for each picture what {@link #view} saw
     * @return a scalar, differentiable
     */
    Tensor error(List<Tensor> states, List<Tensor> views) {
        Tensor wanted = Torch.stack(views).sub(weight(MEAN)).div(weight(DEVIATION));
        return torch.mse_loss(Torch.linear(Torch.stack(states), weight(WEIGHT), weight(BIAS)), wanted);
    }

    private Tensor weight(String name) {
        return weights.load(name, Dtype.F32, device);
    }

    @Override
    public void close() {
        weights.close();
    }
}
