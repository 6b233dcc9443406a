package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.mllm.Llama;
import io.github.m3agiqa.mllm.MiniCpmVConfig;
import io.github.m3agiqa.mllm.SiglipVision;
import java.util.List;

/** How many operations, or bytes, a model of these sizes cannot do without; a multiplication and its addition are two. */
record Operations(MiniCpmVConfig config) {
    /** Of the tower and the resampler for the pieces of one image. */
    double encoding(List<RgbImage> pieces) {
        return pieces.stream().mapToDouble(this::encoding).sum();
    }

    private double encoding(RgbImage piece) {
        SiglipVision.Config vision = config.vision();
        double patch = vision.patchSize();
        double patches = Math.floor(piece.height() / patch) * Math.floor(piece.width() / patch);
        double width = vision.hiddenSize();

        double places = patches * patch * patch;
        double channels = 3;
        double stem = 0;
        double shrunk = 1;
        for (SiglipVision.Convolution layer : vision.stem()) {
            places /= layer.stride() * layer.stride();
            shrunk *= layer.stride();
            stem += 2 * places * channels * layer.channels() * layer.kernel() * layer.kernel();
            channels = layer.channels();
        }
        double embedding = 2 * patches * channels * (patch / shrunk) * (patch / shrunk) * width;
        double layer = 2 * patches * (4 * width * width + 2 * width * vision.intermediateSize())
                + 4 * patches * patches * width;

        double queries = config.resampler().queries();
        double hidden = config.resampler().hiddenSize();
        double resampling = 2 * patches * (width * hidden + 2 * hidden * hidden)
                + 2 * queries * 3 * hidden * hidden
                + 4 * queries * patches * hidden;
        return stem + embedding + vision.layers() * layer + resampling;
    }

    /** Of the language model for that many tokens which follow nothing. */
    double prefill(long tokens) {
        return 2.0 * tokens * blockWeights() + attention(tokens);
    }

    /** Of the language model forward and, as its own matrices learn nothing, backward to the vectors alone. */
    double loraStep(long tokens) {
        return 4.0 * tokens * blockWeights() + 3 * attention(tokens);
    }

    /** Bytes of the language model's matrices, which every decoded token reads. */
    double decodedTokenBytes(int bytesAWeight) {
        Llama.Config llama = config.llama();
        return (blockWeights() + (double) llama.vocabularySize() * llama.hiddenSize()) * bytesAWeight;
    }

    /** Each token looks at half of the others. */
    private double attention(long tokens) {
        Llama.Config llama = config.llama();
        return 2.0 * tokens * tokens * llama.layers() * llama.heads() * llama.headSize();
    }

    private double blockWeights() {
        Llama.Config llama = config.llama();
        double hidden = llama.hiddenSize();
        double attention = 2 * hidden * llama.headSize() * (llama.heads() + llama.keyValueHeads());
        return llama.layers() * (attention + 3 * hidden * llama.intermediateSize());
    }
}
