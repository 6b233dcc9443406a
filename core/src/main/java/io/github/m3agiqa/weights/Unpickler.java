package io.github.m3agiqa.weights;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the pickle of a torch checkpoint as data. It knows the opcodes and globals that torch writes for dictionaries,
 * lists, numbers, strings and tensors; it calls nothing, and anything else is an error.
 *
 * @see <a href="https://github.com/python/cpython/blob/main/Lib/pickletools.py">the opcodes</a>
 */
final class Unpickler {
    /** A pickle that is damaged or that holds something this reader refuses. */
    static final class PickleException extends Exception {
        private static final long serialVersionUID = 1;

        PickleException(String message) {
            super(message);
        }
    }

    /** A stretch of numbers in a file of the archive. */
    record Storage(String type, String key, long elements) {}

    /** A tensor: a strided window into a storage. */
    record TensorReference(Storage storage, long offset, List<Long> shape, List<Long> strides) {}

    /** A global that torch's pickles name; none of them is ever called. */
    private enum Global {
        ORDERED_DICT,
        REBUILD_TENSOR,
        REBUILD_PARAMETER,
        STORAGE_TYPE
    }

    private record NamedGlobal(Global kind, String name) {}

    private enum Marker {
        MARK,
        NONE
    }

    /** A Python tuple, apart from lists. */
    private record Tuple(List<Object> items) {}

    private final ByteBuffer in;
    private final Deque<Object> stack = new ArrayDeque<>();
    private final Map<Integer, Object> memo = new HashMap<>();

