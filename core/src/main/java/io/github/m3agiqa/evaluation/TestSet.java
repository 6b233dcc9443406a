package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.Aspect;

/**
 * What models are compared on.
 *
 * @param dataset the dataset's name
 * @param aspect what was scored
 * @param split the split whose test images they are
 */
public record TestSet(String dataset, Aspect aspect, String split) {}
