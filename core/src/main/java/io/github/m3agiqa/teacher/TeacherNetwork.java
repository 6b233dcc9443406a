package io.github.m3agiqa.teacher;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.MemoryFormat;
import org.jspecify.annotations.Nullable;

/**
 * A convolutional network as the npm package nsfwjs carries it: a Keras model or a frozen graph in TensorFlow.js
 * format, in a folder of minified scripts with {@code model.min.js} and its shards.
 */
public final class TeacherNetwork implements AutoCloseable {
    private final Path folder;
    private final Device device;
    private final List<Path> files = new ArrayList<>();
    private final Map<String, Layer> layers = new LinkedHashMap<>();
    private final List<Tensor> weights = new ArrayList<>(); // owned

    /**
     * Reads a network.
     *
     * @param folder such as {@code dist/models/inception_v3} of the unpacked package
     * @param device where it runs
     * @throws InputException if a file is missing or damaged, or a layer is of a kind that is not known here
     */
    public TeacherNetwork(Path folder, Device device) {
        this.folder = folder;
        this.device = device;
        Path model = folder.resolve("model.min.js");
        files.add(model);
        JsonNode root = ScriptModule.read(model);
        JsonNode topology = root.path("modelTopology");
        JsonNode keras = topology.path("model_config").path("config").path("layers");
        try (Scope _ = new Scope();
                PackedWeights packed = new PackedWeights(folder, root.path("weightsManifest"), device)) {
            files.addAll(packed.shards());
            List<Layer> read = keras.isArray()
                    ? KerasLayers.read(model.toString(), keras, packed)
                    : GraphNodes.read(model.toString(), topology.path("node"), packed);
            check(model, read);
            for (Layer layer : read) {
                layers.put(layer.name(), layer);
                layer.operation().weights().forEach(weight -> weights.add(Scope.own(weight)));
            }
        } catch (IllegalArgumentException | NoSuchElementException | IndexOutOfBoundsException e) {
            throw new InputException("%s is damaged: %s; unpack the package again".formatted(model, e.getMessage()), e);
        }
    }

    private static void check(Path model, List<Layer> layers) {
        if (layers.isEmpty()) {
            throw new InputException("%s describes no layers; unpack the package again".formatted(model));
        }
        Set<String> known = new HashSet<>();
        for (Layer layer : layers) {
            boolean input = layer.operation() instanceof Operation.Input;
            if (input != layer.inputs().isEmpty() || !known.containsAll(layer.inputs()) || !known.add(layer.name())) {
                throw new InputException("%s: the layer %s cannot be reached from the images; unpack the package again"
                        .formatted(model, layer.name()));
            }
        }
    }

    /** An image as a teacher takes it, (1, 3, size, size), from 0 to 1. */
    static Tensor input(RgbImage image, int size) {
        byte[] pixels = image.resized(size, size).pixels();
        Tensor bytes = Torch.empty(Dtype.U8, Device.CPU, size, size, 3);
        Torch.bytes(bytes, 0, pixels.length).put(pixels);
        return Torch.divide(Torch.to(bytes.permute(2, 0, 1).unsqueeze(0), Dtype.F32), 255);
    }

    /** The files that were read. */
    public List<Path> files() {
        return List.copyOf(files);
    }

    /** The names of all layers, each after those that it reads. */
    public List<String> layers() {
        return List.copyOf(layers.keySet());
    }

    /**
     * The full name of a layer.
     *
     * @param ending the name, or what comes after one of its slashes
     * @throws InputException if no layer, or more than one, is called so
     */
    public String layer(String ending) {
        if (layers.containsKey(ending)) {
            return ending;
        }
        List<String> found = layers.keySet().stream()
                .filter(name -> name.endsWith("/" + ending))
                .toList();
        if (found.size() != 1) {
            throw new InputException("%s has %s layers called %s; name one of those in model.min.js"
                    .formatted(folder, found.isEmpty() ? "no" : found.size(), ending));
        }
        return found.getFirst();
    }

