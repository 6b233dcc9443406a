package io.github.m3agiqa.weights;

/**
 * What is laid over a base model, under the names of the base: a whole tensor that replaces one of the base under its
 * name, and the low-rank pair of a module as {@code <module>.lora_A.weight} and {@code <module>.lora_B.weight}.
 *
 * @see <a href="https://arxiv.org/abs/2106.09685">LoRA</a>
 */
public interface Adapter extends TensorSource {
    /** The suffix of the matrix that projects down to the rank, shape (rank, in). */
    String LORA_A = ".lora_A.weight";
    /** The suffix of the matrix that projects up again, shape (out, rank). */
    String LORA_B = ".lora_B.weight";

    /** The rank r of every low-rank pair. */
    int rank();

    /**
     * The factor of the low-rank branch: alpha / r, or alpha / sqrt(r) where it is rank-stabilized.
     *
     * @see <a href="https://arxiv.org/abs/2312.03732">A rank stabilization scaling factor for fine-tuning with LoRA</a>
     */
    double scale();

    /** The probability with which each input of a low-rank branch is dropped; 0 except in training. */
    double dropout();
}
