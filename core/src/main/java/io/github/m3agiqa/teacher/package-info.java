/** Published vision networks that a small one learns from: their files, their passes, and what they see in images. */
@NullMarked
package io.github.m3agiqa.teacher;

import org.jspecify.annotations.NullMarked;
