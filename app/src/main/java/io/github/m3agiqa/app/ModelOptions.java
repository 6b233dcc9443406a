package io.github.m3agiqa.app;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.hub.Checksums;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.scoring.ScoringOptions;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.weights.ModelWeights.LoraMode;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** The options that say which model is used, and how. */
class ModelOptions {
    private static final String BUILT_IN = "nano";

    @Spec(Spec.Target.MIXEE)
    CommandSpec spec;

    @Option(
            names = "--model",
            paramLabel = "NAME|FOLDER",
            description = "The model (default: ${DEFAULT-VALUE}, which is built in).")
    private String model = BUILT_IN;

    @Option(names = "--device", converter = DeviceConverter.class, description = "cpu (the default), cuda or cuda:N.")
    private Device device = Device.CPU;

    @Option(
            names = "--dtype",
            converter = PrecisionConverter.class,
            description =
                    "fp32 for parity with the reference, bf16 (the default), fp16 or int8, which are faster for large models"
                            + " on processors without products of bf16 but take longer to load.")
    private Precision precision = Precision.BF16;

    @Option(
            names = "--lora",
            description =
                    "unmerged or merged: whether adapters are added to the base's weights (default: merged where there"
                            + " is one adapter and dtype is fp16 or int8, or bf16 and the model smaller than a gigabyte).")
    private @Nullable LoraMode loraMode;

    @Option(names = "--beams", paramLabel = "N", description = "Overrides the model's number of beams.")
    private @Nullable Integer beams;

    @Option(names = "--max-new-tokens", paramLabel = "N", description = "Overrides the longest description.")
    private @Nullable Integer maxNewTokens;

    @Option(
            names = "--max-pixels",
            paramLabel = "N",
            description = "The largest image, in pixels (default: ${DEFAULT-VALUE}).")
    private long maxPixels = ImageDecoder.Limits.DEFAULT.maxPixels();

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Threads of one operation (default: one for a model of less than a gigabyte, whose images are"
                    + " better worked on beside each other, all cores for a larger one).")
    private @Nullable Integer threads;

    /** The model's folder, its checksums found right. */
    ModelFolder folder() {
        ModelFolder folder = Installation.catalog().find(model);
        new Checksums(Installation.cacheFolder()).checkNew(folder);
        return folder;
    }

    /**
     * How the model is used.
     *
     * @param aspects the aspects that are asked for; empty for all
     */
    ScoringOptions scoring(ModelFolder folder, Set<Aspect> aspects, boolean describe) {
        if (!device.isCpu() && !Engine.cudaAvailable()) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--device %s: no CUDA device answers; m3agiqa doctor says what is missing".formatted(device));
        }
        if (!device.isCpu() && precision.packed()) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--dtype %s is for the processor; use bf16 with cuda".formatted(precision.id()));
        }
        if (maxPixels < 1) {
            throw new ParameterException(spec.commandLine(), "--max-pixels must be at least 1");
        }
        setThreads(folder);
        return new ScoringOptions(
                aspects,
                device,
                precision,
                Optional.ofNullable(loraMode),
                describe,
                optional("--beams", beams),
                optional("--max-new-tokens", maxNewTokens),
                new ImageDecoder.Limits(ImageDecoder.Limits.DEFAULT.maxBytes(), maxPixels));
    }

    private void setThreads(ModelFolder folder) {
        if (threads != null) {
            Engine.setThreads(optional("--threads", threads).getAsInt());
        } else if (System.getenv("OMP_NUM_THREADS") == null && folder.small()) {
            Engine.setThreads(1);
        }
    }

    private OptionalInt optional(String name, @Nullable Integer value) {
        if (value == null) {
            return OptionalInt.empty();
        }
        if (value < 1) {
            throw new ParameterException(spec.commandLine(), "%s must be at least 1".formatted(name));
        }
        return OptionalInt.of(value);
    }

    /** All that an answer depends on, for the record of a run. */
    Map<String, String> settings(ModelFolder folder) {
        Map<String, String> settings = new TreeMap<>();
        settings.put("version", Version.number());
        settings.put("engine", Engine.version());
        settings.put("model", folder.manifest().id());
        settings.put("weights", folder.fingerprint());
        settings.put("device", device.toString());
        settings.put("dtype", precision.id());
        settings.put("lora", loraMode == null ? "as dtype, model and its size have it" : loraMode.toString());
        settings.put("beams", beams == null ? "as the model has it" : beams.toString());
        settings.put("maxNewTokens", maxNewTokens == null ? "as the model has it" : maxNewTokens.toString());
        settings.put("maxPixels", String.valueOf(maxPixels));
        return settings;
    }

    /** Aspects by their names, in any case. */
    static final class AspectConverter implements ITypeConverter<Aspect> {
        @Override
        public Aspect convert(String value) {
            return converted(() -> Aspect.of(value));
        }
    }

    private static final class DeviceConverter implements ITypeConverter<Device> {
        @Override
        public Device convert(String value) {
            return converted(() -> Device.parse(value));
        }
    }

    private static final class PrecisionConverter implements ITypeConverter<Precision> {
        @Override
        public Precision convert(String value) {
            return converted(() -> Precision.of(value));
        }
    }

    private static <T> T converted(Supplier<T> conversion) {
        try {
            return conversion.get();
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }
}
