package io.github.m3agiqa.teacher;

import io.github.m3agiqa.InputException;
import java.util.List;

/**
 * What is made of that which teachers see.
 *
 * @param teachers one of which has dense layers
 * @param globalSize numbers for an image
 * @param denseSize numbers for a square of an image
 * @param patch side of a square, in pixels of the input of the teacher that has dense layers
 * @param denseSample images of which the components of dense targets are computed
 * @param seed which images these are
 */
public record TargetSettings(
        List<TeacherSettings> teachers, int globalSize, int denseSize, int patch, int denseSample, long seed) {
    public TargetSettings {
        teachers = List.copyOf(teachers);
        List<TeacherSettings> dense =
                teachers.stream().filter(teacher -> !teacher.dense().isEmpty()).toList();
        if (dense.size() != 1) {
            throw new InputException(
                    "%d teachers have dense layers; name those of exactly one".formatted(dense.size()));
        }
        if (globalSize < 1 || denseSize < 1 || patch < 1 || denseSample < 1) {
            throw new InputException("sizes of targets must be positive: global %d, dense %d, patch %d, sample %d"
                    .formatted(globalSize, denseSize, patch, denseSample));
        }
        if (dense.getFirst().inputSize() % patch != 0) {
            throw new InputException("squares of %d pixels do not fill the input of %d pixels; change one of them"
                    .formatted(patch, dense.getFirst().inputSize()));
        }
    }

    /** The teacher that has dense layers. */
    TeacherSettings denseTeacher() {
        return teachers.stream()
                .filter(teacher -> !teacher.dense().isEmpty())
                .findFirst()
                .orElseThrow();
    }

    /** Squares from left to right, and from top to bottom. */
    int side() {
        return denseTeacher().inputSize() / patch;
    }
}
