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
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/**
 * What teachers' layers see at every place of images, as components of each layer's channels. Of layers whose cells are
 * less than 8 pixels apart only as many are kept as makes them 8 apart. They lie in a folder, a file for each image.
 */
public final class HintMaps {
    private static final int LEAST_STRIDE = 8;
    private static final double LEAST_DEVIATION = 1e-6;
    private static final double MOST_DEVIATIONS = 8;
    private static final String COMPONENTS = "components.safetensors";

    private final TargetFolder folder;
    private final HintSettings settings;
    private final Device device;
    private final SourceImages sources;
    private final List<String> images;
    private final StepListener listener;

    private HintMaps(
            Path folder,
            HintSettings settings,
            Map<String, Supplier<RgbImage>> images,
            Device device,
            StepListener listener) {
        this.folder = new TargetFolder(folder);
        this.settings = settings;
        this.device = device;
        this.sources = new SourceImages(images);
        this.images = sources.names();
        this.listener = listener;
    }

    /**
     * Computes maps, goes on where a run was stopped, or opens what is finished, for which no teacher is needed.
     *
     * @param folder where they lie
     * @param images what reads each image, by the names under which their maps are asked for
     * @param fitOn names of the images of which components are computed: those for training
     * @param device where teachers run
     * @throws InputException if the folder was made of something else, or a file cannot be read or written
     */
    public static HintMaps prepare(
            Path folder,
            HintSettings settings,
            Map<String, Supplier<RgbImage>> images,
            Collection<String> fitOn,
            Device device,
            StepListener listener) {
        HintMaps maps = new HintMaps(folder, settings, images, device, listener);
        try {
            maps.prepare(new TreeSet<>(fitOn));
        } catch (IOException e) {
            throw new InputException(
                    "%s cannot be used: %s; free space or name another folder".formatted(folder, e), e);
        }
        return maps;
    }

    /**
     * What the hints' layers see in an image.
     *
     * @return for each hint (rows, columns, size), float16; who foresees their mean errs by 1 on average
     */
    public List<Tensor> of(String image) {
        int place = Collections.binarySearch(images, image);
        if (place < 0) {
            throw new InputException(
                    "there are no hints of %s; prepare them with that image in the list".formatted(image));
        }
        try (Scope scope = new Scope();
                SafetensorsFile file = new SafetensorsFile(file(place))) {
            return load(file, "", Dtype.F16, Device.CPU).stream()
                    .map(map -> scope.keep(map.clone())) // what is loaded as it is stored goes with the file
                    .toList();
        }
    }

    /** Where the cells of a hint's map lie in an image, which is square. */
    public Axis axis(int hint) {
        var numbers = folder.madeOf().path("axes").path(hint);
        return new Axis(
                numbers.path("cells").asInt(),
                numbers.path("stride").asInt(),
                numbers.path("first").asDouble());
    }

    private Path file(int place) {
        return folder.resolve(String.format(Locale.ROOT, "%06d.safetensors", place));
    }

    private void prepare(Set<String> fitOn) throws IOException {
        ObjectNode wanted = TargetFolder.wanted(fitOn, images);
        wanted.put("inputSize", settings.inputSize())
                .put("sample", settings.sample())
                .put("seed", settings.seed());
        var layers = wanted.putArray("layers");
        settings.hints()
                .forEach(hint -> layers.addObject()
                        .put("network", String.valueOf(hint.folder().getFileName()))
                        .put("layer", hint.layer())
                        .put("size", hint.size()));
        List<Integer> missing = IntStream.range(0, images.size())
                .filter(place -> !Files.exists(file(place)))
                .boxed()
                .toList();
        if (missing.isEmpty()) {
            folder.compare(wanted);
            return;
        }
        try (NoGradGuard _ = new NoGradGuard();
                TargetFolder.Teachers teachers = new TargetFolder.Teachers(
                        settings.hints().stream().map(Hint::folder).toList(), device)) {
            List<Looked> looked = settings.hints().stream()
                    .map(hint -> new Looked(hint, teachers.of(hint.folder())))
                    .toList();
            var axes = wanted.putArray("axes");
            looked.forEach(layer -> axes.addObject()
                    .put("cells", layer.axis.cells())
                    .put("stride", layer.axis.stride())
                    .put("first", layer.axis.first()));
            folder.begin(wanted, teachers);
            List<String> sample = TargetFolder.sample(fitOn, settings.sample(), settings.seed());
            boolean fitted = Files.exists(folder.resolve(COMPONENTS));
            listener.started(
                    (long) sample.size() + images.size(),
                    (fitted ? sample.size() : 0) + images.size() - missing.size());
            if (!fitted) {
                listener.note("components of hints from %d images".formatted(sample.size()));
                fit(looked, sample);
            }
            write(looked, missing);
        }
    }

