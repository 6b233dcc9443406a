/** Readers of the published weight formats, and the parameters that networks take from them. */
@NullMarked
package io.github.m3agiqa.weights;

import org.jspecify.annotations.NullMarked;
