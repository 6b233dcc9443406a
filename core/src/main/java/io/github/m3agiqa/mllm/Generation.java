package io.github.m3agiqa.mllm;

/**
 * How a text is generated.
 *
 * @param beams the number of texts followed at a time; 1 is greedy search
 * @param repetitionPenalty above 1 makes tokens less likely that the text already has; 1 is none
 * @param maxNewTokens the longest text, in tokens, the stop token included
 */
public record Generation(int beams, double repetitionPenalty, int maxNewTokens) {
    public Generation {
        if (beams < 1 || maxNewTokens < 1 || !(repetitionPenalty > 0)) {
            throw new IllegalArgumentException("beams %d, repetitionPenalty %s and maxNewTokens %d must be positive"
                    .formatted(beams, repetitionPenalty, maxNewTokens));
        }
    }
}
