/** The two learning stages: LoRA fine-tuning of the language model, and the predictor of human scores. */
@NullMarked
package io.github.m3agiqa.training;

import org.jspecify.annotations.NullMarked;
