package io.github.m3agiqa.teacher;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.SafetensorsFile;
import io.github.m3agiqa.weights.TensorInfo;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;

/**
 * What teachers see in images, as vectors that a small network can learn to predict without any label: one vector for
 * each image and one for each square of it. They lie in a folder and are mapped, not read in.
 */
public final class TeacherTargets implements AutoCloseable {
    static final String TARGETS = "targets.safetensors";

    private final Path folder;
    private final List<String> images;
    private final Map<String, Integer> places = new HashMap<>();
    private final SafetensorsFile file;
    private final Tensor global; // owned, (images, globalSize)
    private final Tensor dense; // owned, (images, squares, denseSize), float16

    private TeacherTargets(Path folder) {
        this.folder = folder;
        this.images = new TargetFolder(folder).images();
        for (String image : images) {
            places.put(image, places.size());
        }
        this.file = new SafetensorsFile(folder.resolve(TARGETS));
        try (Scope _ = new Scope()) {
            check("global", 2);
            check("dense", 3);
            this.global = Scope.own(file.load("global", Dtype.F32, Device.CPU));
            this.dense = Scope.own(file.load("dense", Dtype.F16, Device.CPU));
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private void check(String name, int sides) {
        TensorInfo info = file.tensors().get(name);
        if (info == null || info.shape().size() != sides || info.shape().getFirst() != images.size()) {
            throw new InputException(
                    "%s holds no %s targets of the %d images in its list; delete %s and prepare it again"
                            .formatted(file.location(), name, images.size(), folder));
        }
    }

    /**
     * Opens targets that were prepared before; needs no teacher.
     *
     * @throws InputException if they were not finished
     * @throws ModelException if their file is damaged
     */
    public static TeacherTargets open(Path folder) {
        if (!Files.exists(folder.resolve(TARGETS))) {
            throw new InputException("%s holds no finished targets; prepare them first".formatted(folder));
        }
        return new TeacherTargets(folder);
    }

    /**
     * Computes targets, goes on where a run was stopped, or opens what is finished, for which no teacher is needed.
     * Images are resized bicubically to each teacher's input, whatever their sides are.
     *
     * @param folder where they lie
     * @param images what reads each image, by the names under which their targets are asked for
     * @param fitOn names of the images on which all statistics and components are computed: those for training
     * @param device where teachers run
     * @throws InputException if the folder was made of something else, or a file cannot be read or written
     */
    public static TeacherTargets prepare(
            Path folder,
            TargetSettings settings,
            Map<String, Supplier<RgbImage>> images,
            Set<String> fitOn,
            Device device,
            StepListener listener) {
        new TargetPreparation(folder, settings, images, fitOn, device, listener).run();
        return open(folder);
    }

    /** The images' names, in the order in which they are stored. */
    public List<String> images() {
        return List.copyOf(images);
    }

    /** The numbers of an image's vector. */
    public int globalSize() {
        return Math.toIntExact(global.size(1));
    }

    /** The numbers of a square's vector. */
    public int denseSize() {
        return Math.toIntExact(dense.size(2));
    }

    /** The squares of an image. */
    public int squares() {
        return Math.toIntExact(dense.size(1));
    }

    /**
     * The vectors of images.
     *
     * @return (images, globalSize), float32
     * @throws InputException naming an image of which there is none
     */
    public Tensor global(List<String> names) {
        return Torch.withoutGradient(() -> global.index_select(0, places(names)));
    }

    /**
     * The vectors of images' squares.
     *
     * @return (images, squares, denseSize), float32, squares row by row
     * @throws InputException naming an image of which there are none
     */
    public Tensor dense(List<String> names) {
        return Torch.withoutGradient(() -> Torch.to(dense.index_select(0, places(names)), Dtype.F32));
    }

    /**
     * What a teacher would nearly see in the squares of an image's mirror image.
     *
     * @param dense (squares, denseSize), row by row
     * @return (squares, denseSize), each row of squares from right to left
     */
    public static Tensor mirrored(Tensor dense) {
        long side = Math.round(Math.sqrt((double) dense.size(0)));
        return dense.view(side, side, dense.size(1)).flip(1).view(dense.size(0), dense.size(1));
    }

    private Tensor places(List<String> names) {
        int[] chosen = new int[names.size()];
        for (int i = 0; i < chosen.length; i++) {
            Integer place = places.get(names.get(i));
            if (place == null) {
                throw new InputException("%s has no targets of %s; prepare them with that image in the list"
                        .formatted(folder, names.get(i)));
            }
            chosen[i] = place;
        }
        return Torch.indices(Device.CPU, chosen);
    }

    @Override
    public void close() {
        Scope.release(global);
        Scope.release(dense);
        file.close();
    }
}