    private Unpickler(byte[] pickle) {
        this.in = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Reads a pickle. Dictionaries become {@link Map} with strings and numbers as keys, lists {@link List}, integers
     * {@link Long}, floats {@link Double}, strings {@link String}, tensors {@link TensorReference}; None and tuples
     * become values of private types.
     */
    static Object read(byte[] pickle) throws PickleException {
        try {
            return new Unpickler(pickle).run();
        } catch (BufferUnderflowException _) {
            throw new PickleException("the pickle ends in the middle");
        }
    }

    private Object run() throws PickleException {
        while (true) {
            int opcode = in.get() & 0xff;
            switch (opcode) {
                case 0x80 -> { // PROTO
                    int version = in.get();
                    if (version < 2 || version > 5) {
                        throw new PickleException("pickle protocol %d is not read".formatted(version));
                    }
                }
                case '.' -> { // STOP
                    return pop();
                }
                case '(' -> push(Marker.MARK);
                case 'N' -> push(Marker.NONE);
                case 0x88 -> push(true);
                case 0x89 -> push(false);
                case 'J' -> push((long) in.getInt());
                case 'K' -> push((long) (in.get() & 0xff));
                case 'M' -> push((long) (in.getShort() & 0xffff));
                case 0x8a -> push(longOf(in.get() & 0xff)); // LONG1
                case 'G' -> push(bigEndianDouble());
                case 'X' -> push(string(in.getInt())); // BINUNICODE
                case 0x8c -> push(string(in.get() & 0xff)); // SHORT_BINUNICODE
                case '}' -> push(new LinkedHashMap<Object, Object>());
                case ']' -> push(new ArrayList<Object>());
                case ')' -> push(new Tuple(List.of()));
                case 't' -> push(new Tuple(popToMark())); // TUPLE
                case 0x85 -> push(tuple(1));
                case 0x86 -> push(tuple(2));
                case 0x87 -> push(tuple(3));
                case 'q' -> memo.put(in.get() & 0xff, peek()); // BINPUT
                case 'r' -> memo.put(in.getInt(), peek()); // LONG_BINPUT
                case 0x94 -> memo.put(memo.size(), peek()); // MEMOIZE
                case 'h' -> push(recall(in.get() & 0xff)); // BINGET
                case 'j' -> push(recall(in.getInt())); // LONG_BINGET
                case 'c' -> push(global(line(), line())); // GLOBAL
                case 'Q' -> push(storage(pop())); // BINPERSID
                case 'R' -> reduce();
                case 'b' -> build();
                case 's' -> setItems(List.of(popBelow(), pop())); // SETITEM
                case 'u' -> setItems(popToMark()); // SETITEMS
                case 'a' -> append(List.of(pop())); // APPEND
                case 'e' -> append(popToMark()); // APPENDS
                default ->
                    throw new PickleException(
                            "opcode 0x%02x at byte %d is refused".formatted(opcode, in.position() - 1));
            }
        }
    }

    private void push(Object value) {
        stack.push(value);
    }

    private Object pop() throws PickleException {
        Object value = stack.poll();
        if (value == null || value == Marker.MARK) {
            throw new PickleException("the pickle's stack is empty at byte " + in.position());
        }
        return value;
    }

    /** Pops the second value from the top, so that key and value come out in the order they went in. */
    private Object popBelow() throws PickleException {
        Object top = pop();
        Object below = pop();
        push(top);
        return below;
    }

    private Object peek() throws PickleException {
        Object value = pop();
        push(value);
        return value;
    }

    private List<Object> popToMark() throws PickleException {
        Deque<Object> items = new ArrayDeque<>();
        while (true) {
            Object value = stack.poll();
            if (value == null) {
                throw new PickleException("the pickle lacks a mark before byte " + in.position());
            }
            if (value == Marker.MARK) {
                return new ArrayList<>(items);
            }
            items.push(value);
        }
    }

    private Tuple tuple(int size) throws PickleException {
        Object[] items = new Object[size];
        for (int i = size - 1; i >= 0; i--) {
            items[i] = pop();
        }
        return new Tuple(Arrays.asList(items));
    }

    private Object recall(int index) throws PickleException {
        Object value = memo.get(index);
        if (value == null) {
            throw new PickleException("the pickle recalls entry %d, which it never stored".formatted(index));
        }
        return value;
    }

    private double bigEndianDouble() {
        return Double.longBitsToDouble(Long.reverseBytes(in.getLong()));
    }

    private long longOf(int bytes) throws PickleException {
        if (bytes > 8) {
            throw new PickleException("an integer of %d bytes is refused".formatted(bytes));
        }
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            long next = in.get();
            value |= (i == bytes - 1 ? next : next & 0xff) << (8 * i);
        }
        return value;
    }

