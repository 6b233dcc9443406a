package io.github.m3agiqa.image;

import com.drew.imaging.FileType;
import com.drew.imaging.FileTypeDetector;
import com.drew.imaging.ImageMetadataReader;
import com.drew.imaging.ImageProcessingException;
import com.drew.imaging.png.PngChunk;
import com.drew.imaging.png.PngChunkReader;
import com.drew.imaging.png.PngChunkType;
import com.drew.lang.ByteArrayReader;
import com.drew.lang.SequentialByteArrayReader;
import com.drew.metadata.Metadata;
import com.drew.metadata.MetadataException;
import com.drew.metadata.exif.ExifIFD0Directory;
import com.drew.metadata.exif.ExifReader;
import com.luciad.imageio.webp.WebPImageReaderSpi;
import com.twelvemonkeys.imageio.plugins.jpeg.JPEGImageReaderSpi;
import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.ImageException;
import io.github.m3agiqa.image.SlicePlan.Size;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import javax.imageio.ImageReader;
import javax.imageio.spi.IIORegistry;
import javax.imageio.spi.ImageReaderSpi;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;
import org.jspecify.annotations.Nullable;

/**
 * Decodes JPEG, PNG, WebP, GIF (first frame), BMP and TIFF to 8-bit RGB, upright, without colour management: an
 * embedded profile is ignored, as Pillow's {@code convert("RGB")} does. What is damaged or truncated is an error, never
 * half an image.
 */
public final class ImageDecoder {
    /**
     * What an image may cost.
     *
     * @param maxBytes the largest encoded size
     * @param maxPixels the largest width times height; checked before any pixel is decoded, as is that no side is more than
     *     10,000 times the other
     */
    public record Limits(int maxBytes, long maxPixels) {
        /** 256 MiB encoded and 64 million pixels. */
        public static final Limits DEFAULT = new Limits(256 << 20, 64_000_000);

        public Limits {
            if (maxBytes < 1 || maxPixels < 1) {
                throw new IllegalArgumentException("limits must be positive: %d, %d".formatted(maxBytes, maxPixels));
            }
        }
    }

    /**
     * How many times the shorter side the longer one may be. A model cuts an image into pieces of one area, but each is a patch
     * wide at least: beyond a thousand times it has the more patches the longer it is, and looks at each from all of them.
     */
    private static final long MOST_ELONGATED = 10_000;

    private final Limits limits;

    public ImageDecoder(Limits limits) {
        this.limits = limits;
    }

    public Limits limits() {
        return limits;
    }

    /**
     * Decodes an image.
     *
     * @param name the image's name, for messages
     * @param bytes the encoded image
     * @throws ImageException with {@link ErrorCode#IMAGE_UNREADABLE}, {@link ErrorCode#IMAGE_TOO_LARGE} or
     *     {@link ErrorCode#IMAGE_UNSUPPORTED}
     */
    public RgbImage decode(String name, byte[] bytes, AlphaMode alpha) {
        if (bytes.length > limits.maxBytes) {
            throw tooManyBytes(name);
        }
        return opened(name, bytes, (reader, type) -> {
            List<String> warnings = new ArrayList<>();
            checkSize(name, reader.getWidth(0), reader.getHeight(0));
            reader.addIIOReadWarningListener((_, warning) -> warnings.add(warning));
            BufferedImage image = reader.read(0);
            checkSize(name, image.getWidth(), image.getHeight());
            checkWhole(name, warnings);
            return orientation(bytes, type).upright(Pixels.toRgb(name, image, alpha));
        });
    }

    /**
     * Decodes an image file; its name in messages is its path.
     *
     * @throws ImageException as above, also where the file cannot be read
     */
    public RgbImage decode(Path file, AlphaMode alpha) {
        return decode(file.toString(), read(file), alpha);
    }

