package io.github.m3agiqa.training;

import java.util.List;

/**
 * Readings of which each shall score lower than the one before.
 *
 * @param readings the best first
 */
record Ranking(List<Reading> readings) {}
