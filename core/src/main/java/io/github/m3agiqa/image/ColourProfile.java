package io.github.m3agiqa.image;

import com.drew.imaging.FileType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Hides embedded ICC profiles from those decoders that would convert the colours. */
final class ColourProfile {
    private static final byte[] JPEG_ID = "ICC_PROFILE\0".getBytes(StandardCharsets.US_ASCII);
    private static final int VP8X_PROFILE_FLAG = 0x20;
    private static final int CHUNK_HEADER = 8;

    private ColourProfile() {}

    /** The file with its profile made unrecognisable; the bytes themselves if there is nothing to hide. */
    static byte[] hide(FileType type, byte[] file) {
        return switch (type) {
            case Jpeg -> hideInJpeg(file);
            case WebP -> hideInWebP(file);
            default -> file;
        };
    }

    /** The length that the RIFF header of a WebP file states, header included. */
    static long riffSize(byte[] file) {
        return file.length < 12 ? 12 : CHUNK_HEADER + Integer.toUnsignedLong(littleEndian(file).getInt(4));
    }

    /** Walks over the segments before the image data. */
    private static byte[] hideInJpeg(byte[] file) {
        byte @Nullable [] hidden = null;
        int at = 2;
        while (at + 4 <= file.length && (file[at] & 0xff) == 0xff) {
            int marker = file[at + 1] & 0xff;
            int length = (file[at + 2] & 0xff) << 8 | (file[at + 3] & 0xff);
            if (marker == 0xda || length < 2) {
                break;
            }
            if (marker == 0xe2 && startsWith(file, at + 4, JPEG_ID)) {
                hidden = hidden == null ? file.clone() : hidden;
                hidden[at + 4] = 'x';
            }
            at += 2 + length;
        }
        return hidden == null ? file : hidden;
    }

    private static byte[] hideInWebP(byte[] file) {
        byte @Nullable [] hidden = null;
        ByteBuffer in = littleEndian(file);
        long at = 12;
        while (at + CHUNK_HEADER <= file.length) {
            int chunk = (int) at;
            String name = new String(file, chunk, 4, StandardCharsets.US_ASCII);
            boolean flagged = name.equals("VP8X")
                    && chunk + CHUNK_HEADER < file.length
                    && (file[chunk + CHUNK_HEADER] & VP8X_PROFILE_FLAG) != 0;
            if (flagged || name.equals("ICCP")) {
                hidden = hidden == null ? file.clone() : hidden;
                if (flagged) {
                    hidden[chunk + CHUNK_HEADER] &= (byte) ~VP8X_PROFILE_FLAG;
                } else {
                    hidden[chunk] = 'x';
                }
            }
            long size = Integer.toUnsignedLong(in.getInt(chunk + 4));
            at += CHUNK_HEADER + size + size % 2;
        }
        return hidden == null ? file : hidden;
    }

    private static boolean startsWith(byte[] file, int offset, byte[] prefix) {
        if (offset + prefix.length > file.length) {
            return false;
        }
        return Arrays.equals(file, offset, offset + prefix.length, prefix, 0, prefix.length);
    }

    private static ByteBuffer littleEndian(byte[] file) {
        return ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    }
}