    /** A hint's layer in its network. */
    private final class Looked {
        private final TeacherNetwork network;
        private final String layer;
        private final int every;
        private final Axis axis;
        private final int size;

        Looked(Hint hint, TeacherNetwork network) {
            this.network = network;
            this.layer = network.layer(hint.layer());
            Grid grid =
                    network.grids(settings.inputSize(), settings.inputSize()).get(layer);
            if (grid == null) {
                throw new InputException("the layer %s of %s does not lie in the image; name another"
                        .formatted(hint.layer(), hint.folder()));
            }
            this.every = Math.max(1, LEAST_STRIDE / grid.rows().stride());
            this.axis = grid.rows().windowed(1, every);
            this.size = hint.size();
        }

        /** (rows, columns, channels) of what its network saw. */
        Tensor kept(Map<String, Tensor> seen) {
            Tensor map = seen.get(layer);
            if (map == null) {
                throw new IllegalStateException("%s was not computed".formatted(layer));
            }
            return map.select(0, 0)
                    .permute(1, 2, 0)
                    .slice(0, Torch.optional(0), Torch.optional(map.size(2)), every)
                    .slice(1, Torch.optional(0), Torch.optional(map.size(3)), every);
        }
    }

    /** For each layer what is kept of it, (rows, columns, channels). */
    private List<Tensor> see(List<Looked> layers, RgbImage image) {
        Map<TeacherNetwork, Set<String>> wanted = new LinkedHashMap<>();
        layers.forEach(layer -> wanted.computeIfAbsent(layer.network, _ -> new LinkedHashSet<>())
                .add(layer.layer));
        Tensor input = TeacherNetwork.input(image, settings.inputSize());
        Map<TeacherNetwork, Map<String, Tensor>> seen = new LinkedHashMap<>();
        wanted.forEach((network, names) -> seen.put(network, network.forward(input, names)));
        return layers.stream()
                .map(layer -> layer.kept(seen.getOrDefault(layer.network, Map.of())))
                .toList();
    }

    private void fit(List<Looked> layers, List<String> sample) throws IOException {
        List<Moments> moments = layers.stream().map(_ -> new Moments()).toList();
        try (Scope _ = new Scope()) {
            for (List<String> together : SourceImages.groups(sample)) {
                for (RgbImage image : sources.read(together)) {
                    try (Scope _ = new Scope()) {
                        List<Tensor> maps = see(layers, image);
                        for (int i = 0; i < maps.size(); i++) {
                            moments.get(i).add(Torch.to(maps.get(i).flatten(0, 1), Dtype.F64));
                        }
                    }
                    listener.step();
                }
            }
            Map<String, Tensor> fitted = new LinkedHashMap<>();
            for (int i = 0; i < moments.size(); i++) {
                Tensor covariance = moments.get(i).covariance();
                Tensor deviation =
                        PrincipalComponents.atLeast(covariance.diagonal().sqrt(), LEAST_DEVIATION);
                Tensor axes = PrincipalComponents.ofWeighted(covariance, deviation.reciprocal(), layers.get(i).size);
                fitted.put("mean." + i, Torch.to(moments.get(i).mean(), Dtype.F32));
                fitted.put("axes." + i, Torch.to(axes, Dtype.F32));
            }
            SafetensorsWriter.write(folder.resolve(COMPONENTS), fitted);
        } finally {
            moments.forEach(Moments::close);
        }
    }

    private void write(List<Looked> layers, List<Integer> missing) throws IOException {
        try (SafetensorsFile components = new SafetensorsFile(folder.resolve(COMPONENTS));
                Scope _ = new Scope()) {
            List<Tensor> means = load(components, "mean.", Dtype.F32, device);
            List<Tensor> axes = load(components, "axes.", Dtype.F32, device);
            for (List<Integer> together : SourceImages.groups(missing)) {
                List<RgbImage> pictures =
                        sources.read(together.stream().map(images::get).toList());
                for (int n = 0; n < pictures.size(); n++) {
                    try (Scope _ = new Scope()) {
                        List<Tensor> maps = see(layers, pictures.get(n));
                        Map<String, Tensor> kept = new LinkedHashMap<>();
                        for (int i = 0; i < maps.size(); i++) {
                            Tensor coordinates = maps.get(i).sub(means.get(i)).matmul(axes.get(i));
                            kept.put(
                                    String.valueOf(i),
                                    Torch.to(Torch.clamp(coordinates, -MOST_DEVIATIONS, MOST_DEVIATIONS), Dtype.F16));
                        }
                        SafetensorsWriter.write(file(together.get(n)), kept);
                    }
                    listener.step();
                }
            }
        }
    }

    /** The tensors of all hints, which are numbered. */
    private List<Tensor> load(SafetensorsFile file, String name, Dtype dtype, Device to) {
        return IntStream.range(0, settings.hints().size())
                .mapToObj(i -> file.load(name + i, dtype, to))
                .toList();
    }
}
