package io.github.m3agiqa.teacher;

import io.github.m3agiqa.InputException;
import java.nio.file.Path;
import java.util.List;

/**
 * One teacher, and which of its layers are learned from.
 *
 * @param folder the network's folder in the unpacked package
 * @param inputSize height and width to which images are resized for it, in pixels
 * @param pooled layers of which the mean and the deviation over the whole image are targets
 * @param dense layers of which the same over every square of the image are targets; empty for none
 */
public record TeacherSettings(Path folder, int inputSize, List<String> pooled, List<String> dense) {
    public TeacherSettings {
        if (inputSize < 1) {
            throw new InputException("a teacher's input size is %d pixels; set a positive one".formatted(inputSize));
        }
        if (pooled.isEmpty()) {
            throw new InputException("no layer of the teacher %s is pooled; name at least one".formatted(folder));
        }
        pooled = List.copyOf(pooled);
        dense = List.copyOf(dense);
    }

    /** The last part of the folder's name. */
    String network() {
        return String.valueOf(folder.getFileName());
    }
}
