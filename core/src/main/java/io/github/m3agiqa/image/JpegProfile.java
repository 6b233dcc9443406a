package io.github.m3agiqa.image;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Hides an embedded ICC profile from the JPEG decoder, which would convert the colours. */
final class JpegProfile {
    private static final byte[] ID = "ICC_PROFILE\0".getBytes(StandardCharsets.US_ASCII);
    private static final int APP2 = 0xe2;
    private static final int START_OF_SCAN = 0xda;
    private static final int FILL = 0xff;

    private JpegProfile() {}

    /** The file with its profile made unrecognisable; the file itself if it has none. */
    static byte[] hide(byte[] file) {
        byte @Nullable [] hidden = null;
        int at = 2;
        while (at + 4 <= file.length && (file[at] & 0xff) == 0xff) {
            int marker = file[at + 1] & 0xff;
            if (marker == FILL) {
                at++; // any number of them may stand before a marker
                continue;
            }
            int length = (file[at + 2] & 0xff) << 8 | (file[at + 3] & 0xff);
            if (marker == START_OF_SCAN || length < 2) {
                break;
            }
            int content = at + 4;
            boolean profile = marker == APP2
                    && content + ID.length <= file.length
                    && Arrays.equals(file, content, content + ID.length, ID, 0, ID.length);
            if (profile) {
                hidden = hidden == null ? file.clone() : hidden;
                hidden[content] = 'x';
            }
            at += 2 + length;
        }
        return hidden == null ? file : hidden;
    }
}
