package io.github.m3agiqa.teacher;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.SafetensorsFile;
import io.github.m3agiqa.weights.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/**
 * Makes the folder that {@link TeacherTargets} reads: first the components of dense targets from a sample, then chunks
 * of images with their pooled layers as they are and their dense targets, at last the components of the images' own
 * vectors and one file of all. What is on disk is not computed again.
 */
final class TargetPreparation {
    private static final int CHUNK_IMAGES = 32;
    private static final double LEAST_DEVIATION = 1e-6;
    private static final double MOST_DEVIATIONS = 6;

    private final TargetFolder folder;
    private final TargetSettings settings;
    private final Device device;
    private final SourceImages sources;
    private final List<String> images;
    private final Set<String> fitOn;
    private final StepListener listener;

    TargetPreparation(
            Path folder,
            TargetSettings settings,
            Map<String, Supplier<RgbImage>> images,
            Set<String> fitOn,
            Device device,
            StepListener listener) {
        this.folder = new TargetFolder(folder);
        this.settings = settings;
        this.device = device;
        this.sources = new SourceImages(images);
        this.images = sources.names();
        this.fitOn = new TreeSet<>(fitOn);
        this.listener = listener;
        if (fitOn.isEmpty() || !images.keySet().containsAll(fitOn)) {
            throw new InputException(
                    "targets are to be fitted on %d images, all of which must be among the %d that are given"
                            .formatted(fitOn.size(), images.size()));
        }
    }

    void run() {
        try {
            if (Files.exists(folder.resolve(TeacherTargets.TARGETS))) {
                folder.compare(wanted());
                return;
            }
            prepare();
        } catch (IOException e) {
            throw new InputException(
                    "%s cannot be used: %s; free space or name another folder".formatted(folder.path(), e), e);
        }
    }

    private void prepare() throws IOException {
        try (NoGradGuard _ = new NoGradGuard();
                TargetFolder.Teachers teachers = new TargetFolder.Teachers(
                        settings.teachers().stream()
                                .map(TeacherSettings::folder)
                                .toList(),
                        device)) {
            folder.begin(wanted(), teachers);
            look(settings.teachers().stream()
                    .map(teacher -> new Teacher(teacher, teachers.of(teacher.folder())))
                    .toList());
        }
        finish();
    }

    private ObjectNode wanted() {
        ObjectNode root = TargetFolder.wanted(fitOn, images);
        root.put("globalSize", settings.globalSize())
                .put("denseSize", settings.denseSize())
                .put("patch", settings.patch())
                .put("denseSample", settings.denseSample())
                .put("seed", settings.seed());
        ObjectNode teachers = root.putObject("teachers");
        for (TeacherSettings teacher : settings.teachers()) {
            ObjectNode node = teachers.putObject(teacher.network() + " " + teacher.inputSize());
            teacher.pooled().forEach(node.putArray("pooled")::add);
            teacher.dense().forEach(node.putArray("dense")::add);
        }
        return root;
    }

    /** A network with the layers that are wanted of it. */
    private final class Teacher {
        private final TeacherSettings teacher;
        private final TeacherNetwork network;
        private final List<String> pooled;
        private final Map<String, SquarePooling> dense = new LinkedHashMap<>();

        Teacher(TeacherSettings teacher, TeacherNetwork network) {
            this.teacher = teacher;
            this.network = network;
            this.pooled = teacher.pooled().stream().map(network::layer).toList();
            Map<String, Grid> grids = network.grids(teacher.inputSize(), teacher.inputSize());
            for (String layer : pooled) {
                grid(grids, layer);
            }
            for (String name : teacher.dense()) {
                String layer = network.layer(name);
                dense.put(layer, new SquarePooling(grid(grids, layer), settings.side(), settings.patch()));
            }
        }

        private Grid grid(Map<String, Grid> grids, String layer) {
            Grid grid = grids.get(layer);
            if (grid == null) {
                throw new InputException("the layer %s of %s does not lie in the image; name another"
                        .formatted(layer, teacher.folder()));
            }
            return grid;
        }

