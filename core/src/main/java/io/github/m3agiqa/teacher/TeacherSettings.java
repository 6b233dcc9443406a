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
    /** The layers of InceptionV3 after which a block of it ends. */
    private static final List<String> INCEPTION_BLOCKS = List.of(
            "max_pooling2d_1",
            "max_pooling2d_2",
            "mixed0",
            "mixed2",
            "mixed4",
            "mixed7",
            "mixed8",
            "mixed9",
            "mixed10");

    private static final List<String> INCEPTION_DENSE = List.of("max_pooling2d_1", "mixed2", "mixed7");

    /** The layers of MobileNetV2 before its maps become smaller, and its last one. */
    private static final List<String> MOBILENET_BLOCKS = List.of(
            "expanded_conv_2/add",
            "expanded_conv_5/add",
            "expanded_conv_9/add",
            "expanded_conv_12/add",
            "expanded_conv_15/add",
            "Conv_1/Relu6");

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

    /** nsfwjs's {@code inception_v3}, with dense targets. */
    public static TeacherSettings inceptionV3(Path folder, int inputSize) {
        return new TeacherSettings(folder, inputSize, INCEPTION_BLOCKS, INCEPTION_DENSE);
    }

    /** nsfwjs's {@code mobilenet_v2_mid}, MobileNetV2 with 1.4 times the channels, without dense targets. */
    public static TeacherSettings mobileNetV2(Path folder, int inputSize) {
        return new TeacherSettings(folder, inputSize, MOBILENET_BLOCKS, List.of());
    }

    /** The last part of the folder's name. */
    String network() {
        return String.valueOf(folder.getFileName());
    }
}
