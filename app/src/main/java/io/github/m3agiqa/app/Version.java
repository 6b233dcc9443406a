package io.github.m3agiqa.app;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** The version of this build. */
final class Version implements IVersionProvider {
    private static final String PROPERTIES = "/io/github/m3agiqa/app/version.properties";

    /** The number alone. */
    static String number() {
        try (InputStream in = Version.class.getResourceAsStream(PROPERTIES)) {
            Properties properties = new Properties();
            properties.load(in);
            return properties.getProperty("version");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What {@code --version} prints. */
    static String line() {
        return "m3agiqa " + number();
    }

    @Override
    public String[] getVersion() {
        return new String[] {line()};
    }
}