    /**
     * Where the cells of every spatial layer lie.
     *
     * @throws InputException if the image is too small for the network
     */
    public Map<String, Grid> grids(int height, int width) {
        Map<String, Grid> grids = new LinkedHashMap<>();
        for (Layer layer : layers.values()) {
            if (layer.inputs().isEmpty()) {
                grids.put(layer.name(), new Grid(Axis.ofPixels(height), Axis.ofPixels(width)));
                continue;
            }
            List<Grid> inputs = layer.inputs().stream()
                    .flatMap(input -> Optional.ofNullable(grids.get(input)).stream())
                    .toList();
            if (inputs.size() == layer.inputs().size()) {
                try {
                    layer.operation().grid(inputs).ifPresent(grid -> grids.put(layer.name(), grid));
                } catch (IllegalArgumentException e) {
                    throw new InputException(
                            "%s: images of %d x %d pixels are too small for its layer %s; take larger ones"
                                    .formatted(folder, height, width, layer.name()),
                            e);
                }
            }
        }
        return grids;
    }

    /**
     * Runs images as far as the wanted layers need, and holds no layer longer than another needs it.
     *
     * @param images (images, 3, height, width), float32 from 0 to 1
     * @param wanted full names of layers
     * @return on the network's device what those layers make, (images, channels, rows, columns) for spatial ones
     * @throws InputException if there is no layer of a name
     */
    public Map<String, Tensor> forward(Tensor images, Set<String> wanted) {
        Map<String, Integer> readers = readers(wanted);
        Map<String, Tensor> held = new HashMap<>(); // owned
        try (Scope scope = new Scope()) {
            Map<String, Tensor> results = new HashMap<>();
            for (Layer layer : layers.values()) {
                if (!readers.containsKey(layer.name())) {
                    continue;
                }
                try (Scope _ = new Scope()) {
                    held.put(layer.name(), Scope.own(run(layer, images, held)));
                }
                if (wanted.contains(layer.name())) {
                    results.put(layer.name(), scope.keep(held(held, layer.name())));
                }
                for (String input : layer.inputs()) {
                    if (readers.merge(input, -1, Integer::sum) == 0) {
                        release(held.remove(input));
                    }
                }
                if (readers.getOrDefault(layer.name(), 0) == 0) {
                    release(held.remove(layer.name()));
                }
            }
            return results;
        } finally {
            held.values().forEach(Scope::release);
        }
    }

    private static void release(@Nullable Tensor tensor) {
        if (tensor != null) {
            Scope.release(tensor);
        }
    }

    private Tensor run(Layer layer, Tensor images, Map<String, Tensor> held) {
        if (layer.inputs().isEmpty()) {
            return Torch.to(images, device).contiguous(MemoryFormat.ChannelsLast);
        }
        List<Tensor> inputs =
                layer.inputs().stream().map(input -> held(held, input)).toList();
        try {
            return layer.operation().apply(inputs);
        } catch (RuntimeException e) {
            // what the engine throws where shapes do not fit has no type of its own
            throw new InputException(
                    "%s: its layer %s cannot be computed on these images: %s; take images of another size"
                            .formatted(folder, layer.name(), firstLine(e)),
                    e);
        }
    }

    private static String firstLine(RuntimeException e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    private static Tensor held(Map<String, Tensor> held, String name) {
        Tensor tensor = held.get(name);
        if (tensor == null) {
            throw new IllegalStateException("%s was freed too early".formatted(name));
        }
        return tensor;
    }

    /** For every layer that must be run, how many others read it. */
    private Map<String, Integer> readers(Collection<String> wanted) {
        Map<String, Integer> readers = new HashMap<>();
        for (String name : wanted) {
            if (!layers.containsKey(name)) {
                throw new InputException(
                        "%s has no layer %s; name one of those in model.min.js".formatted(folder, name));
            }
            readers.put(name, 0);
        }
        for (Layer layer : layers.values().stream().toList().reversed()) {
            if (readers.containsKey(layer.name())) {
                layer.inputs().forEach(input -> readers.merge(input, 1, Integer::sum));
            }
        }
        return readers;
    }

    @Override
    public void close() {
        weights.forEach(Scope::release);
        weights.clear();
    }
}
