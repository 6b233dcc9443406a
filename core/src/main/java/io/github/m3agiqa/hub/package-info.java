/** Models on disk: their manifests, where they are found, and whether their files are whole. */
@NullMarked
package io.github.m3agiqa.hub;

import org.jspecify.annotations.NullMarked;
