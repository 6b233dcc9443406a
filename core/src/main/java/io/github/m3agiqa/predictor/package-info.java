/** The head that reads the hidden states of a conversation and predicts the mean opinion score. */
@NullMarked
package io.github.m3agiqa.predictor;

import org.jspecify.annotations.NullMarked;
