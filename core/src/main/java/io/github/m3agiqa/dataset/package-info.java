/** Images with human scores: the published layouts, splits that are honest, and a check for leaks. */
@NullMarked
package io.github.m3agiqa.dataset;

import org.jspecify.annotations.NullMarked;