        Map<String, Tensor> see(RgbImage image, boolean denseOnly) {
            Set<String> layers = new HashSet<>(dense.keySet());
            if (!denseOnly) {
                layers.addAll(pooled);
            }
            return network.forward(TeacherNetwork.input(image, teacher.inputSize()), layers);
        }

        /** The pooled layers of an image, end to end. */
        Tensor pool(Map<String, Tensor> seen) {
            return Torch.cat(
                    0,
                    pooled.stream()
                            .map(layer -> SquarePooling.statistics(flat(seen, layer), 0, true))
                            .toList());
        }

        /** For each dense layer what it says about every square, (squares, size). */
        List<Tensor> dense(Map<String, Tensor> seen) {
            List<Tensor> blocks = new ArrayList<>();
            dense.forEach((layer, pooling) -> blocks.add(pooling.pool(flat(seen, layer))));
            return blocks;
        }

        private static Tensor flat(Map<String, Tensor> seen, String layer) {
            Tensor map = seen.get(layer);
            if (map == null) {
                throw new IllegalStateException("%s was not computed".formatted(layer));
            }
            return map.select(0, 0).permute(1, 2, 0).contiguous().flatten(0, 1); // (cells, channels)
        }
    }

    private Path chunk(int first) {
        return folder.resolve("chunks").resolve(String.format(Locale.ROOT, "%06d.safetensors", first));
    }

    private List<String> chunkImages(int first) {
        return images.subList(first, Math.min(images.size(), first + CHUNK_IMAGES));
    }

    private void look(List<Teacher> teachers) throws IOException {
        Files.createDirectories(folder.resolve("chunks"));
        List<String> sample = TargetFolder.sample(fitOn, settings.denseSample(), settings.seed());
        Path components = folder.resolve("dense-components.safetensors");
        long done = Files.exists(components) ? sample.size() : 0;
        for (int first = 0; first < images.size(); first += CHUNK_IMAGES) {
            done += Files.exists(chunk(first)) ? chunkImages(first).size() : 0;
        }
        listener.started((long) sample.size() + images.size(), done);
        if (!Files.exists(components)) {
            listener.note("components of dense targets from %d images".formatted(sample.size()));
            fitDense(denseTeacher(teachers), sample, components);
        }
        try (SafetensorsFile file = new SafetensorsFile(components);
                Scope _ = new Scope()) {
            Tensor mean = file.load("mean", Dtype.F32, device);
            Tensor axes = file.load("axes", Dtype.F32, device);
            for (int first = 0; first < images.size(); first += CHUNK_IMAGES) {
                if (!Files.exists(chunk(first))) {
                    writeChunk(first, teachers, mean, axes);
                }
            }
        }
    }

    private static Teacher denseTeacher(List<Teacher> teachers) {
        return teachers.stream()
                .filter(teacher -> !teacher.dense.isEmpty())
                .findFirst()
                .orElseThrow();
    }

    private void fitDense(Teacher teacher, List<String> sample, Path components) throws IOException {
        try (Scope _ = new Scope();
                Moments moments = new Moments()) {
            List<Long> blocks = new ArrayList<>();
            for (List<String> together : SourceImages.groups(sample)) {
                for (RgbImage image : sources.read(together)) {
                    try (Scope _ = new Scope()) {
                        List<Tensor> seen = teacher.dense(teacher.see(image, true));
                        blocks.clear();
                        seen.forEach(block -> blocks.add(block.size(1)));
                        moments.add(Torch.to(Torch.cat(1, seen), Dtype.F64));
                    }
                    listener.step();
                }
            }
            Tensor mean = moments.mean();
            Tensor covariance = moments.covariance();
            Tensor deviation = PrincipalComponents.atLeast(covariance.diagonal().sqrt(), LEAST_DEVIATION);
            Tensor weight = weights(blocks).div(deviation); // (numbers)
            Tensor axes = PrincipalComponents.ofWeighted(covariance, weight, settings.denseSize());
            Map<String, Tensor> fitted = new LinkedHashMap<>();
            fitted.put("mean", Torch.to(mean, Dtype.F32));
            fitted.put("axes", Torch.to(axes, Dtype.F32));
            SafetensorsWriter.write(components, fitted);
        }
    }

