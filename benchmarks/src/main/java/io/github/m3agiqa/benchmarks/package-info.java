/** The measurements behind the figures in docs/results. */
@NullMarked
package io.github.m3agiqa.benchmarks;

import org.jspecify.annotations.NullMarked;
