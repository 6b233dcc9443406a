package io.github.m3agiqa.app.batch;

/**
 * What a results file knows of the row that it answers.
 *
 * @param image the image as the list names it
 * @param asked all that was asked about it; empty where there was nothing but the image
 */
record RowKey(String image, String asked) {}
