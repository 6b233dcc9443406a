/** Lists of images, answered row by row into a results file that survives a kill at any moment. */
@NullMarked
package io.github.m3agiqa.app.batch;

import org.jspecify.annotations.NullMarked;
