package io.github.m3agiqa.teacher;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.teacher.Operation.Activate;
import io.github.m3agiqa.teacher.Operation.Addition;
import io.github.m3agiqa.teacher.Operation.AveragePool;
import io.github.m3agiqa.teacher.Operation.Concatenation;
import io.github.m3agiqa.teacher.Operation.Convolution;
import io.github.m3agiqa.teacher.Operation.Flattening;
import io.github.m3agiqa.teacher.Operation.FullyConnected;
import io.github.m3agiqa.teacher.Operation.Input;
import io.github.m3agiqa.teacher.Operation.MaxPool;
import io.github.m3agiqa.teacher.Operation.Normalization;
import io.github.m3agiqa.teacher.Operation.ZeroPadding;
import io.github.m3agiqa.teacher.Window.Padding;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

/** The layers of a Keras model as TensorFlow.js stores it. A batch norm goes into the convolution before it. */
final class KerasLayers {
    private static final Activate UNCHANGED = new Activate(Activation.LINEAR);

    private final String location;
    private final PackedWeights weights;
    private final Map<String, Integer> readers = new HashMap<>();
    private final List<Layer> layers = new ArrayList<>();
    private final Map<String, Integer> positions = new HashMap<>();

    private KerasLayers(String location, PackedWeights weights) {
        this.location = location;
        this.weights = weights;
    }

    /**
     * Reads the layers in the order in which they can be run.
     *
     * @param layers the entry of that name in the model's configuration
     * @throws InputException naming a layer that is not known here
     */
    static List<Layer> read(String location, JsonNode layers, PackedWeights weights) {
        KerasLayers reader = new KerasLayers(location, weights);
        layers.forEach(layer -> inputs(layer).forEach(input -> reader.readers.merge(input, 1, Integer::sum)));
        layers.forEach(reader::add);
        return reader.layers;
    }

    private static List<String> inputs(JsonNode layer) {
        List<String> inputs = new ArrayList<>();
        layer.path("inbound_nodes")
                .path(0)
                .forEach(node -> inputs.add(node.path(0).asText()));
        return inputs;
    }

    private void add(JsonNode layer) {
        String name = layer.path("name").asText();
        Operation operation = layer.path("class_name").asText().equals("BatchNormalization")
                ? normalization(name, layer)
                : operation(name, layer);
        positions.put(name, layers.size());
        layers.add(new Layer(name, operation, inputs(layer)));
    }

    private Operation operation(String name, JsonNode layer) {
        JsonNode config = layer.path("config");
        String kind = layer.path("class_name").asText();
        return switch (kind) {
            case "InputLayer" -> new Input();
            case "Conv2D", "DepthwiseConv2D" -> convolution(name, config, kind.equals("DepthwiseConv2D"));
            case "Activation" -> new Activate(activation(name, config));
            case "ReLU" -> new Activate(rectifier(name, config));
            case "ZeroPadding2D" -> zeroPadding(config.path("padding"));
            case "MaxPooling2D" -> new MaxPool(window(name, config, "pool_size"));
            case "AveragePooling2D" -> new AveragePool(window(name, config, "pool_size"));
            case "Concatenate" -> new Concatenation();
            case "Add" -> new Addition();
            case "Flatten" -> new Flattening();
            case "Dropout" -> UNCHANGED;
            case "Dense" -> dense(name, config);
            default -> throw unknown(name, kind);
        };
    }

    private InputException unknown(String name, String what) {
        return new InputException("%s: the layer %s has %s, which is not known here; take another network"
                .formatted(location, name, what));
    }

    private Activation activation(String name, JsonNode config) {
        String activation = config.path("activation").asText("linear");
        return Activation.named(activation).orElseThrow(() -> unknown(name, "the activation " + activation));
    }

