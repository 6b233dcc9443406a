package io.github.m3agiqa.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.ImageException;
import io.github.m3agiqa.image.SlicePlan.Size;
import io.github.m3agiqa.testing.DrawnImages;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.color.ColorSpace;
import java.awt.color.ICC_Profile;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.WritableRaster;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageDecoderTest {
    private static final int WIDTH = 60;
    private static final int HEIGHT = 40;

    @TempDir
    private Path folder;

    private final BufferedImage picture = DrawnImages.landscape(WIDTH, HEIGHT, 1);
    private final ImageDecoder decoder = new ImageDecoder(ImageDecoder.Limits.DEFAULT);

    @ParameterizedTest
    @ValueSource(strings = {"png", "bmp", "tiff"})
    void readsLosslessFormatsExactly(String format) {
        assertThat(decode(DrawnImages.encode(picture, format)).pixels()).isEqualTo(pixels(picture));
    }

    @Test
    void readsInterlacedPng() throws IOException {
        byte[] file = write("png", picture, param -> param.setProgressiveMode(ImageWriteParam.MODE_DEFAULT));

        assertThat(decode(file).pixels()).isEqualTo(pixels(picture));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void readsJpeg(boolean progressive) throws IOException {
        byte[] file = write(
                "jpeg",
                gradient(),
                param -> param.setProgressiveMode(
                        progressive ? ImageWriteParam.MODE_DEFAULT : ImageWriteParam.MODE_DISABLED));

        assertThat(meanDifference(decode(file).pixels(), pixels(gradient()))).isLessThan(3);
    }

    /** Grey values as they are stored: the JDK's own conversion to RGB would brighten them. */
    @ParameterizedTest
    @ValueSource(strings = {"png", "jpeg"})
    void readsGreyAsItIs(String format) throws IOException {
        BufferedImage grey = new BufferedImage(16, 16, BufferedImage.TYPE_BYTE_GRAY);
        for (int i = 0; i < 256; i++) {
            grey.getRaster().setSample(i % 16, i / 16, 0, 100);
        }

        byte[] decoded = decode(DrawnImages.encode(grey, format)).pixels();

        assertThat(meanDifference(decoded, filled(decoded.length, 100))).isLessThan(1.1);
    }

    @Test
    void readsSixteenBitsByTheirUpperEight() {
        BufferedImage deep = new BufferedImage(2, 1, BufferedImage.TYPE_USHORT_GRAY);
        deep.getRaster().setSample(0, 0, 0, 0x12ff);
        deep.getRaster().setSample(1, 0, 0, 0xfe01);

        assertThat(decode(DrawnImages.encode(deep, "png")).pixels())
                .containsExactly(0x12, 0x12, 0x12, 0xfe, 0xfe, 0xfe);
    }

    @Test
    void readsSixteenBitColour() {
        ColorSpace rgb = ColorSpace.getInstance(ColorSpace.CS_sRGB);
        ComponentColorModel colours =
                new ComponentColorModel(rgb, false, false, ComponentColorModel.OPAQUE, DataBuffer.TYPE_USHORT);
        WritableRaster raster = colours.createCompatibleWritableRaster(1, 1);
        raster.setPixel(0, 0, new int[] {0x0180, 0x7fff, 0xffff});

        byte[] file = DrawnImages.encode(new BufferedImage(colours, raster, false, null), "png");

        assertThat(decode(file).pixels()).containsExactly(0x01, 0x7f, 0xff);
    }

    /** Five bits of red and blue and six of green, as Pillow spreads them. */
    @Test
    void readsChannelsOfUnequalBits() {
        BufferedImage packed = new BufferedImage(2, 1, BufferedImage.TYPE_USHORT_565_RGB);
        packed.getRaster().setPixel(0, 0, new int[] {31, 63, 31});
        packed.getRaster().setPixel(1, 0, new int[] {1, 40, 16});

        assertThat(decode(DrawnImages.encode(packed, "bmp")).pixels())
                .isEqualTo(new byte[] {-1, -1, -1, 8, (byte) 161, (byte) 131});
    }

    @Test
    void readsPalettes() {
        BufferedImage palette = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_BYTE_INDEXED);
        Graphics2D pen = palette.createGraphics();
        pen.drawImage(picture, 0, 0, null);
        pen.dispose();

        for (String format : new String[] {"png", "gif", "bmp"}) {
            assertThat(decode(DrawnImages.encode(palette, format)).pixels())
                    .as(format)
                    .isEqualTo(pixels(palette));
        }
    }

    @Test
    void readsBlackAndWhite() {
        BufferedImage bits = new BufferedImage(3, 1, BufferedImage.TYPE_BYTE_BINARY);
        bits.setRGB(1, 0, Color.WHITE.getRGB());

        assertThat(decode(DrawnImages.encode(bits, "png")).pixels()).containsExactly(0, 0, 0, -1, -1, -1, 0, 0, 0);
    }

    @Test
    void laysTransparencyOnWhiteOrDropsIt() {
        BufferedImage clear = new BufferedImage(3, 1, BufferedImage.TYPE_INT_ARGB);
        clear.setRGB(0, 0, 0xff0000ff);
        clear.setRGB(1, 0, 0x800000ff);
        clear.setRGB(2, 0, 0x000000ff);
        byte[] file = DrawnImages.encode(clear, "png");

        assertThat(decoder.decode("a.png", file, AlphaMode.WHITE).pixels())
                .containsExactly(0, 0, 0xff, 127, 127, 0xff, 0xff, 0xff, 0xff);
        assertThat(decoder.decode("a.png", file, AlphaMode.DROP).pixels())
                .containsExactly(0, 0, 0xff, 0, 0, 0xff, 0, 0, 0xff);
    }

    /**
     * A colour that a managed decoder would change: the file says that its numbers are of another space. Fill bytes may
     * stand before what says it.
     */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3})
    void ignoresColourProfiles(int fillBytes) throws IOException {
        byte[] plain = DrawnImages.encode(picture, "jpeg");
        byte[] profile = ICC_Profile.getInstance(ColorSpace.CS_LINEAR_RGB).getData();
        ByteArrayOutputStream tagged = new ByteArrayOutputStream();
        tagged.write(plain, 0, 2);
        for (int i = 0; i < fillBytes; i++) {
            tagged.write(0xff);
        }
        tagged.write(segment(0xe2, concat("ICC_PROFILE\0\1\1".getBytes(StandardCharsets.ISO_8859_1), profile)));
        tagged.write(plain, 2, plain.length - 2);

        assertThat(decode(tagged.toByteArray()).pixels())
                .isEqualTo(decode(plain).pixels());
    }

    @Test
    void readsCmykJpeg() throws IOException {
        RgbImage decoded = decode(resource("cmyk.jpg"));

        // drawn as red, green, blue and black stripes of 16 columns each
        assertThat(pixel(decoded, 8, 8)).isEqualTo("red");
        assertThat(pixel(decoded, 24, 8)).isEqualTo("green");
        assertThat(pixel(decoded, 40, 8)).isEqualTo("blue");
        assertThat(pixel(decoded, 56, 8)).isEqualTo("black");
    }

    @ParameterizedTest
    @ValueSource(strings = {"lossy.webp", "lossless.webp", "alpha.webp"})
    void readsWebP(String file) throws IOException {
        RgbImage decoded = decode(resource(file));

        assertThat(pixel(decoded, 8, 8)).isEqualTo("red");
        assertThat(pixel(decoded, 24, 8)).isEqualTo("green");
        assertThat(pixel(decoded, 40, 8)).isEqualTo("blue");
        assertThat(pixel(decoded, 56, 8)).isEqualTo(file.equals("alpha.webp") ? "white" : "black");
    }

    /** All eight orientations of one picture are the same picture. */
    @ParameterizedTest
    @CsvSource({"1", "2", "3", "4", "5", "6", "7", "8"})
    void turnsUpright(int orientation) throws IOException {
        BufferedImage held = hold(gradient(), orientation);
        byte[] plain = DrawnImages.encode(held, "jpeg");
        ByteArrayOutputStream tagged = new ByteArrayOutputStream();
        tagged.write(plain, 0, 2);
        tagged.write(segment(0xe1, exif(orientation)));
        tagged.write(plain, 2, plain.length - 2);

        RgbImage decoded = decode(tagged.toByteArray());

        assertThat(decoded.width()).isEqualTo(WIDTH);
        assertThat(meanDifference(decoded.pixels(), pixels(gradient()))).isLessThan(3);
    }

    /** And does not unpack the texts in it. */
    @Test
    void turnsAPngUprightByItsExif() throws IOException {
        byte[] plain = DrawnImages.encode(hold(gradient(), 6), "png");
        byte[] exif = exif(6);
        int afterHeader = 8 + 25;
        ByteArrayOutputStream tagged = new ByteArrayOutputStream();
        tagged.write(plain, 0, afterHeader);
        tagged.write(chunk("eXIf", Arrays.copyOfRange(exif, 6, exif.length)));
        tagged.write(chunk("zTXt", concat("Comment\0\0".getBytes(StandardCharsets.ISO_8859_1), deflated(64 << 20))));
        tagged.write(plain, afterHeader, plain.length - afterHeader);
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();

        RgbImage decoded = decode(tagged.toByteArray());

        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(32 << 20);
        assertThat(decoded.pixels()).isEqualTo(pixels(gradient()));
    }

    private static byte[] deflated(int zeros) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DeflaterOutputStream out = new DeflaterOutputStream(bytes)) {
            out.write(new byte[zeros]);
        }
        return bytes.toByteArray();
    }

    private static byte[] chunk(String type, byte[] content) {
        byte[] named = concat(type.getBytes(StandardCharsets.ISO_8859_1), content);
        CRC32 sum = new CRC32();
        sum.update(named);
        return ByteBuffer.allocate(8 + named.length)
                .putInt(content.length)
                .put(named)
                .putInt((int) sum.getValue())
                .array();
    }

    static Stream<Arguments> truncated() {
        BufferedImage picture = DrawnImages.landscape(WIDTH, HEIGHT, 1);
        return Stream.of("png", "jpeg", "gif", "bmp", "tiff")
                .flatMap(format -> IntStream.of(10, 35, 60, 95)
                        .mapToObj(percent -> Arguments.of(format, percent, DrawnImages.encode(picture, format))));
    }

    @ParameterizedTest(name = "{0} cut to {1} %")
    @MethodSource("truncated")
    void refusesWhatIsTruncated(String format, int percent, byte[] file) {
        assertUnreadable(Arrays.copyOf(file, file.length * percent / 100));
    }

    @ParameterizedTest
    @CsvSource({"lossy.webp, 50", "lossless.webp, 50", "alpha.webp, 80"})
    void refusesTruncatedWebP(String name, int percent) throws IOException {
        byte[] file = resource(name);
        assertUnreadable(Arrays.copyOf(file, file.length * percent / 100));
    }

    @Test
    void refusesWhatIsNoImage() {
        assertUnreadable(new byte[0]);
        assertUnreadable("<html><body>404</body></html>".getBytes(StandardCharsets.UTF_8));
        byte[] noise = new byte[5000];
        new Random(1).nextBytes(noise);
        assertUnreadable(noise);
    }

    private void assertUnreadable(byte[] file) {
        assertThatThrownBy(() -> decode(file))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.IMAGE_UNREADABLE))
                .hasMessageStartingWith("a.image: ");
    }

    /** The header alone claims 50,000 x 50,000 pixels, which would be 7.5 GB. */
    @Test
    void refusesHugeImagesByTheirHeader() {
        ByteBuffer header = ByteBuffer.allocate(17);
        header.put("IHDR".getBytes(StandardCharsets.US_ASCII)).putInt(50_000).putInt(50_000);
        header.put(new byte[] {8, 2, 0, 0, 0});
        CRC32 crc = new CRC32();
        crc.update(header.array());
        ByteBuffer file = ByteBuffer.allocate(33);
        file.put(new byte[] {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'});
        file.putInt(13).put(header.array()).putInt((int) crc.getValue());

        assertThatThrownBy(() -> decode(file.array()))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.IMAGE_TOO_LARGE))
                .hasMessageContaining("50000 x 50000 pixels");
    }

    @Test
    void readsFiles() throws IOException {
        Path file = Files.write(folder.resolve("a.webp"), DrawnImages.encode(picture, "png"));

        assertThat(decoder.decode(file, AlphaMode.DROP).pixels()).isEqualTo(pixels(picture));
        assertThat(decoder.size(file)).isEqualTo(new Size(WIDTH, HEIGHT));
    }

    @Test
    void sizesOfJpegAndTiffAreThoseThatAreDecoded() throws IOException {
        for (String format : new String[] {"jpeg", "tiff"}) {
            Path file = Files.write(folder.resolve("a." + format), DrawnImages.encode(picture, format));

            assertThat(decoder.size(file)).as(format).isEqualTo(new Size(WIDTH, HEIGHT));
        }
    }

    @Test
    void refusesFilesByTheirPath() throws IOException {
        Path file = Files.write(folder.resolve("a.png"), DrawnImages.encode(picture, "png"));
        ImageDecoder strict = new ImageDecoder(new ImageDecoder.Limits(100, 1_000_000));

        assertThatThrownBy(() -> strict.decode(file, AlphaMode.DROP))
                .isInstanceOf(ImageException.class)
                .hasMessage("%s: more than the 100 bytes that are allowed".formatted(file));
        assertThatThrownBy(() -> decoder.size(folder.resolve("none.png")))
                .isInstanceOf(ImageException.class)
                .hasMessageEndingWith("none.png: no such file");
        assertThatThrownBy(() -> decoder.size(Files.writeString(file, "text")))
                .isInstanceOf(ImageException.class)
                .hasMessageEndingWith("a.png: this is no image of a known format");
    }

    @Test
    void refusesTooManyBytes() {
        ImageDecoder small = new ImageDecoder(new ImageDecoder.Limits(100, 1000));

        assertThatThrownBy(() -> small.decode("a", new byte[101], AlphaMode.WHITE))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.IMAGE_TOO_LARGE));
    }

    /** A few bytes would become so many patches that looking at them takes hours. */
    @ParameterizedTest
    @CsvSource({"1, 10001", "20002, 2"})
    void refusesAnImageThatIsAlmostALine(int width, int height) {
        byte[] line = DrawnImages.encode(new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB), "png");

        assertThatThrownBy(() -> decode(line))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.IMAGE_TOO_LARGE))
                .hasMessageContaining("%d x %d pixels".formatted(width, height));
    }

    @Test
    void readsALongImage() {
        byte[] longest = DrawnImages.encode(new BufferedImage(1, 10_000, BufferedImage.TYPE_INT_RGB), "png");

        assertThat(decode(longest).height()).isEqualTo(10_000);
    }

    @Test
    void refusesAnimatedWebP() {
        assertThatThrownBy(() -> decode(resource("animated.webp")))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.IMAGE_UNSUPPORTED))
                .hasMessageContaining("animated");
    }

    @ParameterizedTest
    @CsvSource({"avif, AV1 Image File Format", "heic, High Efficiency Image File Format"})
    void refusesOtherFormatsByName(String brand, String name) {
        byte[] file = ("\0\0\0\u0018ftyp" + brand + "\0\0\0\0" + brand + "mif1").getBytes(StandardCharsets.ISO_8859_1);

        assertThatThrownBy(() -> decode(file))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.IMAGE_UNSUPPORTED))
                .hasMessageContaining(name)
                .hasMessageContaining("convert it to PNG");
    }

    /** Red rises to the right and green downwards, so that every corner has a colour of its own. */
    private static BufferedImage gradient() {
        BufferedImage image = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_3BYTE_BGR);
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++) {
                image.setRGB(x, y, new Color(4 * x, 6 * y, 100).getRGB());
            }
        }
        return image;
    }

    private RgbImage decode(byte[] file) {
        return decoder.decode("a.image", file, AlphaMode.WHITE);
    }

    private static byte[] pixels(BufferedImage image) {
        byte[] pixels = new byte[3 * image.getWidth() * image.getHeight()];
        for (int i = 0; i < pixels.length / 3; i++) {
            int rgb = image.getRGB(i % image.getWidth(), i / image.getWidth());
            pixels[3 * i] = (byte) (rgb >> 16);
            pixels[3 * i + 1] = (byte) (rgb >> 8);
            pixels[3 * i + 2] = (byte) rgb;
        }
        return pixels;
    }

    private static double meanDifference(byte[] a, byte[] b) {
        assertThat(a).hasSameSizeAs(b);
        return IntStream.range(0, a.length)
                .map(i -> Math.abs((a[i] & 0xff) - (b[i] & 0xff)))
                .average()
                .orElseThrow();
    }

    private static byte[] filled(int length, int value) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    /** The nearest of five colours. */
    private static String pixel(RgbImage image, int x, int y) {
        int at = 3 * (y * image.width() + x);
        boolean red = (image.pixels()[at] & 0xff) > 127;
        boolean green = (image.pixels()[at + 1] & 0xff) > 127;
        boolean blue = (image.pixels()[at + 2] & 0xff) > 127;
        return red && green && blue ? "white" : red ? "red" : green ? "green" : blue ? "blue" : "black";
    }

    private interface Settings {
        void set(ImageWriteParam param);
    }

    private static byte[] write(String format, BufferedImage image, Settings settings) throws IOException {
        ImageWriter writer = ImageIO.getImageWriters(ImageTypeSpecifier.createFromRenderedImage(image), format)
                .next();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
            ImageWriteParam param = writer.getDefaultWriteParam();
            settings.set(param);
            writer.setOutput(out);
            writer.write(null, new IIOImage(image, null, null), param);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }

    /** The picture as a camera stores it that was held in that way. */
    private static BufferedImage hold(BufferedImage picture, int orientation) {
        boolean turned = orientation >= 5;
        int width = turned ? picture.getHeight() : picture.getWidth();
        int height = turned ? picture.getWidth() : picture.getHeight();
        BufferedImage held = new BufferedImage(width, height, picture.getType());
        for (int y = 0; y < picture.getHeight(); y++) {
            for (int x = 0; x < picture.getWidth(); x++) {
                int right = picture.getWidth() - 1 - x;
                int bottom = picture.getHeight() - 1 - y;
                // the tag says where row 0 and column 0 of the file belong in the scene
                int[] at = switch (orientation) {
                    case 1 -> new int[] {x, y};
                    case 2 -> new int[] {right, y};
                    case 3 -> new int[] {right, bottom};
                    case 4 -> new int[] {x, bottom};
                    case 5 -> new int[] {y, x};
                    case 6 -> new int[] {y, right};
                    case 7 -> new int[] {bottom, right};
                    case 8 -> new int[] {bottom, x};
                    default -> throw new IllegalArgumentException();
                };
                held.setRGB(at[0], at[1], picture.getRGB(x, y));
            }
        }
        return held;
    }

    private static byte[] exif(int orientation) {
        ByteBuffer exif = ByteBuffer.allocate(32);
        exif.put("Exif\0\0MM\0*".getBytes(StandardCharsets.ISO_8859_1)).putInt(8);
        exif.putShort((short) 1).putShort((short) 0x0112).putShort((short) 3).putInt(1);
        exif.putShort((short) orientation).putShort((short) 0).putInt(0);
        return Arrays.copyOf(exif.array(), exif.position());
    }

    private static byte[] segment(int marker, byte[] content) {
        return ByteBuffer.allocate(4 + content.length)
                .put((byte) 0xff)
                .put((byte) marker)
                .putShort((short) (content.length + 2))
                .put(content)
                .array();
    }

    private static byte[] concat(byte[] a, byte[] b) {
        return ByteBuffer.allocate(a.length + b.length).put(a).put(b).array();
    }

    static byte[] resource(String name) throws IOException {
        try (InputStream in = ImageDecoderTest.class.getResourceAsStream("/images/" + name)) {
            return Objects.requireNonNull(in, name).readAllBytes();
        }
    }
}
