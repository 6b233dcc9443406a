/** From an image and its prompt to an assessment. */
@NullMarked
package io.github.m3agiqa.scoring;

import org.jspecify.annotations.NullMarked;
