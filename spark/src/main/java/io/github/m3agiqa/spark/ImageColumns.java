package io.github.m3agiqa.spark;

import io.github.m3agiqa.ImagePrompt;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * Which columns of a Dataset hold the images, by their places.
 *
 * @param path the column with the image's path or name, null if there is none
 * @param content the column with the image's bytes, null if images are read from their paths
 * @param prompt the column with the prompt, null if there is none
 * @param kept the columns that stay beside the scores: all but the bytes
 * @param root where relative paths start, null for the file system's working directory
 */
record ImageColumns(
        @Nullable Integer path,
        @Nullable Integer content,
        @Nullable Integer prompt,
        List<Integer> kept,
        @Nullable String root)
        implements Serializable {
    private static final long serialVersionUID = 1;

    static ImageColumns of(StructType schema, @Nullable String root) {
        Integer imagePath = place(schema, "image_path");
        Integer path = imagePath == null ? place(schema, "path") : imagePath;
        Integer content = place(schema, "content");
        if (content != null
                && path != null
                && !isBytes(schema, content)
                && !schema.fieldNames()[content].equals("content")) {
            content = null; // a text of the user's, as Content may be
        }
        if (path == null && content == null) {
            throw new IllegalArgumentException("no column has images: image_path, path or content is needed, there are "
                    + List.of(schema.fieldNames()));
        }
        if (content != null && !isBytes(schema, content)) {
            throw new IllegalArgumentException(
                    "the column content must have the images' bytes, but is %s: drop or rename it"
                            .formatted(schema.fields()[content].dataType().simpleString()));
        }
        Integer left = content;
        List<Integer> kept = IntStream.range(0, schema.length())
                .boxed()
                .filter(i -> !i.equals(left))
                .toList();
        return new ImageColumns(path, content, place(schema, "prompt"), kept, root);
    }

    private static boolean isBytes(StructType schema, int column) {
        return schema.fields()[column].dataType().equals(DataTypes.BinaryType);
    }

    /** A column's place; one whose name differs in upper and lower case alone is taken if there is no other. */
    private static @Nullable Integer place(StructType schema, String name) {
        List<Integer> exact = places(schema, name::equals);
        List<Integer> places = exact.isEmpty() ? places(schema, name::equalsIgnoreCase) : exact;
        if (places.size() > 1) {
            throw new IllegalArgumentException(
                    "%d columns are named %s: drop or rename all but one".formatted(places.size(), name));
        }
        return places.isEmpty() ? null : places.getFirst();
    }

    private static List<Integer> places(StructType schema, Predicate<String> named) {
        return IntStream.range(0, schema.length())
                .filter(i -> named.test(schema.fields()[i].name()))
                .boxed()
                .toList();
    }

    ImagePrompt input(Row row) {
        String name = Objects.requireNonNullElse(string(row, path), "");
        String asked = string(row, prompt);
        if (content != null && !row.isNullAt(content)) {
            return ImagePrompt.of(name, row.<byte[]>getAs(content), asked);
        }
        return new ImagePrompt(name, asked, maxBytes -> read(name, root, maxBytes));
    }

    private static @Nullable String string(Row row, @Nullable Integer column) {
        return column == null || row.isNullAt(column) ? null : row.get(column).toString();
    }

    private static byte[] read(String file, @Nullable String root, int maxBytes) throws IOException {
        if (file.isEmpty()) {
            throw new IOException("the row has neither a path nor bytes");
        }
        try {
            Path path = root == null ? new Path(file) : new Path(root, file);
            FileSystem files = path.getFileSystem(SparkHadoopUtil.get().conf());
            try (InputStream in = files.open(path)) {
                return in.readNBytes(maxBytes + 1);
            }
        } catch (IllegalArgumentException e) {
            // Hadoop's word for what is no path, and for a host that is not known
            throw new IOException("it is no path that can be read: " + e.getMessage(), e);
        }
    }
}
