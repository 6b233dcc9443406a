/** The multimodal language model MiniCPM-Llama3-V-2.5, one file a network, and its conversations. */
@NullMarked
package io.github.m3agiqa.mllm;

import org.jspecify.annotations.NullMarked;
