package io.github.m3agiqa.teacher;

/**
 * Where the cells of a layer lie in the image.
 *
 * @param rows from top to bottom
 * @param columns from left to right
 */
public record Grid(Axis rows, Axis columns) {}
