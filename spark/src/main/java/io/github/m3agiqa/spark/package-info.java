/** The scorer as a Spark job and as a call on a Dataset. */
@NullMarked
package io.github.m3agiqa.spark;

import org.jspecify.annotations.NullMarked;
