package io.github.m3agiqa.tensor;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Tensor;

/**
 * Where tensors live and are computed.
 *
 * @param kind processor or graphics card
 * @param index which one; 0 for the processor
 */
public record Device(Kind kind, int index) {
    /** The kinds of device. */
    public enum Kind {
        CPU,
        CUDA
    }

    /** The processor. */
    public static final Device CPU = new Device(Kind.CPU, 0);

    private static final Pattern SYNTAX = Pattern.compile("cpu|cuda(?::(\\d{1,2}))?");

    public Device {
        if (index < 0 || (kind == Kind.CPU && index != 0)) {
            throw new IllegalArgumentException("no device has the index " + index);
        }
    }

    /**
     * Reads {@code cpu}, {@code cuda} or {@code cuda:N}.
     *
     * @throws IllegalArgumentException if it is none of these
     */
    public static Device parse(String text) {
        Matcher matcher = SYNTAX.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("unknown device '%s': use cpu, cuda or cuda:N".formatted(text));
        }
        if (text.equals("cpu")) {
            return CPU;
        }
        return new Device(Kind.CUDA, matcher.group(1) == null ? 0 : Integer.parseInt(matcher.group(1)));
    }

    /** Where a tensor lives. */
    public static Device of(Tensor tensor) {
        return tensor.is_cpu() ? CPU : new Device(Kind.CUDA, tensor.device().index());
    }

    public boolean isCpu() {
        return kind == Kind.CPU;
    }

    /** Whether products of bfloat16 matrices are faster here than those of float32 ones. */
    public boolean multipliesBf16() {
        return !isCpu() || Processor.MULTIPLIES_BF16;
    }

    /** Whether attention over bfloat16 queries, keys and values is faster here than over float32 ones. */
    public boolean attendsInBf16() {
        return !isCpu() || Processor.ATTENDS_IN_BF16;
    }

    /** The engine's name for this device. */
    org.bytedeco.pytorch.Device engineDevice() {
        Engine.load();
        return new org.bytedeco.pytorch.Device(toString());
    }

    @Override
    public String toString() {
        return isCpu() ? "cpu" : "cuda:" + index;
    }
}
