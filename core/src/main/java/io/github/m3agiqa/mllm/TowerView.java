package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * What the vision tower sees in some patches, wherever it sees it: the mean of their vectors and their standard deviation.
 * How sharp a picture is, and what else resampler and language model lose as descriptions do not need it, is in there.
 */
final class TowerView {
    private TowerView() {}

    /**
     * What is seen in patches together.
     *
     * @param patches (patches, vision width)
     * @return (2 * vision width), the means first, float32
     */
    static Tensor of(Tensor patches) {
        Tensor vectors = Torch.to(patches, Dtype.F32);
        Tensor mean = Torch.mean(vectors, 0); // (1, vision width)
        Tensor deviation = Torch.mean(vectors.sub(mean).square(), 0).sqrt();
        return Torch.cat(1, mean, deviation).squeeze(0);
    }

    /**
     * What is seen in each piece of a picture.
     *
     * @param features for each piece (patches, vision width)
     * @return (pieces, 2 * vision width), float32
     */
    static Tensor ofEach(List<Tensor> features) {
        return Torch.stack(features.stream().map(TowerView::of).toList());
    }
}