    /**
     * The bytes of an image file.
     *
     * @throws ImageException if it cannot be read or has more than are allowed
     */
    public byte[] read(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(limits.maxBytes);
            if (in.read() >= 0) {
                throw tooManyBytes(file.toString());
            }
            return bytes;
        } catch (IOException e) {
            throw ImageException.unreadable(file.toString(), e);
        }
    }

    /**
     * The size of an image file as it is stored, before it is turned upright; no pixel is decoded.
     *
     * @throws ImageException if the file cannot be read or is no image
     */
    public Size size(Path file) {
        return opened(file.toString(), read(file), (reader, _) -> new Size(reader.getWidth(0), reader.getHeight(0)));
    }

    /** What is wanted of an image. */
    private interface Reading<T> {
        T from(ImageReader reader, FileType type) throws IOException;
    }

    private <T> T opened(String name, byte[] bytes, Reading<T> reading) {
        FileType type = detect(name, bytes);
        ImageReaderSpi format = format(name, type);
        byte[] plain = type == FileType.Jpeg ? JpegProfile.hide(bytes) : bytes;
        if (type == FileType.Tiff) {
            TiffStructure.check(name, bytes, limits.maxPixels);
        }
        ImageReader reader = null;
        try (ImageInputStream in = new MemoryCacheImageInputStream(new ByteArrayInputStream(plain))) {
            reader = format.createReaderInstance();
            reader.setInput(in, true, true);
            return reading.from(reader, type);
        } catch (IOException | RuntimeException | StackOverflowError e) {
            // decoders answer damaged bytes with exceptions of every kind
            throw e instanceof ImageException known ? known : unreadable(name, type, e);
        } finally {
            if (reader != null) {
                reader.dispose();
            }
        }
    }

    private ImageException tooManyBytes(String name) {
        return new ImageException(
                ErrorCode.IMAGE_TOO_LARGE,
                "%s: more than the %d bytes that are allowed".formatted(name, limits.maxBytes));
    }

    private static FileType detect(String name, byte[] bytes) {
        if (bytes.length == 0) {
            throw new ImageException(ErrorCode.IMAGE_UNREADABLE, "%s: the file is empty".formatted(name));
        }
        try {
            return FileTypeDetector.detectFileType(new ByteArrayInputStream(bytes));
        } catch (IOException e) {
            throw new ImageException(ErrorCode.IMAGE_UNREADABLE, "%s: %s".formatted(name, e.getMessage()), e);
        }
    }

    private static ImageReaderSpi format(String name, FileType type) {
        return switch (type) {
            case Jpeg -> registered(JPEGImageReaderSpi.class);
            case WebP -> new WebPImageReaderSpi();
            case Png -> registered("com.sun.imageio.plugins.png.PNGImageReaderSpi");
            case Gif -> registered("com.sun.imageio.plugins.gif.GIFImageReaderSpi");
            case Bmp -> registered("com.sun.imageio.plugins.bmp.BMPImageReaderSpi");
            case Tiff -> registered("com.sun.imageio.plugins.tiff.TIFFImageReaderSpi");
            case Unknown ->
                throw new ImageException(
                        ErrorCode.IMAGE_UNREADABLE, "%s: this is no image of a known format".formatted(name));
            default ->
                throw new ImageException(
                        ErrorCode.IMAGE_UNSUPPORTED,
                        "%s: %s is not decoded; convert it to PNG, JPEG or WebP".formatted(name, type.getLongName()));
        };
    }

    private static ImageReaderSpi registered(Class<? extends ImageReaderSpi> format) {
        IIORegistry registry = IIORegistry.getDefaultInstance();
        ImageReaderSpi known = registry.getServiceProviderByClass(format);
        if (known == null) {
            registry.registerApplicationClasspathSpis();
            known = registry.getServiceProviderByClass(format);
        }
        if (known == null) {
            throw new IllegalStateException("%s is not on the class path".formatted(format.getName()));
        }
        return known;
    }

    private static ImageReaderSpi registered(String format) {
        Iterable<ImageReaderSpi> readers =
                () -> IIORegistry.getDefaultInstance().getServiceProviders(ImageReaderSpi.class, true);
        for (ImageReaderSpi reader : readers) {
            if (reader.getClass().getName().equals(format)) {
                return reader;
            }
        }
        throw new IllegalStateException("this JDK has no " + format);
    }

    private void checkSize(String name, int width, int height) {
        if (width < 1 || height < 1) {
            throw new ImageException(
                    ErrorCode.IMAGE_UNREADABLE, "%s: it has %d x %d pixels".formatted(name, width, height));
        }
        if ((long) width * height > limits.maxPixels) {
            throw new ImageException(
                    ErrorCode.IMAGE_TOO_LARGE,
                    "%s: %d x %d pixels are more than the %d that are allowed"
                            .formatted(name, width, height, limits.maxPixels));
        }
        if (Math.max(width, height) > MOST_ELONGATED * Math.min(width, height)) {
            throw new ImageException(
                    ErrorCode.IMAGE_TOO_LARGE,
                    "%s: of %d x %d pixels one side is more than %d times the other; crop the image"
                            .formatted(name, width, height, MOST_ELONGATED));
        }
    }

    /** A JPEG decoder fills up what is missing and only warns. */
    private static void checkWhole(String name, List<String> warnings) {
        boolean cut = warnings.stream()
                .anyMatch(warning -> warning.contains("Truncated") || warning.contains("premature end"));
        if (cut) {
            throw new ImageException(ErrorCode.IMAGE_UNREADABLE, "%s: the file is truncated".formatted(name));
        }
    }

    private static Orientation orientation(byte[] bytes, FileType type) {
        try {
            @Nullable ExifIFD0Directory exif = metadata(bytes, type).getFirstDirectoryOfType(ExifIFD0Directory.class);
            return exif != null && exif.containsTag(ExifIFD0Directory.TAG_ORIENTATION)
                    ? Orientation.ofExif(exif.getInt(ExifIFD0Directory.TAG_ORIENTATION))
                    : Orientation.NORMAL;
        } catch (ImageProcessingException | MetadataException | IOException | RuntimeException _) {
            // the pixels were decoded: damaged metadata only means that it says nothing of the orientation
            return Orientation.NORMAL;
        }
    }

    /** What may hold the orientation. Of a PNG its Exif alone is read, as texts in it can unpack to any size. */
    private static Metadata metadata(byte[] bytes, FileType type) throws ImageProcessingException, IOException {
        if (type != FileType.Png) {
            return ImageMetadataReader.readMetadata(new ByteArrayInputStream(bytes));
        }
        Metadata metadata = new Metadata();
        for (PngChunk chunk :
                new PngChunkReader().extract(new SequentialByteArrayReader(bytes), Set.of(PngChunkType.eXIf))) {
            new ExifReader().extract(new ByteArrayReader(chunk.getBytes()), metadata);
        }
        return metadata;
    }

    private static ImageException unreadable(String name, FileType type, Throwable cause) {
        String why = cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
        if (type == FileType.WebP && why.contains("UnsupportedFeature")) {
            return new ImageException(
                    ErrorCode.IMAGE_UNSUPPORTED,
                    "%s: an animated WebP is not decoded; extract a frame of it".formatted(name),
                    cause);
        }
        return new ImageException(
                ErrorCode.IMAGE_UNREADABLE,
                "%s: damaged or truncated %s: %s"
                        .formatted(name, type.getName(), why.lines().findFirst().orElse("")),
                cause);
    }
}
