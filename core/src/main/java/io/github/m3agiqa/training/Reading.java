package io.github.m3agiqa.training;

import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.mllm.Turn;
import java.util.List;

/**
 * A conversation that the predictor reads, up to the rating question.
 *
 * @param sample the image that it is about
 * @param turns what was said
 * @param maxSlices the largest number of tiles of the image
 * @param maxLength the longest conversation, in tokens
 */
record Reading(Sample sample, List<Turn> turns, int maxSlices, int maxLength) {
    Reading {
        turns = List.copyOf(turns);
    }
}
