/** How well scores agree with people: correlations, fits, intervals, comparisons. */
@NullMarked
package io.github.m3agiqa.evaluation;

import org.jspecify.annotations.NullMarked;
