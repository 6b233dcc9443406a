package io.github.m3agiqa.mllm;

import io.github.m3agiqa.Named;

/** How the vision tower treats images of unequal size in one batch, and where it thinks their patches are. */
public enum VisionMode {
    /**
     * As the published remote code does and the published adapters were trained: no patch is masked, padding included,
     * and all images share one-dimensional positions that are scaled to the longest image of the batch.
     */
    PUBLISHED,
    /** As the tower was meant: every image on its own, each patch at its row and column. */
    CORRECTED;

    /**
     * Reads the lower-case name used in manifests.
     *
     * @throws IllegalArgumentException naming the known ones if there is none
     */
    public static VisionMode of(String id) {
        return Named.of(VisionMode.class, "vision", id);
    }
}
