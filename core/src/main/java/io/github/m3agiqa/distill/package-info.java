/** Stage one of the system: what an online MLLM says about images, asked once, kept for good, made into conversations. */
@NullMarked
package io.github.m3agiqa.distill;

import org.jspecify.annotations.NullMarked;
