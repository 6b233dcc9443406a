package io.github.m3agiqa.weights;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Unpickler.PickleException;
import io.github.m3agiqa.weights.Unpickler.Storage;
import io.github.m3agiqa.weights.Unpickler.TensorReference;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.bytedeco.pytorch.Tensor;

/**
 * The tensors of a torch or Lightning checkpoint ({@code .ckpt}, {@code .pt}): a zip of one pickle and one file a
 * storage. Only the {@code state_dict} is offered; optimizer states are never read. Nothing in the file is executed.
 */
public final class TorchCheckpoint implements TensorSource {
    private static final int MAX_PICKLE_BYTES = 64 << 20;
    private static final String PICKLE = "data.pkl";

    private final Path path;
    private final ZipFile zip;
    private final String root;
    private final Map<String, TensorReference> references = new LinkedHashMap<>();
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    /**
     * Opens a checkpoint and reads its pickle.
     *
     * @throws ModelException if the file is missing, damaged, or holds a pickle that is refused
     */
    public TorchCheckpoint(Path path) {
        this.path = path;
        try {
            this.zip = new ZipFile(path.toFile());
        } catch (NoSuchFileException e) {
            throw new ModelException("%s: no such file".formatted(path), e);
        } catch (IOException | IllegalArgumentException e) {
            throw damaged("it is no zip archive: " + e.getMessage());
        }
        try {
            this.root = readStateDict();
        } catch (IOException | PickleException e) {
            close();
            throw damaged(String.valueOf(e.getMessage()));
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** Returns the prefix of all entries, such as {@code archive/}. */
    private String readStateDict() throws IOException, PickleException {
        ZipEntry pickle = zip.stream()
                .filter(entry ->
                        entry.getName().equals(PICKLE) || entry.getName().matches("[^/]+/" + PICKLE))
                .findFirst()
                .orElseThrow(() -> damaged("it has no " + PICKLE));
        String prefix = pickle.getName().substring(0, pickle.getName().length() - PICKLE.length());
        ZipEntry byteOrder = zip.getEntry(prefix + "byteorder");
        if (byteOrder != null
                && !new String(stored(byteOrder, 16), StandardCharsets.US_ASCII)
                        .strip()
                        .equals("little")) {
            throw damaged("it was written on a big-endian machine");
        }
        Object content = Unpickler.read(stored(pickle, MAX_PICKLE_BYTES));
        if (!(content instanceof Map<?, ?> dictionary)) {
            throw damaged("it holds no dictionary");
        }
        Object stateDict = dictionary.containsKey("state_dict") ? dictionary.get("state_dict") : dictionary;
        if (!(stateDict instanceof Map<?, ?> state)) {
            throw damaged("its state_dict is no dictionary");
        }
        for (var entry : state.entrySet()) {
            if (entry.getKey() instanceof String name && entry.getValue() instanceof TensorReference reference) {
                tensors.put(name, checked(name, reference));
                references.put(name, reference);
            }
        }
        return prefix;
    }

    private TensorInfo checked(String name, TensorReference reference) {
        TensorInfo info = new TensorInfo(dtype(reference.storage()), reference.shape());
        try {
            long end = Math.addExact(reference.offset(), info.elements() == 0 ? 0 : 1);
            for (int i = 0; i < info.shape().size() && info.elements() > 0; i++) {
                long reach = Math.multiplyExact(
                        info.shape().get(i) - 1, reference.strides().get(i));
                end = Math.addExact(end, reach);
            }
            Math.multiplyExact(info.elements(), info.dtype().bytes());
            if (reference.offset() < 0 || end > reference.storage().elements()) {
                throw damaged("tensor %s of shape %s reaches beyond its storage".formatted(name, info.shape()));
            }
            // a stride of zero makes a huge tensor of a few bytes
            if (info.elements() > reference.storage().elements()) {
                throw damaged("tensor %s of shape %s is larger than its storage".formatted(name, info.shape()));
            }
        } catch (ArithmeticException _) {
            throw damaged("tensor %s has the impossible shape %s".formatted(name, info.shape()));
        }
        return info;
    }

    private static Dtype dtype(Storage storage) {
        return switch (storage.type()) {
            case "DoubleStorage" -> Dtype.F64;
            case "FloatStorage" -> Dtype.F32;
            case "HalfStorage" -> Dtype.F16;
            case "BFloat16Storage" -> Dtype.BF16;
            case "LongStorage" -> Dtype.I64;
            case "IntStorage" -> Dtype.I32;
            case "ShortStorage" -> Dtype.I16;
            case "CharStorage" -> Dtype.I8;
            case "ByteStorage" -> Dtype.U8;
            case "BoolStorage" -> Dtype.BOOL;
            default -> throw new IllegalStateException(storage.type());
        };
    }

    private byte[] stored(ZipEntry entry, int maxBytes) throws IOException {
        if (entry.getMethod() != ZipEntry.STORED || entry.getSize() > maxBytes) {
            throw damaged("its entry %s is compressed or larger than %d bytes".formatted(entry.getName(), maxBytes));
        }
        try (InputStream in = zip.getInputStream(entry)) {
            return in.readNBytes(maxBytes);
        }
    }

    private ModelException damaged(String why) {
        return new ModelException("%s is not a readable torch checkpoint: %s".formatted(path, why));
    }

    @Override
    public String location() {
        return path.toString();
    }

    @Override
    public Map<String, TensorInfo> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    @Override
    public Tensor load(String name, Dtype wanted, Device device) {
        TensorReference reference = references.get(name);
        TensorInfo info = tensors.get(name);
        if (reference == null || info == null) {
            throw new ModelException("%s has no tensor %s".formatted(path, name));
        }
        try (Scope scope = new Scope()) {
            Tensor window = readStorage(reference.storage(), info.dtype())
                    .as_strided(info.sides(), Torch.sides(reference.strides()), Torch.optional(reference.offset()));
            return scope.keep(Torch.to(window.contiguous(), wanted, device));
        } catch (IOException e) {
            throw new ModelException("%s: tensor %s cannot be read: %s".formatted(path, name, e.getMessage()), e);
        }
    }

    private Tensor readStorage(Storage storage, Dtype dtype) throws IOException {
        ZipEntry entry = zip.getEntry(root + "data/" + storage.key());
        long bytes = Math.multiplyExact(storage.elements(), dtype.bytes());
        if (entry == null || entry.getMethod() != ZipEntry.STORED || entry.getSize() != bytes) {
            throw new IOException("its storage %s is missing or has not %d bytes".formatted(storage.key(), bytes));
        }
        Tensor tensor = Torch.empty(dtype, List.of(storage.elements()));
        CRC32 crc = new CRC32();
        try (InputStream in = zip.getInputStream(entry)) {
            byte[] chunk = new byte[1 << 20];
            for (long at = 0; at < bytes; ) {
                int read = in.readNBytes(chunk, 0, (int) Math.min(chunk.length, bytes - at));
                if (read == 0) {
                    throw new IOException("its storage %s ends early".formatted(storage.key()));
                }
                crc.update(chunk, 0, read);
                ByteBuffer target = Torch.bytes(tensor, at, read);
                target.put(chunk, 0, read);
                at += read;
            }
        }
        if (crc.getValue() != entry.getCrc()) {
            throw new IOException("its storage %s has the wrong checksum (a damaged file?)".formatted(storage.key()));
        }
        return tensor;
    }

    @Override
    public void close() {
        try {
            zip.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
