/** The command: its options, its output, its exit codes. */
@NullMarked
package io.github.m3agiqa.app;

import org.jspecify.annotations.NullMarked;
