package io.github.m3agiqa.weights;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.JsonProblem;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.MappedFile;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * One file in the safetensors format: eight bytes of header length, a JSON header, the tensors' bytes end to end.
 *
 * @see <a href="https://huggingface.co/docs/safetensors">the format</a>
 */
public final class SafetensorsFile implements TensorSource {
    private static final int MAX_HEADER_BYTES = 100_000_000;
    private static final String METADATA = "__metadata__";
    private static final ObjectMapper JSON = new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

    private final MappedFile file;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    private final Map<String, Long> offsets = new LinkedHashMap<>();

    /**
     * Opens a file and reads its header.
     *
     * @throws ModelException if the file is missing or its header is damaged
     */
    public SafetensorsFile(Path path) {
        try {
            this.file = new MappedFile(path);
        } catch (NoSuchFileException e) {
            throw new ModelException("%s: no such file".formatted(path), e);
        } catch (IOException e) {
            throw new ModelException("%s: cannot be opened: %s".formatted(path, e.getMessage()), e);
        }
        try {
            readHeader();
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private void readHeader() {
        if (file.size() < 8) {
            throw damaged("it has %d bytes, too few for a header".formatted(file.size()));
        }
        long headerBytes = bytes(0, 8).get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
        if (headerBytes < 2 || headerBytes > MAX_HEADER_BYTES || headerBytes > file.size() - 8) {
            throw damaged("a header of %s bytes does not fit into %d bytes of file"
                    .formatted(Long.toUnsignedString(headerBytes), file.size()));
        }
        JsonNode header;
        try {
            header = JSON.readTree(bytes(8, headerBytes).toArray(ValueLayout.JAVA_BYTE));
        } catch (JsonProcessingException e) {
            throw damaged("its header is not JSON: " + JsonProblem.of(e));
        } catch (IOException e) {
            throw damaged("its header cannot be read: " + e.getMessage());
        }
        if (!header.isObject()) {
            throw damaged("its header is not a JSON object");
        }
        long dataStart = 8 + headerBytes;
        long dataBytes = file.size() - dataStart;
        List<Range> ranges = new ArrayList<>();
        header.properties().forEach(entry -> {
            if (!entry.getKey().equals(METADATA)) {
                ranges.add(readEntry(entry.getKey(), entry.getValue(), dataStart));
            }
        });
        ranges.sort(Comparator.comparingLong(Range::begin).thenComparingLong(Range::end));
        long expected = 0;
        for (Range range : ranges) {
            if (range.begin != expected) {
                throw damaged("tensor %s starts at %d, the one before it ends at %d"
                        .formatted(range.name, range.begin, expected));
            }
            expected = range.end;
        }
        if (expected != dataBytes) {
            throw damaged("its tensors take %d bytes, the file holds %d (an incomplete download?)"
                    .formatted(expected, dataBytes));
        }
    }

    private record Range(String name, long begin, long end) {}

    private Range readEntry(String name, JsonNode entry, long dataStart) {
        String dtypeName = entry.path("dtype").asText();
        Dtype dtype = Dtype.named(dtypeName)
                .orElseThrow(() -> damaged("tensor %s has the unknown dtype '%s'".formatted(name, dtypeName)));
        List<Long> shape = numbers(name, entry, "shape");
        List<Long> range = numbers(name, entry, "data_offsets");
        if (range.size() != 2 || range.get(0) > range.get(1)) {
            throw damaged("tensor %s has the data_offsets %s".formatted(name, range));
        }
        long begin = range.get(0);
        long end = range.get(1);
        TensorInfo info = new TensorInfo(dtype, shape);
        long bytes;
        try {
            bytes = Math.multiplyExact(info.elements(), dtype.bytes());
        } catch (ArithmeticException _) {
            throw damaged("tensor %s has the impossible shape %s".formatted(name, shape));
        }
        if (bytes != end - begin) {
            throw damaged("tensor %s of shape %s needs %d bytes and has %d".formatted(name, shape, bytes, end - begin));
        }
        tensors.put(name, info);
        offsets.put(name, dataStart + begin);
        return new Range(name, begin, end);
    }

    private List<Long> numbers(String tensor, JsonNode entry, String field) {
        List<Long> numbers = new ArrayList<>();
        JsonNode array = entry.path(field);
        if (!array.isArray()) {
            throw damaged("tensor %s has no %s".formatted(tensor, field));
        }
        for (JsonNode number : array) {
            if (!number.canConvertToLong() || !number.isIntegralNumber() || number.longValue() < 0) {
                throw damaged("tensor %s has %s in its %s".formatted(tensor, number, field));
            }
            numbers.add(number.longValue());
        }
        return numbers;
    }

    private java.lang.foreign.MemorySegment bytes(long offset, long length) {
        try {
            return file.map(offset, length);
        } catch (IOException e) {
            throw damaged("cannot be read: " + e.getMessage());
        }
    }

    private ModelException damaged(String why) {
        return new ModelException("%s is not a valid safetensors file: %s".formatted(file.path(), why));
    }

    @Override
    public String location() {
        return file.path().toString();
    }

    @Override
    public Map<String, TensorInfo> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    @Override
    public Tensor load(String name, Dtype wanted, Device device) {
        TensorInfo info = tensors.get(name);
        Long offset = offsets.get(name);
        if (info == null || offset == null) {
            throw new ModelException("%s has no tensor %s".formatted(location(), name));
        }
        try {
            boolean asStored = device.isCpu() && wanted == info.dtype() && offset % wanted.bytes() == 0;
            return asStored
                    ? file.tensor(offset, wanted, info.sides())
                    : file.read(offset, info.dtype(), wanted, device, info.sides());
        } catch (IOException e) {
            throw new ModelException("%s: tensor %s cannot be read: %s".formatted(location(), name, e.getMessage()), e);
        }
    }

    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
