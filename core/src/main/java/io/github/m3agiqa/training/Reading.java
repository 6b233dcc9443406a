package io.github.m3agiqa.training;

import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.mllm.Turn;
import java.util.List;

/**
 * A conversation that the predictor reads, up to the rating question.
 *
 * @param sample the image that it is about
 * @param turns what was said; nothing for the picture alone, of which only the mean state is kept
 * @param maxSlices the largest number of tiles of the image
 * @param maxLength the longest conversation, in tokens
 * @param alteration what is done to the image before
 */
record Reading(Sample sample, List<Turn> turns, int maxSlices, int maxLength, Alteration alteration) {
    Reading {
        turns = List.copyOf(turns);
    }

    Reading altered(Alteration other) {
        return new Reading(sample, turns, maxSlices, maxLength, other);
    }
}
