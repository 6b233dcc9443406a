package io.github.m3agiqa.testing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Builds torch checkpoints byte by byte, right ones and wrong ones. */
public final class TorchZip {
    private final Map<String, byte[]> entries = new LinkedHashMap<>();
    private final ByteArrayOutputStream pickle = new ByteArrayOutputStream();
    private boolean deflated;
    private int storages;

    /** Starts the pickle of a Lightning checkpoint, up to the open state dict. */
    public TorchZip() {
        bytes(0x80, 2, '}', '(').string("epoch").bytes('K', 3).string("state_dict");
        global("collections", "OrderedDict").bytes(')', 'R', '(');
    }

    /** A float32 tensor of the state dict. */
    public TorchZip tensor(String name, float[] numbers, int... shape) {
        ByteBuffer data = ByteBuffer.allocate(4 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
        data.asFloatBuffer().put(numbers);
        string(name);
        return tensor("FloatStorage", data.array(), numbers.length, 0, shape, contiguous(shape));
    }

    /** A tensor with everything stated; its name has been written. */
    public TorchZip tensor(String type, byte[] data, int elements, long offset, int[] shape, int[] strides) {
        String key = String.valueOf(storages++);
        entries.put("archive/data/" + key, data);
        global("torch._utils", "_rebuild_tensor_v2").bytes('(', '(').string("storage");
        global("torch", type).string(key).string("cuda:0").integer(elements).bytes('t', 'Q');
        longInteger(offset).integers(shape).integers(strides).bytes(0x89);
        return global("collections", "OrderedDict").bytes(')', 'R', 't', 'R');
    }

    public TorchZip bytes(int... bytes) {
        for (int b : bytes) {
            pickle.write(b);
        }
        return this;
    }

    public TorchZip string(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        bytes('X').littleEndian(utf8.length);
        pickle.writeBytes(utf8);
        return this;
    }

    public TorchZip global(String module, String name) {
        bytes('c');
        pickle.writeBytes((module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
        return this;
    }

    public TorchZip integer(int number) {
        return bytes('J').littleEndian(number);
    }

    private TorchZip longInteger(long number) {
        bytes(0x8a, Long.BYTES);
        return littleEndian((int) number).littleEndian((int) (number >> Integer.SIZE));
    }

    private TorchZip integers(int... numbers) {
        bytes('(');
        for (int number : numbers) {
            integer(number);
        }
        return bytes('t');
    }

    private TorchZip littleEndian(int number) {
        return bytes(number & 0xff, number >> 8 & 0xff, number >> 16 & 0xff, number >> 24 & 0xff);
    }

    private static int[] contiguous(int... shape) {
        int[] strides = new int[shape.length];
        int stride = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= shape[i];
        }
        return strides;
    }

    /** Adds or replaces an entry of the archive. */
    public TorchZip entry(String name, byte[] content) {
        entries.put(name, content);
        return this;
    }

    /** Compresses all entries, which torch never does. */
    public TorchZip deflated() {
        deflated = true;
        return this;
    }

    /** Closes the state dict and the dictionary around it. */
    public byte[] finish() throws IOException {
        bytes('u', 'u', '.');
        return archive();
    }

    /** The pickle so far. */
    public byte[] pickle() {
        return pickle.toByteArray();
    }

    /** The archive with the pickle as it is. */
    public byte[] archive() throws IOException {
        Map<String, byte[]> all = new LinkedHashMap<>();
        all.put("archive/data.pkl", pickle.toByteArray());
        all.put("archive/byteorder", "little".getBytes(StandardCharsets.US_ASCII));
        all.putAll(entries);
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(file)) {
            for (var entry : all.entrySet()) {
                ZipEntry header = new ZipEntry(entry.getKey());
                if (!deflated) {
                    CRC32 crc = new CRC32();
                    crc.update(entry.getValue());
                    header.setMethod(ZipEntry.STORED);
                    header.setSize(entry.getValue().length);
                    header.setCrc(crc.getValue());
                }
                zip.putNextEntry(header);
                zip.write(entry.getValue());
                zip.closeEntry();
            }
        }
        return file.toByteArray();
    }
}
