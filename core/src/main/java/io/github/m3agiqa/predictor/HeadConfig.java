package io.github.m3agiqa.predictor;

/**
 * The sizes of a new predictor.
 *
 * @param kind the network that reads the sequence
 * @param pooler how its steps become one vector
 * @param width the width of its steps; 512 as published, a multiple of 4
 * @param layers its blocks or layers; as published 4 for xlstm, lstm and mamba2, 2 for gru, 6 for transformer; mamba2
 *     has always 4, which share their weights, and for mean it means nothing
 * @param regression the width of the layer before the score; as published 128 for xlstm, 256 for lstm and gru, 1024 for
 *     mean
 */
public record HeadConfig(HeadKind kind, Pooler pooler, int width, int layers, int regression) {
    public HeadConfig {
        if (kind == null || pooler == null) {
            throw new IllegalArgumentException("a head needs a kind and a pooler");
        }
        if (width < XlstmConfig.HEADS || width % XlstmConfig.HEADS != 0 || layers < 1 || regression < 1) {
            throw new IllegalArgumentException(
                    "width must be a multiple of %d, layers and regression at least 1".formatted(XlstmConfig.HEADS));
        }
        if (kind == HeadKind.MAMBA2 && layers != Mamba2.REPEATS) {
            throw new IllegalArgumentException("a mamba2 head has %d layers, not %d".formatted(Mamba2.REPEATS, layers));
        }
    }
}
