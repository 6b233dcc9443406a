package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.testing.DrawnImages;
import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;

/** What a score is measured with: a model, a device and a drawn image. */
final class Setting {
    static final String PROMPT = "a green valley under an evening sky, with flowers, oil painting";

    @Option(names = "--model", paramLabel = "FOLDER", description = "The model (default: ${DEFAULT-VALUE}).")
    private Path model = Path.of("models", "nano");

    @Option(names = "--dtype", description = "fp32, bf16 (the default), fp16 or int8.")
    Precision precision = Precision.BF16;

    @Option(names = "--device", converter = DeviceConverter.class, description = "cpu (the default), cuda or cuda:N.")
    Device device = Device.CPU;

    @Option(names = "--threads", description = "Of one operation (default: ${DEFAULT-VALUE}).")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--side", description = "Of the square image that is drawn (default: ${DEFAULT-VALUE}).")
    int side = 512;

    @Option(names = "--tokens", description = "The longest description (default: ${DEFAULT-VALUE}).")
    int tokens = 24;

    /** Opens the model, for operations of as many threads as are asked for. */
    ModelFolder open() {
        Engine.setThreads(threads);
        return ModelFolder.open(model);
    }

    /** The networks of the model. */
    OpenedModel networks(ModelFolder folder) {
        return new OpenedModel(folder, precision, device);
    }

    /** The image, a PNG. */
    byte[] png() {
        return DrawnImages.encode(DrawnImages.landscape(side, side, 1), "png");
    }

    /** The image as a model sees it. */
    RgbImage image() {
        return new ImageDecoder(ImageDecoder.Limits.DEFAULT).decode("drawn.png", png(), AlphaMode.WHITE);
    }

    private static final class DeviceConverter implements ITypeConverter<Device> {
        @Override
        public Device convert(String text) {
            return Device.parse(text);
        }
    }
}
