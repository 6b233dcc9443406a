package io.github.m3agiqa.testing;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.Random;

/** Writes small networks in the form in which the npm package carries its own. */
public final class ScriptPackage {
    private static final ObjectMapper JSON = new ObjectMapper();

    public final ArrayNode layers = JSON.createArrayNode();
    public final ArrayNode nodes = JSON.createArrayNode();
    public final ArrayNode weights = JSON.createArrayNode();
    public final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final Random random;

    public ScriptPackage(long seed) {
        this.random = new Random(seed);
    }

    /** Adds a Keras layer; its configuration is JSON with single quotes. */
    public ScriptPackage layer(String kind, String name, String config, String... inputs) {
        ObjectNode layer = layers.addObject().put("name", name).put("class_name", kind);
        layer.set("config", parse(config));
        ArrayNode inbound = layer.putArray("inbound_nodes");
        if (inputs.length > 0) {
            ArrayNode node = inbound.addArray();
            Arrays.stream(inputs)
                    .forEach(input -> node.addArray().add(input).add(0).add(0).addObject());
        }
        return this;
    }

    /** Adds a node of a graph; its attributes are JSON with single quotes. */
    public ScriptPackage node(String kind, String name, String attributes, String... inputs) {
        ObjectNode node = nodes.addObject().put("name", name).put("op", kind);
        Arrays.stream(inputs).forEach(node.withArray("input")::add);
        node.set("attr", parse(attributes));
        return this;
    }

    private static JsonNode parse(String json) {
        try {
            return JSON.readTree(json.replace('\'', '"'));
        } catch (JsonProcessingException e) {
            throw new AssertionError(e);
        }
    }

    /** Adds a random weight from -1 to 1 (a variance from 0.5 to 1.5) and tells its numbers as they will be read. */
    public float[] weight(String name, String type, int... shape) {
        int count = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        boolean positive = name.endsWith("moving_variance");
        double least = positive ? 0.5 : -1;
        double scale = (positive ? 1.0 : 2.0) / (type.equals("uint16") ? 65535 : 255);
        ObjectNode entry = weights.addObject().put("name", name).put("dtype", "float32");
        ArrayNode sides = entry.putArray("shape");
        Arrays.stream(shape).forEach(sides::add);
        ObjectNode quantization = JSON.createObjectNode().put("dtype", type);
        ByteBuffer stored = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            switch (type) {
                case "uint8" -> {
                    int code = random.nextInt(256);
                    stored.put((byte) code);
                    numbers[i] = (float) (code * scale + least);
                }
                case "uint16" -> {
                    int code = random.nextInt(65536);
                    stored.putShort((short) code);
                    numbers[i] = (float) (code * scale + least);
                }
                case "float16" -> {
                    short code = Float.floatToFloat16((float) (2 * random.nextDouble() - 1));
                    stored.putShort(code);
                    numbers[i] = Float.float16ToFloat(code);
                }
                default -> {
                    numbers[i] = (float) (2 * random.nextDouble() - 1);
                    stored.putFloat(numbers[i]);
                }
            }
        }
        if (type.startsWith("uint")) {
            quantization.put("min", least).put("scale", scale);
        }
        if (!type.equals("float32")) {
            entry.set("quantization", quantization);
        }
        bytes.write(stored.array(), 0, stored.position());
        return numbers;
    }

    /** Adds a scalar. */
    public void scalar(String name, float number) {
        weights.addObject().put("name", name).put("dtype", "float32").putArray("shape");
        bytes.writeBytes(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putFloat(number)
                .array());
    }

    /** Writes the model and two shards. */
    public Path write(Path folder) throws IOException {
        Files.createDirectories(folder);
        ObjectNode root = JSON.createObjectNode();
        ObjectNode topology = root.putObject("modelTopology");
        if (nodes.isEmpty()) {
            topology.putObject("model_config").putObject("config").set("layers", layers);
        } else {
            topology.set("node", nodes);
        }
        ObjectNode group = root.putArray("weightsManifest").addObject();
        group.putArray("paths").add("group1-shard1of2").add("group1-shard2of2");
        group.set("weights", weights);
        module(folder.resolve("model.min.js"), literal(JSON.writeValueAsString(root)));
        byte[] all = bytes.toByteArray();
        int half = Math.min(all.length, all.length / 2 + 1); // inside a weight
        shard(folder, 1, Arrays.copyOfRange(all, 0, half));
        shard(folder, 2, Arrays.copyOfRange(all, half, all.length));
        return folder;
    }

    public static void shard(Path folder, int number, byte[] bytes) throws IOException {
        module(
                folder.resolve("group1-shard%dof2.min.js".formatted(number)),
                "\"%s\"".formatted(Base64.getEncoder().encodeToString(bytes)));
    }

    /** A literal as a minifier writes it: bare names, {@code !0} for true, no zero before a point. */
    private static String literal(String json) {
        return json.replaceAll("\"([a-zA-Z_][a-zA-Z_0-9]*)\":", "$1:")
                .replace(":true", ":!0")
                .replace(":false", ":!1")
                .replaceAll("([:,\\[]-?)0\\.", "$1.");
    }

    public static void module(Path file, String literal) throws IOException {
        Files.writeString(
                file,
                "!function(d){if(\"object\"==typeof exports&&\"undefined\"!=typeof module)module.exports=d()}(function()"
                        + "{return function a(n,i,e){var c=i[o]={exports:{}};return t}({1:[function(a,n,i){n.exports="
                        + literal + "},{}]},{},[1])(1)});");
    }
}
