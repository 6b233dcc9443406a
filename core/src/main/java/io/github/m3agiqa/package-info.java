/** The words of the domain: an image and its prompt, the aspects, the assessment, and the errors. */
@NullMarked
package io.github.m3agiqa;

import org.jspecify.annotations.NullMarked;