    private Activation rectifier(String name, JsonNode config) {
        double most = config.path("max_value").asDouble(Double.POSITIVE_INFINITY);
        if (config.path("negative_slope").asDouble() != 0
                || config.path("threshold").asDouble() != 0) {
            throw unknown(name, "a slope or a threshold");
        }
        if (most != 6 && most != Double.POSITIVE_INFINITY) {
            throw unknown(name, "the largest value " + most);
        }
        return most == 6 ? Activation.RELU6 : Activation.RELU;
    }

    private Window window(String name, JsonNode config, String size) {
        String padding = config.path("padding").asText();
        if (!padding.equals("same") && !padding.equals("valid")) {
            throw unknown(name, "the padding " + padding);
        }
        if (!config.path("data_format").asText("channels_last").equals("channels_last")) {
            throw unknown(name, "the data format " + config.path("data_format").asText());
        }
        for (JsonNode rate : config.path("dilation_rate")) {
            if (rate.asInt() != 1) {
                throw unknown(name, "the dilation rate " + rate.asInt());
            }
        }
        return new Window(
                config.path(size).path(0).asInt(),
                config.path(size).path(1).asInt(),
                config.path("strides").path(0).asInt(),
                config.path("strides").path(1).asInt(),
                padding.equals("same"));
    }

    private Operation convolution(String name, JsonNode config, boolean depthwise) {
        Tensor stored = weights.get(name + (depthwise ? "/depthwise_kernel" : "/kernel"), 4);
        Tensor kernel = kernel(stored, depthwise);
        String bias = name + "/bias";
        return new Convolution(
                kernel,
                weights.contains(bias) ? weights.get(bias, 1) : Torch.full(0, Device.of(kernel), kernel.size(0)),
                window(name, config, "kernel_size"),
                depthwise,
                activation(name, config));
    }

    /** A kernel (height, width, inputs, outputs) as libtorch takes it, its channels innermost. */
    static Tensor kernel(Tensor stored, boolean depthwise) {
        Tensor kernel = depthwise
                ? stored.permute(2, 3, 0, 1).reshape(-1, 1, stored.size(0), stored.size(1))
                : stored.permute(3, 2, 0, 1);
        return kernel.contiguous(MemoryFormat.ChannelsLast);
    }

    private static Operation zeroPadding(JsonNode padding) {
        return new ZeroPadding(new Padding(
                padding.path(0).path(0).asInt(),
                padding.path(0).path(1).asInt(),
                padding.path(1).path(0).asInt(),
                padding.path(1).path(1).asInt()));
    }

    private Operation dense(String name, JsonNode config) {
        return new FullyConnected(
                weights.get(name + "/kernel", 2).t().contiguous(),
                weights.get(name + "/bias", 1),
                activation(name, config));
    }

    private Operation normalization(String name, JsonNode layer) {
        double epsilon = layer.path("config").path("epsilon").asDouble();
        Tensor deviation =
                Torch.plus(weights.get(name + "/moving_variance", 1), epsilon).sqrt();
        Tensor factor = weights.contains(name + "/gamma")
                ? weights.get(name + "/gamma", 1).div(deviation)
                : deviation.reciprocal();
        Tensor shift = weights.get(name + "/moving_mean", 1).mul(factor).neg();
        Tensor summand = weights.contains(name + "/beta")
                ? weights.get(name + "/beta", 1).add(shift)
                : shift;
        String input = inputs(layer).getFirst();
        Integer before = positions.get(input);
        if (before != null
                && readers.getOrDefault(input, 0) == 1
                && layers.get(before).operation() instanceof Convolution convolution
                && convolution.activation() == Activation.LINEAR) {
            Convolution folded = new Convolution(
                    convolution.kernel().mul(factor.view(-1, 1, 1, 1)).contiguous(MemoryFormat.ChannelsLast),
                    convolution.bias().mul(factor).add(summand),
                    convolution.window(),
                    convolution.depthwise(),
                    Activation.LINEAR);
            layers.set(before, new Layer(input, folded, layers.get(before).inputs()));
            return UNCHANGED;
        }
        return new Normalization(factor.view(-1, 1, 1), summand.view(-1, 1, 1));
    }
}