    private String string(int length) throws PickleException {
        if (length < 0 || length > in.remaining()) {
            throw new PickleException(
                    "a string of %s bytes at byte %d".formatted(Integer.toUnsignedString(length), in.position()));
        }
        ByteBuffer bytes = in.slice(in.position(), length);
        in.position(in.position() + length);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException _) {
            throw new PickleException("a string before byte %d is not UTF-8".formatted(in.position()));
        }
    }

    private String line() throws PickleException {
        StringBuilder line = new StringBuilder();
        for (char c = (char) (in.get() & 0xff); c != '\n'; c = (char) (in.get() & 0xff)) {
            line.append(c);
            if (line.length() > 200) {
                throw new PickleException("a global's name is longer than 200 characters");
            }
        }
        return line.toString();
    }

    private static NamedGlobal global(String module, String name) throws PickleException {
        Global kind = switch (module + "." + name) {
            case "collections.OrderedDict" -> Global.ORDERED_DICT;
            case "torch._utils._rebuild_tensor_v2" -> Global.REBUILD_TENSOR;
            case "torch._utils._rebuild_parameter" -> Global.REBUILD_PARAMETER;
            case "torch.DoubleStorage",
                    "torch.FloatStorage",
                    "torch.HalfStorage",
                    "torch.BFloat16Storage",
                    "torch.LongStorage",
                    "torch.IntStorage",
                    "torch.ShortStorage",
                    "torch.CharStorage",
                    "torch.ByteStorage",
                    "torch.BoolStorage" -> Global.STORAGE_TYPE;
            default ->
                throw new PickleException(
                        "the global %s.%s is refused: reading a checkpoint never runs code".formatted(module, name));
        };
        return new NamedGlobal(kind, name);
    }

    /** {@code ('storage', torch.FloatStorage, key, location, elements)}; the location is where it was saved from. */
    private static Storage storage(Object id) throws PickleException {
        if (id instanceof Tuple(List<Object> items)
                && items.size() == 5
                && "storage".equals(items.get(0))
                && items.get(1) instanceof NamedGlobal(Global kind, String type)
                && kind == Global.STORAGE_TYPE
                && items.get(2) instanceof String key
                && items.get(4) instanceof Long elements
                && elements >= 0) {
            return new Storage(type, key, elements);
        }
        throw new PickleException("a persistent id is no storage");
    }

    private void reduce() throws PickleException {
        Object arguments = pop();
        Object callable = pop();
        if (!(callable instanceof NamedGlobal(Global kind, String name)) || !(arguments instanceof Tuple(var items))) {
            throw new PickleException("a call at byte %d is refused".formatted(in.position()));
        }
        switch (kind) {
            case ORDERED_DICT -> {
                if (!items.isEmpty()) {
                    throw new PickleException("an OrderedDict with arguments is refused");
                }
                push(new LinkedHashMap<Object, Object>());
            }
            case REBUILD_TENSOR -> push(tensor(items));
            case REBUILD_PARAMETER -> {
                if (items.isEmpty() || !(items.get(0) instanceof TensorReference data)) {
                    throw new PickleException("a parameter without a tensor");
                }
                push(data);
            }
            case STORAGE_TYPE -> throw new PickleException("a call of torch.%s is refused".formatted(name));
        }
    }

    private static TensorReference tensor(List<Object> arguments) throws PickleException {
        if (arguments.size() >= 4
                && arguments.get(0) instanceof Storage storage
                && arguments.get(1) instanceof Long offset
                && arguments.get(2) instanceof Tuple(var shape)
                && arguments.get(3) instanceof Tuple(var strides)
                && shape.size() == strides.size()) {
            return new TensorReference(storage, offset, longs(shape), longs(strides));
        }
        throw new PickleException("a tensor's description is damaged");
    }

    private static List<Long> longs(List<Object> items) throws PickleException {
        List<Long> longs = new ArrayList<>();
        for (Object item : items) {
            if (!(item instanceof Long number) || number < 0) {
                throw new PickleException("a tensor has the side or stride " + (item instanceof Long ? item : "?"));
            }
            longs.add(number);
        }
        return longs;
    }

    /** An object's attributes, such as a state dict's {@code _metadata}: known objects need none of them. */
    private void build() throws PickleException {
        pop();
        if (!(peek() instanceof Map)) {
            throw new PickleException(
                    "attributes of an unknown object at byte %d are refused".formatted(in.position()));
        }
    }

    @SuppressWarnings("unchecked")
    private void setItems(List<Object> items) throws PickleException {
        if (!(peek() instanceof Map<?, ?> map) || items.size() % 2 != 0) {
            throw new PickleException("items for something that is no dictionary at byte " + in.position());
        }
        for (int i = 0; i < items.size(); i += 2) {
            Object key = items.get(i);
            // a container as key could contain itself
            if (!(key instanceof String || key instanceof Long || key instanceof Double || key instanceof Boolean)) {
                throw new PickleException("a dictionary key that is no string or number at byte " + in.position());
            }
            ((Map<Object, Object>) map).put(key, items.get(i + 1));
        }
    }

    @SuppressWarnings("unchecked")
    private void append(List<Object> items) throws PickleException {
        if (!(peek() instanceof List<?> list)) {
            throw new PickleException("items for something that is no list at byte " + in.position());
        }
        ((List<Object>) list).addAll(items);
    }
}
