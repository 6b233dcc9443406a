package io.github.m3agiqa.image;

import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.ImageException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Checks the directory of a TIFF before it is decoded: the decoder allocates what the directory's numbers say, however
 * small the file is.
 *
 * @see <a href="https://www.adobe.io/open/standards/TIFF.html">TIFF 6.0</a>, section 2
 */
final class TiffStructure {
    private static final int MAGIC = 42;
    /** Bytes of a value by its type: byte, ASCII, short, long, rational, and their signed and floating kin. */
    private static final int[] TYPE_BYTES = {1, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8};

    private static final int MAX_SAMPLES = 8;
    private static final int MAX_BITS = 16;
    private static final int BITS_PER_SAMPLE = 258;
    private static final int SAMPLES_PER_PIXEL = 277;
    private static final int STRIP_BYTE_COUNTS = 279;
    private static final int TILE_WIDTH = 322;
    private static final int TILE_LENGTH = 323;
    private static final int TILE_BYTE_COUNTS = 325;

    private TiffStructure() {}

    /**
     * Checks a file.
     *
     * @throws ImageException if a stretch of the file is longer than the file, or a tile larger than an image may be
     */
    static void check(String name, byte[] file, long maxPixels) {
        ByteBuffer in = ByteBuffer.wrap(file);
        try {
            in.order(in.get(0) == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
            require(name, in.getShort(2) == MAGIC, "it is no classic TIFF");
            int directory = in.getInt(4);
            require(name, directory >= 8 && directory < file.length - 2, "it has no directory");
            int entries = Short.toUnsignedInt(in.getShort(directory));
            long tileWidth = 1;
            long tileLength = 1;
            for (int i = 0; i < entries; i++) {
                Entry entry = new Entry(in, directory + 2 + 12 * i);
                require(name, entry.fits(), "an entry of its directory points beyond the file");
                switch (entry.tag) {
                    case SAMPLES_PER_PIXEL ->
                        require(name, entry.max() <= MAX_SAMPLES, "its pixels have too many samples");
                    case BITS_PER_SAMPLE -> {
                        if (entry.max() > MAX_BITS) {
                            throw new ImageException(
                                    ErrorCode.IMAGE_UNSUPPORTED,
                                    "%s: a TIFF with %d bits a sample is not decoded; convert it to 8-bit RGB"
                                            .formatted(name, entry.max()));
                        }
                    }
                    case STRIP_BYTE_COUNTS, TILE_BYTE_COUNTS ->
                        require(name, entry.max() <= file.length, "its pixels lie beyond its end");
                    case TILE_WIDTH -> tileWidth = entry.max();
                    case TILE_LENGTH -> tileLength = entry.max();
                    default -> {
                        // of no consequence for the size of what is allocated
                    }
                }
            }
            require(
                    name,
                    tileWidth <= maxPixels && tileLength <= maxPixels / Math.max(1, tileWidth),
                    "its tiles are too large");
        } catch (BufferUnderflowException | IndexOutOfBoundsException e) {
            throw new ImageException(ErrorCode.IMAGE_UNREADABLE, "%s: damaged or truncated TIFF".formatted(name), e);
        }
    }

    private static void require(String name, boolean right, String otherwise) {
        if (!right) {
            throw new ImageException(ErrorCode.IMAGE_UNREADABLE, "%s: damaged TIFF: %s".formatted(name, otherwise));
        }
    }

    /** Twelve bytes of a directory: tag, type, number of values, and the values or where they are. */
    private static final class Entry {
        private final ByteBuffer in;
        private final int at;
        final int tag;
        private final int type;
        final long count;

        Entry(ByteBuffer in, int at) {
            this.in = in;
            this.at = at;
            this.tag = Short.toUnsignedInt(in.getShort(at));
            this.type = Short.toUnsignedInt(in.getShort(at + 2));
            this.count = Integer.toUnsignedLong(in.getInt(at + 4));
        }

        private int bytesEach() {
            return type < TYPE_BYTES.length ? TYPE_BYTES[type] : 1;
        }

        private long start() {
            return count * bytesEach() <= 4 ? at + 8 : Integer.toUnsignedLong(in.getInt(at + 8));
        }

        boolean fits() {
            return start() + count * bytesEach() <= in.limit();
        }

        /** The largest of the values, if they are whole numbers. */
        long max() {
            long max = 0;
            for (long i = 0; i < count; i++) {
                int place = Math.toIntExact(start() + i * bytesEach());
                long value = switch (bytesEach()) {
                    case 1 -> Byte.toUnsignedLong(in.get(place));
                    case 2 -> Short.toUnsignedLong(in.getShort(place));
                    case 4 -> Integer.toUnsignedLong(in.getInt(place));
                    default -> Long.MAX_VALUE;
                };
                max = Math.max(max, value);
            }
            return max;
        }
    }
}
