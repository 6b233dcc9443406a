package io.github.m3agiqa.dataset;

import io.github.m3agiqa.InputException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Texts in UTF-8. */
public final class TextFile {
    private static final String BYTE_ORDER_MARK = "\uFEFF";

    private TextFile() {}

    /**
     * A file's text without the byte order mark that tools on Windows begin one with.
     *
     * @throws InputException if it does not exist, cannot be read or is not in UTF-8
     */
    public static String read(Path file) {
        try {
            String text = Files.readString(file);
            return text.startsWith(BYTE_ORDER_MARK) ? text.substring(BYTE_ORDER_MARK.length()) : text;
        } catch (NoSuchFileException e) {
            throw new InputException("%s: no such file".formatted(file), e);
        } catch (CharacterCodingException e) {
            throw new InputException("%s is not in UTF-8; save it in that encoding".formatted(file), e);
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(file, e), e);
        }
    }
}
