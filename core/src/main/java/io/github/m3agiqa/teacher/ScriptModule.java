package io.github.m3agiqa.teacher;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.m3agiqa.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A minified JavaScript module that exports one literal, which is read without running the script. */
final class ScriptModule {
    private static final Pattern EXPORT = Pattern.compile("\\.exports=(?=[\"'{])");
    private static final JsonMapper LITERALS = JsonMapper.builder()
            .enable(JsonReadFeature.ALLOW_UNQUOTED_FIELD_NAMES)
            .enable(JsonReadFeature.ALLOW_SINGLE_QUOTES)
            .enable(JsonReadFeature.ALLOW_LEADING_DECIMAL_POINT_FOR_NUMBERS)
            .build();

    private ScriptModule() {}

    /**
     * The literal that a module exports.
     *
     * @throws InputException if the file cannot be read or exports none
     */
    static JsonNode read(Path file) {
        String script;
        try {
            script = Files.readString(file);
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s; unpack the package again".formatted(file, e), e);
        }
        Matcher export = EXPORT.matcher(script);
        if (!export.find()) {
            throw new InputException("%s exports no object and no string; unpack the package again".formatted(file));
        }
        try (JsonParser parser = LITERALS.createParser(withBooleans(script.substring(export.end())))) {
            return parser.readValueAsTree();
        } catch (IOException e) {
            throw new InputException("%s is damaged: %s; unpack the package again".formatted(file, e.getMessage()), e);
        }
    }

    /** Writes {@code !0} and {@code !1} out where they do not stand in a string. */
    private static String withBooleans(String script) {
        StringBuilder plain = new StringBuilder(script.length());
        char quote = 0;
        for (int i = 0; i < script.length(); i++) {
            char at = script.charAt(i);
            if (quote != 0) {
                if (at == '\\' && i + 1 < script.length()) {
                    plain.append(at);
                    at = script.charAt(++i);
                } else if (at == quote) {
                    quote = 0;
                }
            } else if (at == '"' || at == '\'') {
                quote = at;
            } else if (at == '!' && i + 1 < script.length()) {
                char bit = script.charAt(i + 1);
                if (bit == '0' || bit == '1') {
                    plain.append(bit == '0');
                    i++;
                    continue;
                }
            }
            plain.append(at);
        }
        return plain.toString();
    }
}
