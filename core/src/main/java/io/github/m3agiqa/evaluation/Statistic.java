package io.github.m3agiqa.evaluation;

/** A figure of a fixed list of images, as it would be if some were counted several times and others not at all. */
@FunctionalInterface
interface Statistic {
    /**
     * Computes the figure.
     *
     * @param counts how often each image counts
     * @return the figure, NaN if it is undefined for these counts
     */
    double of(int[] counts);
}
