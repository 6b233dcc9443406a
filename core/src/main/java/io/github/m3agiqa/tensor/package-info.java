/** The thin layer over libtorch: the engine, scopes that free native memory, dtypes, devices, mapped tensors. */
@NullMarked
package io.github.m3agiqa.tensor;

import org.jspecify.annotations.NullMarked;
