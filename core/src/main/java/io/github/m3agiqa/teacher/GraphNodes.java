package io.github.m3agiqa.teacher;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.teacher.Operation.Activate;
import io.github.m3agiqa.teacher.Operation.Addition;
import io.github.m3agiqa.teacher.Operation.AveragePool;
import io.github.m3agiqa.teacher.Operation.Convolution;
import io.github.m3agiqa.teacher.Operation.Flattening;
import io.github.m3agiqa.teacher.Operation.FullyConnected;
import io.github.m3agiqa.teacher.Operation.Input;
import io.github.m3agiqa.teacher.Operation.Shift;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/** The layers of a frozen TensorFlow graph as TensorFlow.js stores it, with batch norms already in its convolutions. */
final class GraphNodes {
    private static final Activate UNCHANGED = new Activate(Activation.LINEAR);

    private final String location;
    private final PackedWeights weights;
    private final Map<String, JsonNode> nodes = new LinkedHashMap<>();
    private final List<Layer> layers = new ArrayList<>();
    private final Set<String> added = new HashSet<>();

    private GraphNodes(String location, PackedWeights weights) {
        this.location = location;
        this.weights = weights;
    }

    /**
     * Reads the nodes that compute, in an order in which they can be run.
     *
     * @param nodes what the topology lists
     * @throws InputException naming a node that is not known here
     */
    static List<Layer> read(String location, JsonNode nodes, PackedWeights weights) {
        GraphNodes reader = new GraphNodes(location, weights);
        nodes.forEach(node -> reader.nodes.put(node.path("name").asText(), node));
        reader.nodes.keySet().forEach(reader::add);
        return reader.layers;
    }

    private void add(String name) {
        JsonNode node = nodes.get(name);
        if (node == null) {
            throw new InputException("%s: it has no node %s; unpack the package again".formatted(location, name));
        }
        if (isConstant(name) || !added.add(name)) {
            return;
        }
        List<String> inputs = new ArrayList<>();
        node.path("input").forEach(input -> inputs.add(input.asText()));
        inputs.forEach(this::add);
        Operation operation = operation(name, node, inputs);
        inputs.removeIf(this::isConstant);
        layers.add(new Layer(name, operation, inputs));
    }

    private boolean isConstant(String name) {
        JsonNode node = nodes.get(name);
        return node != null && node.path("op").asText().equals("Const");
    }

    private Operation operation(String name, JsonNode node, List<String> inputs) {
        String kind = node.path("op").asText();
        return switch (kind) {
            case "Placeholder" -> new Input();
            case "_FusedConv2D" -> convolution(name, node, inputs, false);
            case "FusedDepthwiseConv2dNative" -> convolution(name, node, inputs, true);
            case "AddV2" -> new Addition();
            case "Mul" -> new Shift(constant(name, inputs), 0);
            case "Sub" -> difference(name, inputs);
            case "AvgPool" -> new AveragePool(window(name, node, numbers(node, "ksize")));
            case "Squeeze" -> new Flattening();
            case "_FusedMatMul" ->
                new FullyConnected(
                        weights.get(inputs.get(1), 2).t().contiguous(),
                        weights.get(inputs.get(2), 1),
                        activation(name, node));
            case "Softmax" -> new Activate(Activation.SOFTMAX);
            case "Identity" -> UNCHANGED;
            default -> throw unknown(name, kind);
        };
    }

    private InputException unknown(String name, String what) {
        return new InputException("%s: the node %s has %s, which is not known here; take another network"
                .formatted(location, name, what));
    }

    private double constant(String name, List<String> inputs) {
        String constant =
                inputs.stream().filter(this::isConstant).findFirst().orElseThrow(() -> unknown(name, "no constant"));
        return weights.get(constant, 0).item_float();
    }

    private Operation difference(String name, List<String> inputs) {
        if (!isConstant(inputs.getLast())) {
            throw unknown(name, "a first operand that is constant");
        }
        return new Shift(1, -constant(name, inputs));
    }

    private Operation convolution(String name, JsonNode node, List<String> inputs, boolean depthwise) {
        Tensor stored = weights.get(inputs.get(1), 4);
        List<Integer> size = List.of(1, (int) stored.size(0), (int) stored.size(1), 1);
        return new Convolution(
                KerasLayers.kernel(stored, depthwise),
                weights.get(inputs.get(2), 1),
                window(name, node, size),
                depthwise,
                activation(name, node));
    }

    private Window window(String name, JsonNode node, List<Integer> size) {
        String padding = text(node.path("attr").path("padding").path("s"));
        if (!padding.equals("SAME") && !padding.equals("VALID")) {
            throw unknown(name, "the padding " + padding);
        }
        String format = text(node.path("attr").path("data_format").path("s"));
        if (!format.equals("NHWC")) {
            throw unknown(name, "the data format " + format);
        }
        if (numbers(node, "dilations").stream().anyMatch(rate -> rate != 1)) {
            throw unknown(name, "the dilations " + numbers(node, "dilations"));
        }
        List<Integer> strides = numbers(node, "strides");
        if (size.size() != 4 || strides.size() != 4) {
            throw unknown(name, "a window of %s and strides of %s".formatted(size, strides));
        }
        return new Window(size.get(1), size.get(2), strides.get(1), strides.get(2), padding.equals("SAME"));
    }

    private Activation activation(String name, JsonNode node) {
        List<String> fused = new ArrayList<>();
        node.path("attr").path("fused_ops").path("list").path("s").forEach(operation -> fused.add(text(operation)));
        return switch (String.join("+", fused)) {
            case "BiasAdd" -> Activation.LINEAR;
            case "BiasAdd+Relu" -> Activation.RELU;
            case "BiasAdd+Relu6" -> Activation.RELU6;
            default -> throw unknown(name, "the fused operations " + fused);
        };
    }

    private static String text(JsonNode base64) {
        return new String(Base64.getDecoder().decode(base64.asText()), StandardCharsets.UTF_8);
    }

    private static List<Integer> numbers(JsonNode node, String attribute) {
        List<Integer> numbers = new ArrayList<>();
        node.path("attr").path(attribute).path("list").path("i").forEach(number -> numbers.add(number.asInt()));
        return numbers;
    }
}
