package io.github.m3agiqa.spark;

import io.github.m3agiqa.ImagePrompt;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.net.URI;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * Which columns of a Dataset hold the images.
 *
 * @param path the column with the image's path or name, null if there is none
 * @param content the column with the image's bytes, null if images are read from their paths
 * @param prompt the column with the prompt, null if there is none
 * @param root where relative paths start, null for the file system's working directory
 */
record ImageColumns(
        @Nullable String path,
        @Nullable String content,
        @Nullable String prompt,
        @Nullable String root) implements Serializable {
    private static final long serialVersionUID = 1;
    private static final List<String> PATHS = List.of("image_path", "path");

    static ImageColumns of(StructType schema, @Nullable String root) {
        List<String> names = Arrays.asList(schema.fieldNames());
        Optional<String> path = PATHS.stream().filter(names::contains).findFirst();
        boolean bytes = names.contains("content");
        if (path.isEmpty() && !bytes) {
            throw new IllegalArgumentException(
                    "no column has images: image_path, path or content is needed, there are " + names);
        }
        if (bytes && !schema.apply("content").dataType().equals(DataTypes.BinaryType)) {
            throw new IllegalArgumentException(
                    "the column content must have the images' bytes, but is %s: drop or rename it"
                            .formatted(schema.apply("content").dataType().simpleString()));
        }
        return new ImageColumns(
                path.orElse(null), bytes ? "content" : null, names.contains("prompt") ? "prompt" : null, root);
    }

    /** The columns that stay beside the scores: all but the bytes. */
    List<StructField> kept(StructType schema) {
        return Arrays.stream(schema.fields())
                .filter(field -> !field.name().equals(content))
                .toList();
    }

    ImagePrompt input(Row row) {
        String name = path == null ? "" : string(row, path);
        String asked = prompt == null || row.isNullAt(row.fieldIndex(prompt)) ? null : string(row, prompt);
        if (content != null && !row.isNullAt(row.fieldIndex(content))) {
            byte[] bytes = row.getAs(content);
            return ImagePrompt.of(name, bytes, asked);
        }
        return new ImagePrompt(name, asked, maxBytes -> read(name, root, maxBytes));
    }

    private static String string(Row row, String column) {
        Object value = row.getAs(column);
        return value == null ? "" : value.toString();
    }

    private static byte[] read(String file, @Nullable String root, int maxBytes) throws IOException {
        if (file.isEmpty()) {
            throw new IOException("the row has neither a path nor bytes");
        }
        Path path;
        try {
            path = root == null ? new Path(file) : new Path(root, file);
        } catch (IllegalArgumentException e) {
            throw new IOException("it is no path: " + e.getMessage(), e);
        }
        URI uri = path.toUri();
        FileSystem files = FileSystem.get(uri, SparkHadoopUtil.get().conf());
        try (InputStream in = files.open(path)) {
            return in.readNBytes(maxBytes + 1);
        }
    }
}
