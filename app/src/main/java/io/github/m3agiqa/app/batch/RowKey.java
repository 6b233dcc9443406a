package io.github.m3agiqa.app.batch;

/**
 * What a results file knows of the row that it answers.
 *
 * @param prompt empty where there was none
 */
record RowKey(String imagePath, String prompt) {}