    /** For each number 1 by the root of its block's size, so that blocks weigh the same. */
    private static Tensor weights(List<Long> blocks) {
        return Torch.cat(
                0,
                blocks.stream()
                        .map(size -> Torch.to(Torch.full(1 / Math.sqrt((double) size), Device.CPU, size), Dtype.F64))
                        .toList());
    }

    private void writeChunk(int first, List<Teacher> teachers, Tensor mean, Tensor axes) throws IOException {
        try (Scope _ = new Scope()) {
            List<List<Tensor>> raw = new ArrayList<>();
            teachers.forEach(_ -> raw.add(new ArrayList<>()));
            List<Tensor> dense = new ArrayList<>();
            for (RgbImage image : sources.read(chunkImages(first))) {
                for (int i = 0; i < teachers.size(); i++) {
                    Teacher teacher = teachers.get(i);
                    try (Scope seeing = new Scope()) {
                        Map<String, Tensor> seen = teacher.see(image, false);
                        raw.get(i).add(seeing.keep(teacher.pool(seen)));
                        if (!teacher.dense.isEmpty()) {
                            Tensor vectors = Torch.cat(1, teacher.dense(seen)).sub(mean);
                            dense.add(seeing.keep(Torch.to(vectors.matmul(axes), Dtype.F16)));
                        }
                    }
                }
                listener.step();
            }
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            for (int i = 0; i < raw.size(); i++) {
                tensors.put("pooled." + i, Torch.stack(raw.get(i)));
            }
            tensors.put("dense", Torch.stack(dense));
            SafetensorsWriter.write(chunk(first), tensors);
        }
    }

    private void finish() throws IOException {
        listener.note("components of the images' vectors from %d images".formatted(fitOn.size()));
        List<SafetensorsFile> chunks = new ArrayList<>();
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            for (int first = 0; first < images.size(); first += CHUNK_IMAGES) {
                chunks.add(new SafetensorsFile(chunk(first)));
            }
            int[] fitRows = fitOn.stream()
                    .mapToInt(name -> Collections.binarySearch(images, name))
                    .toArray();
            Tensor fit = Torch.indices(Device.CPU, fitRows);
            List<Tensor> blocks = new ArrayList<>();
            for (int i = 0; i < settings.teachers().size(); i++) {
                blocks.add(standardised(all(chunks, "pooled." + i, Dtype.F64), fit));
            }
            Tensor vectors = Torch.cat(1, blocks);
            Tensor fitted = vectors.index_select(0, fit);
            Tensor mean = Torch.mean(fitted, 0);
            Tensor axes = PrincipalComponents.ofRows(fitted.sub(mean), settings.globalSize());
            Map<String, Tensor> targets = new LinkedHashMap<>();
            targets.put("global", Torch.to(vectors.sub(mean).matmul(axes), Dtype.F32));
            targets.put("dense", all(chunks, "dense", Dtype.F16));
            SafetensorsWriter.write(folder.resolve(TeacherTargets.TARGETS), targets);
        } finally {
            chunks.forEach(SafetensorsFile::close);
        }
    }

    private static Tensor all(List<SafetensorsFile> chunks, String name, Dtype dtype) {
        return Torch.cat(
                0,
                chunks.stream()
                        .map(chunk -> chunk.load(name, dtype, Device.CPU))
                        .toList());
    }

    /** One teacher's pooled layers of all images, of comparable size and freed of outliers. */
    private static Tensor standardised(Tensor pooled, Tensor fit) {
        try (Scope scope = new Scope()) {
            Tensor roots = pooled.sign().mul(pooled.abs().sqrt());
            Tensor fitted = roots.index_select(0, fit);
            Tensor mean = Torch.mean(fitted, 0);
            Tensor deviation = PrincipalComponents.atLeast(
                    Torch.mean(fitted.sub(mean).square(), 0).sqrt(), LEAST_DEVIATION);
            Tensor clipped = Torch.clamp(roots.sub(mean).div(deviation), -MOST_DEVIATIONS, MOST_DEVIATIONS);
            return scope.keep(Torch.divide(clipped, Math.sqrt((double) pooled.size(1))));
        }
    }
}
