package io.github.m3agiqa.tensor;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/**
 * A file of tensors that the operating system reads when they are used.
 *
 * <p>A tensor of this file has no memory of its own, must not be written to, and must not be used after the file is
 * closed.
 */
public final class MappedFile implements AutoCloseable {
    private final Path path;
    private final FileChannel channel;
    private final long size;
    private final Arena arena = Arena.ofShared();

    public MappedFile(Path path) throws IOException {
        this.path = path;
        this.channel = FileChannel.open(path, StandardOpenOption.READ);
        this.size = channel.size();
    }

    public Path path() {
        return path;
    }

    /** The length in bytes. */
    public long size() {
        return size;
    }

    /** Bytes that stay mapped until this file is closed. */
    public MemorySegment map(long offset, long length) throws IOException {
        return channel.map(MapMode.READ_ONLY, offset, length, arena);
    }

    /**
     * A tensor over a range of the file, without copying.
     *
     * @param offset where its first element starts, in bytes
     * @param shape its shape; its elements are row-major and little-endian
     */
    public Tensor tensor(long offset, Dtype dtype, long... shape) throws IOException {
        return view(map(offset, bytes(dtype, shape)), dtype, shape);
    }

    /**
     * A copy of a range of the file in another type or on another device. The range is unmapped again, so that file
     * and copy do not fill the memory together.
     */
    public Tensor read(long offset, Dtype dtype, Dtype wanted, Device device, long... shape) throws IOException {
        try (Scope scope = new Scope();
                Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = channel.map(MapMode.READ_ONLY, offset, bytes(dtype, shape), arena);
            Tensor mapped = view(bytes, dtype, shape);
            return scope.keep(mapped.to(device.engineDevice(), wanted.scalarType(), false, true, null));
        }
    }

    private static long bytes(Dtype dtype, long... shape) {
        long bytes = dtype.bytes();
        for (long side : shape) {
            bytes = Math.multiplyExact(bytes, side);
        }
        return bytes;
    }

    private static Tensor view(MemorySegment bytes, Dtype dtype, long... shape) {
        Engine.load();
        try (Scope scope = new Scope()) {
            return scope.keep(
                    torch.from_blob(new Address(bytes.address()), shape, new TensorOptions(dtype.scalarType())));
        }
    }

    @Override
    public void close() throws IOException {
        if (arena.scope().isAlive()) {
            arena.close();
        }
        channel.close();
    }

    /** A raw address in the engine's pointer type. */
    private static final class Address extends Pointer {
        Address(long address) {
            this.address = address;
        }
    }
}
