package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.tensor.Device;
import picocli.CommandLine.ITypeConverter;

/** A device as it is named on the command line. */
final class DeviceConverter implements ITypeConverter<Device> {
    @Override
    public Device convert(String text) {
        return Device.parse(text);
    }
}
