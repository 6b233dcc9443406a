package io.github.m3agiqa.tensor;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.ClosedByInterruptException;
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
    private final long size;
    private final Arena arena = Arena.ofShared();
    private FileChannel channel; // guarded by this

    public MappedFile(Path path) throws IOException {
        this.path = path;
        this.channel = open(path);
        this.size = uninterrupted(FileChannel::size);
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
        return map(offset, length, arena);
    }

    private MemorySegment map(long offset, long length, Arena until) throws IOException {
        return uninterrupted(open -> open.map(MapMode.READ_ONLY, offset, length, until));
    }

    /** What is asked of the file. */
    private interface Asking<T> {
        T of(FileChannel channel) throws IOException;
    }

    /**
     * Asks the file, also in a thread that was interrupted, which it still is afterwards: Java would close the channel of such
     * a thread, and with it the file of all others.
     */
    private synchronized <T> T uninterrupted(Asking<T> asking) throws IOException {
        boolean interrupted = Thread.interrupted();
        try {
            while (true) {
                try {
                    return asking.of(channel);
                } catch (ClosedByInterruptException _) {
                    // interrupted just now
                    interrupted |= Thread.interrupted();
                    channel = open(path);
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static FileChannel open(Path path) throws IOException {
        return FileChannel.open(path, StandardOpenOption.READ);
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
            MemorySegment bytes = map(offset, bytes(dtype, shape), arena);
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
        synchronized (this) {
            channel.close();
        }
    }

    /** A raw address in the engine's pointer type. */
    private static final class Address extends Pointer {
        Address(long address) {
            this.address = address;
        }
    }
}
