/** From the bytes of an image file to the tiles that the vision tower sees. */
@NullMarked
package io.github.m3agiqa.image;

import org.jspecify.annotations.NullMarked;
