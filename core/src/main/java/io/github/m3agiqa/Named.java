package io.github.m3agiqa;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The constants of an enum by the lower-case names that they have in files, options and JSON. */
public final class Named {
    private Named() {}

    /** The lower-case name of a constant. */
    public static String id(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /**
     * The constant of a name, in any case.
     *
     * @param what what the constants are, for messages, such as {@code aspect}
     * @throws IllegalArgumentException naming the known ones if there is none
     */
    public static <E extends Enum<E>> E of(Class<E> type, String what, String id) {
        return Arrays.stream(type.getEnumConstants())
                .filter(constant -> id(constant).equalsIgnoreCase(id.strip()))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("unknown %s '%s': known are %s"
                        .formatted(
                                what,
                                id,
                                Arrays.stream(type.getEnumConstants())
                                        .map(Named::id)
                                        .collect(Collectors.joining(", ")))));
    }
}
