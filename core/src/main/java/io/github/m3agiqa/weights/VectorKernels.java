package io.github.m3agiqa.weights;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Inner products of one row of a matrix, in 8 bits or bfloat16, with one or three rows of float32. It needs the module
 * {@code jdk.incubator.vector}, so only {@link FewRows} touches it, which knows whether that is there.
 *
 * <p>The matrix is read as whole ints, each of which holds four weights or two, and one int's first weight, second, and
 * so on are multiplied with inputs that lie in the same order: see {@link #ordered}.
 */
final class VectorKernels {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS =
            FLOATS.withLanes(int.class).check(int.class);
    private static final int LANES = FLOATS.length();
    private static final int UPPER_HALF = 0xffff0000;

    private VectorKernels() {}

    /** How many inputs are multiplied at a time; the matrix must be a multiple of it wide. */
    static int block(int weightsAnInt) {
        return LANES * weightsAnInt;
    }

    /**
     * Inputs in the order in which a matrix's weights come out of ints: of each block the first input of every int, then
     * the second of every int.
     */
    static float[] ordered(float[] inputs, int weightsAnInt) {
        float[] ordered = new float[inputs.length];
        for (int i = 0; i < inputs.length; i++) {
            int inBlock = i % block(weightsAnInt);
            ordered[i - inBlock + (inBlock % weightsAnInt) * LANES + inBlock / weightsAnInt] = inputs[i];
        }
        return ordered;
    }

    /**
     * Multiplies some rows of a matrix of bytes.
     *
     * @param weights the matrix, row-major
     * @param first the first of its rows
     * @param last one behind the last
     * @param x (rows, in), row-major, each row {@link #ordered}
     * @param in how long a row is
     * @param y (rows, out), row-major: where the products go, one of each row for each row of the matrix
     */
    static void bytes(MemorySegment weights, int first, int last, float[] x, int in, float[] y) {
        float[] lanes = new float[LANES];
        int rows = x.length / in;
        int out = y.length / rows;
        for (int o = first; o < last; o++) {
            long offset = (long) o * in;
            int row = 0;
            for (; row + 3 <= rows; row += 3) {
                bytes(weights, offset, x, row * in, in, y, row * out + o, out, lanes);
            }
            for (; row < rows; row++) {
                y[row * out + o] = bytes(weights, offset, x, row * in, in, lanes);
            }
        }
    }

    /** As {@link #bytes(MemorySegment, int, int, float[], int, float[])}, of a matrix of bfloat16. */
    static void bfloat16(MemorySegment weights, int first, int last, float[] x, int in, float[] y) {
        float[] lanes = new float[LANES];
        int rows = x.length / in;
        int out = y.length / rows;
        for (int o = first; o < last; o++) {
            long offset = 2L * o * in;
            int row = 0;
            for (; row + 3 <= rows; row += 3) {
                bfloat16(weights, offset, x, row * in, in, y, row * out + o, out, lanes);
            }
            for (; row < rows; row++) {
                y[row * out + o] = bfloat16(weights, offset, x, row * in, in, lanes);
            }
        }
    }

    /** A row of bytes, at this offset, times the row of inputs that begins there. */
    private static float bytes(MemorySegment weights, long offset, float[] x, int at, int in, float[] lanes) {
        FloatVector first = FloatVector.zero(FLOATS);
        FloatVector second = first;
        FloatVector third = first;
        FloatVector fourth = first;
        for (int i = 0; i < in; i += 4 * LANES) {
            IntVector four = ints(weights, offset + i);
            int j = at + i;
            first = number(four.lanewise(VectorOperators.LSHL, 24)).fma(inputs(x, j), first);
            second = number(four.lanewise(VectorOperators.LSHL, 16)).fma(inputs(x, j + LANES), second);
            third = number(four.lanewise(VectorOperators.LSHL, 8)).fma(inputs(x, j + 2 * LANES), third);
            fourth = number(four).fma(inputs(x, j + 3 * LANES), fourth);
        }
        return sum(first.add(second).add(third.add(fourth)), lanes);
    }

    /** A row of bytes times three rows of inputs, with products {@code out} apart, each added up as one alone. */
    private static void bytes(
            MemorySegment weights, long offset, float[] x, int at, int in, float[] y, int to, int out, float[] lanes) {
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector a1 = zero;
        FloatVector a2 = zero;
        FloatVector a3 = zero;
        FloatVector a4 = zero;
        FloatVector b1 = zero;
        FloatVector b2 = zero;
        FloatVector b3 = zero;
        FloatVector b4 = zero;
        FloatVector c1 = zero;
        FloatVector c2 = zero;
        FloatVector c3 = zero;
        FloatVector c4 = zero;
        for (int i = 0; i < in; i += 4 * LANES) {
            IntVector four = ints(weights, offset + i);
            int a = at + i;
            int b = a + in;
            int c = b + in;
            FloatVector weight = number(four.lanewise(VectorOperators.LSHL, 24));
            a1 = weight.fma(inputs(x, a), a1);
            b1 = weight.fma(inputs(x, b), b1);
            c1 = weight.fma(inputs(x, c), c1);
            weight = number(four.lanewise(VectorOperators.LSHL, 16));
            a2 = weight.fma(inputs(x, a + LANES), a2);
            b2 = weight.fma(inputs(x, b + LANES), b2);
            c2 = weight.fma(inputs(x, c + LANES), c2);
            weight = number(four.lanewise(VectorOperators.LSHL, 8));
            a3 = weight.fma(inputs(x, a + 2 * LANES), a3);
            b3 = weight.fma(inputs(x, b + 2 * LANES), b3);
            c3 = weight.fma(inputs(x, c + 2 * LANES), c3);
            weight = number(four);
            a4 = weight.fma(inputs(x, a + 3 * LANES), a4);
            b4 = weight.fma(inputs(x, b + 3 * LANES), b4);
            c4 = weight.fma(inputs(x, c + 3 * LANES), c4);
        }
        y[to] = sum(a1.add(a2).add(a3.add(a4)), lanes);
        y[to + out] = sum(b1.add(b2).add(b3.add(b4)), lanes);
        y[to + 2 * out] = sum(c1.add(c2).add(c3.add(c4)), lanes);
    }

    private static float bfloat16(MemorySegment weights, long offset, float[] x, int at, int in, float[] lanes) {
        FloatVector first = FloatVector.zero(FLOATS);
        FloatVector second = first;
        for (int i = 0; i < in; i += 2 * LANES) {
            IntVector two = ints(weights, offset + 2L * i);
            int j = at + i;
            first = lower(two).fma(inputs(x, j), first);
            second = upper(two).fma(inputs(x, j + LANES), second);
        }
        return sum(first.add(second), lanes);
    }

    private static void bfloat16(
            MemorySegment weights, long offset, float[] x, int at, int in, float[] y, int to, int out, float[] lanes) {
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector a1 = zero;
        FloatVector a2 = zero;
        FloatVector b1 = zero;
        FloatVector b2 = zero;
        FloatVector c1 = zero;
        FloatVector c2 = zero;
        for (int i = 0; i < in; i += 2 * LANES) {
            IntVector two = ints(weights, offset + 2L * i);
            int a = at + i;
            int b = a + in;
            int c = b + in;
            FloatVector weight = lower(two);
            a1 = weight.fma(inputs(x, a), a1);
            b1 = weight.fma(inputs(x, b), b1);
            c1 = weight.fma(inputs(x, c), c1);
            weight = upper(two);
            a2 = weight.fma(inputs(x, a + LANES), a2);
            b2 = weight.fma(inputs(x, b + LANES), b2);
            c2 = weight.fma(inputs(x, c + LANES), c2);
        }
        y[to] = sum(a1.add(a2), lanes);
        y[to + out] = sum(b1.add(b2), lanes);
        y[to + 2 * out] = sum(c1.add(c2), lanes);
    }

    /** The lanes added up in their order, which reduceLanes may change once it is compiled. */
    private static float sum(FloatVector vector, float[] lanes) {
        vector.intoArray(lanes, 0);
        float sum = 0;
        for (float lane : lanes) {
            sum += lane;
        }
        return sum;
    }

    private static IntVector ints(MemorySegment weights, long offset) {
        return IntVector.fromMemorySegment(INTS, weights, offset, ByteOrder.LITTLE_ENDIAN);
    }

    private static FloatVector inputs(float[] x, int at) {
        return FloatVector.fromArray(FLOATS, x, at);
    }

    /** The uppermost byte of each int as a number. */
    private static FloatVector number(IntVector ints) {
        return (FloatVector) ints.lanewise(VectorOperators.ASHR, 24).convert(VectorOperators.I2F, 0);
    }

    /** The bfloat16 in the lower half of each int. */
    private static FloatVector lower(IntVector ints) {
        return ints.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    /** The bfloat16 in the upper half of each int. */
    private static FloatVector upper(IntVector ints) {
        return ints.and(UPPER_HALF).reinterpretAsFloats();
    }
}
