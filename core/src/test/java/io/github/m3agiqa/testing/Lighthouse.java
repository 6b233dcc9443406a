package io.github.m3agiqa.testing;

import io.github.m3agiqa.image.RgbImage;
import org.jspecify.annotations.Nullable;

/**
 * A picture that the project computes itself, as much like a photograph as noise and shading make it: a red and white
 * lighthouse on a headland by the sea. It is the same to the last bit on every machine.
 *
 * <p>A point of the picture is {@code u} to the right and {@code v} downward, both from 0 to 1. The sun is on the left.
 */
public final class Lighthouse {
    private static final int SAMPLES_A_SIDE = 2;
    private static final double HORIZON = 0.63;

    /** The middle of the tower and its ends. */
    private static final double TOWER = 0.64;

    private static final double TOWER_TOP = 0.185;
    private static final double TOWER_FOOT = 0.575;

    private static final Colour SUNLIGHT = new Colour(1.08, 1.0, 0.88);
    private static final Colour SHADE = new Colour(0.42, 0.5, 0.62);
    private static final Colour RED = new Colour(0.72, 0.1, 0.08);
    private static final Colour WHITE = new Colour(0.93, 0.91, 0.87);
    private static final Colour IRON = new Colour(0.13, 0.14, 0.16);
    private static final Colour GLASS = new Colour(0.16, 0.22, 0.28);

    private Lighthouse() {}

    /** The picture, as wide as it is high. */
    public static RgbImage draw(int side) {
        byte[] pixels = new byte[3 * side * side];
        double step = 1.0 / (side * SAMPLES_A_SIDE);
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                Colour sum = Colour.BLACK;
                for (int sample = 0; sample < SAMPLES_A_SIDE * SAMPLES_A_SIDE; sample++) {
                    sum = sum.plus(colour(
                            (x * SAMPLES_A_SIDE + sample % SAMPLES_A_SIDE + 0.5) * step,
                            (y * SAMPLES_A_SIDE + sample / SAMPLES_A_SIDE + 0.5) * step));
                }
                sum.times(1.0 / (SAMPLES_A_SIDE * SAMPLES_A_SIDE)).store(pixels, 3 * (y * side + x));
            }
        }
        return new RgbImage(side, side, pixels);
    }

    /** What is nearest hides the rest. */
    private static Colour colour(double u, double v) {
        Colour seen = tower(u, v);
        if (seen == null) {
            seen = cottage(u, v);
        }
        if (seen == null) {
            seen = headland(u, v);
        }
        if (seen == null) {
            seen = boat(u, v);
        }
        if (seen == null) {
            seen = v > HORIZON ? sea(u, v) : v > islandTop(u) ? island(u, v) : sky(u, v);
        }
        return seen;
    }

    private static Colour sky(double u, double v) {
        double height = Math.clamp((HORIZON - v) / HORIZON, 0, 1);
        double toSun = distance(u - 0.08, 0.8 * (v - 0.5));
        Colour clear = new Colour(0.86, 0.84, 0.79)
                .mix(new Colour(0.42, 0.63, 0.85), smooth(0, 0.45, height))
                .mix(new Colour(0.13, 0.32, 0.62), smooth(0.3, 1.05, height))
                .plus(new Colour(0.34, 0.24, 0.1).times(StrictMath.exp(-4.5 * toSun)));

        // clouds lie on a ceiling above the sea, so they shrink towards the horizon
        double far = 1 / (height + 0.16);
        double x = 1.5 * (u - 0.5) * far + 3.1;
        double z = 1.9 * far + 7.4;
        double thickness = clouds(x, z);
        double towardsSun = clouds(x - 0.14, z + 0.1);
        double cover = smooth(0.49, 0.66, thickness) * smooth(0.02, 0.2, height);
        double lit = Math.clamp(0.62 + 3.2 * (thickness - towardsSun) - 0.9 * Math.max(0, thickness - 0.62), 0, 1);
        Colour cloud = new Colour(0.55, 0.6, 0.69).mix(new Colour(1.0, 0.97, 0.92), lit);
        return clear.mix(cloud, 0.93 * cover);
    }

    private static double clouds(double x, double z) {
        double bend = 0.5 * Noise.fractal(0.7 * x + 11, 0.7 * z, 3);
        return Noise.fractal(x + bend, z + bend, 6);
    }

    private static double islandTop(double u) {
        double rise = smooth(0.02, 0.2, u) * (1 - smooth(0.2, 0.43, u));
        return HORIZON - rise * (0.035 + 0.035 * Noise.fractal(14 * u, 3.3, 5));
    }

    private static Colour island(double u, double v) {
        double rock = Noise.fractal(60 * u, 90 * v, 4);
        return new Colour(0.4, 0.47, 0.55)
                .mix(new Colour(0.53, 0.58, 0.6), rock)
                .mix(new Colour(0.75, 0.77, 0.76), smooth(HORIZON - 0.03, HORIZON, v) * 0.5);
    }

    private static Colour sea(double u, double v) {
        double below = v - HORIZON;
        double far = 0.12 / (below + 0.012);
        double x = 9 * (u - 0.5) * far;
        double z = 22 * far;
        double height = waves(x, z);
        double slopeX = (waves(x + 0.06, z) - height) / 0.06;
        double slopeZ = (waves(x, z + 0.06) - height) / 0.06;
        double facing = Math.clamp(0.22 + 0.55 * slopeZ - 0.12 * slopeX, 0, 1);
        double mirror = Math.clamp(0.22 + 0.55 * StrictMath.exp(-9 * below) - 0.5 * facing, 0.04, 0.9);
        Colour deep = new Colour(0.02, 0.17, 0.26).mix(new Colour(0.07, 0.36, 0.4), smooth(0.35, 0.8, height));
        Colour mirrored = new Colour(0.55, 0.69, 0.82).mix(new Colour(0.88, 0.85, 0.78), StrictMath.exp(-14 * below));
        double path = StrictMath.exp(-30 * (u - 0.12) * (u - 0.12) / (0.3 + below));
        double glint = path * smooth(0.28, 0.6, slopeZ + 0.5 * slopeX) * 0.7;
        double crest = smooth(0.66, 0.76, height) * smooth(0.42, 0.6, Noise.fractal(2.5 * x, 1.5 * z, 5));
        Colour water = deep.mix(mirrored, mirror).plus(new Colour(1, 0.9, 0.7).times(glint));

        double toShore = shore(u) > v ? 0 : v - shore(u);
        double surf = StrictMath.exp(-26 * toShore) * smooth(0.33, 0.55, u);
        double foam = surf * smooth(0.36, 0.56, Noise.fractal(30 * u + 6 * v, 75 * v + 2 * height, 5));
        return water.mix(new Colour(0.93, 0.95, 0.95), Math.clamp(0.85 * crest + 0.95 * foam, 0, 0.95));
    }

    private static double waves(double x, double z) {
        double bend = Noise.fractal(0.3 * x, 0.2 * z, 2);
        double swell = 1 - Math.abs(2 * Noise.fractal(0.35 * x + bend, 0.8 * z + bend, 2) - 1);
        return 0.55 * swell + 0.45 * Noise.fractal(1.4 * x + 2 * bend, 2.8 * z, 4);
    }

    /** Where the grass ends against what is behind it. */
    private static double landTop(double u) {
        double rise = smooth(0.36, 0.6, u);
        return 0.77 - 0.2 * rise + 0.02 * (1 - rise) + 0.03 * (Noise.fractal(7 * u, 1.7, 6) - 0.5) * (1.3 - rise);
    }

    /** Where the rock meets the water. */
    private static double shore(double u) {
        return 0.775 + 0.15 * smooth(0.42, 1, u) + 0.03 * (Noise.fractal(13 * u, 8.1, 5) - 0.5);
    }

    private static @Nullable Colour headland(double u, double v) {
        double top = landTop(u);
        double blade = 0.006 * Noise.value(420 * u, 9.5) * smooth(0.5, 0.6, u);
        if (u < 0.36 || v < top - blade || v > shore(u)) {
            return null;
        }
        double depth = (v - top) / Math.max(0.02, shore(u) - top);
        double edge = 0.34 + 0.3 * (Noise.fractal(9 * u, 12 * v, 5) - 0.5);
        double grassy = smooth(0.08, -0.04, depth - edge) * smooth(0.47, 0.56, u);
        Colour land = rock(u, v, depth).mix(grass(u, v, depth), grassy);
        double inShadow = towerShadow(u, v);
        return land.times(1 - 0.45 * inShadow * grassy);
    }

    private static Colour rock(double u, double v, double depth) {
        double height = cliff(u, v);
        double slopeX = (cliff(u + 0.0022, v) - height) / 0.0022;
        double slopeY = (cliff(u, v + 0.0022) - height) / 0.0022;
        double light = Math.clamp(0.5 + 0.03 * slopeX + 0.028 * slopeY, 0.06, 1.15);
        Colour stone = new Colour(0.36, 0.3, 0.25)
                .mix(new Colour(0.62, 0.54, 0.44), Noise.fractal(16 * u, 40 * v, 5))
                .mix(new Colour(0.3, 0.32, 0.24), 0.6 * smooth(0.55, 0.7, Noise.fractal(30 * u, 30 * v, 3)));
        Colour wet = stone.times(0.48);
        return stone.mix(wet, smooth(0.72, 0.95, depth)).lit(light).times(0.55 + 0.6 * smooth(0.25, 0.6, height));
    }

    private static double cliff(double u, double v) {
        double bend = 0.12 * Noise.fractal(8 * u, 8 * v, 3);
        double ridges = 1 - Math.abs(2 * Noise.fractal(15 * u + 10 * bend, 9 * v + 4 * u, 4) - 1);
        return 0.65 * ridges + 0.35 * Noise.fractal(46 * u, 40 * v + 30 * bend, 5);
    }

    private static Colour grass(double u, double v, double depth) {
        double lean = 0.1 * Noise.fractal(20 * u, 20 * v, 2);
        double blades = Noise.fractal(260 * (u + lean * 0.05), 75 * v, 4);
        double patches = Noise.fractal(11 * u, 24 * v, 4);
        double flower = smooth(0.8, 0.86, Noise.value(190 * u, 190 * v)) * smooth(0.5, 0.62, patches);
        return new Colour(0.13, 0.21, 0.06)
                .mix(new Colour(0.52, 0.58, 0.2), blades)
                .mix(new Colour(0.66, 0.58, 0.3), 0.55 * smooth(0.48, 0.7, patches))
                .mix(new Colour(0.95, 0.9, 0.62), 0.8 * flower)
                .times(1.12 - 0.35 * smooth(0, 0.6, depth));
    }

    /** The tower's shadow falls to the right over the grass. */
    private static double towerShadow(double u, double v) {
        double along = (u - TOWER) / 0.36;
        if (along < 0 || along > 1) {
            return 0;
        }
        double middle = TOWER_FOOT + 0.004 + 0.05 * along;
        return smooth(0.017, 0.011, Math.abs(v - middle)) * (1 - 0.4 * along);
    }

    private static @Nullable Colour tower(double u, double v) {
        double x = u - TOWER;
        if (Math.abs(x) > 0.08 || v < 0.05 || v > TOWER_FOOT + 0.02) {
            return null;
        }
        if (Math.abs(x) < 0.0016 && v < 0.1) {
            return IRON;
        }
        if (distance(x, v - 0.092) < 0.0065) {
            return round(RED, x / 0.0065, 0.3);
        }
        double dome = 0.033 * Math.sqrt(Math.clamp((v - 0.094) / 0.028, 0, 1));
        if (v < 0.122) {
            return Math.abs(x) < dome ? round(RED, x / dome, 0.5) : null;
        }
        if (v < 0.127) {
            return Math.abs(x) < 0.037 ? round(IRON.times(1.6), x / 0.037, 0.2) : null;
        }
        if (v < TOWER_TOP - 0.013) {
            return lantern(x, v);
        }
        if (v < TOWER_TOP) {
            double half = 0.051 - 0.5 * Math.max(0, v - (TOWER_TOP - 0.006));
            return Math.abs(x) < half ? round(WHITE.times(0.9), x / half, v < TOWER_TOP - 0.008 ? 0.4 : -0.3) : null;
        }
        double down = (v - TOWER_TOP) / (TOWER_FOOT - TOWER_TOP);
        double half = 0.034 + 0.024 * down * (0.7 + 0.3 * down);
        double side = x / half;
        double foot = TOWER_FOOT + 0.008 * Math.sqrt(Math.max(0, 1 - side * side));
        return Math.abs(side) < 1 && v < foot ? wall(x, v, side, down) : null;
    }

    private static @Nullable Colour lantern(double x, double v) {
        double post = Math.abs(x) < 0.05 ? Math.abs(Math.abs(x) % 0.0125 - 0.00625) : 1;
        boolean rail = Math.abs(x) < 0.0505 && (Math.abs(v - 0.149) < 0.0014 || Math.abs(v - 0.16) < 0.0009);
        if (v > 0.148 && (rail || post < 0.0009)) {
            return IRON.lit(0.5 - 6 * x);
        }
        if (Math.abs(x) > 0.029) {
            return null;
        }
        double bar = Math.abs(Math.abs(x) % 0.0145 - 0.00725);
        if (bar < 0.0009 || Math.abs(v - 0.15) < 0.001) {
            return IRON.times(1.4);
        }
        double lamp = StrictMath.exp(-distance(1.2 * x, v - 0.15) / 0.009);
        return round(GLASS.mix(new Colour(0.62, 0.74, 0.84), 0.45 + 0.4 * smooth(0.01, -0.03, x)), x / 0.029, 0)
                .plus(new Colour(1.1, 0.85, 0.45).times(lamp));
    }

    private static Colour wall(double x, double v, double side, double down) {
        // seen from below, level lines of a cylinder bend upward in the middle
        double bend = 0.009 * (1 - Math.sqrt(1 - side * side));
        double level = 7 * ((v + bend - TOWER_TOP) / (TOWER_FOOT - TOWER_TOP));
        double edge = Math.abs(level - Math.rint(level));
        Colour paint = (int) Math.floor(level) % 2 == 0 ? WHITE : RED;
        double around = StrictMath.asin(side);
        double plaster = Noise.fractal(14 * around, 90 * v, 5);
        double streak = smooth(0.52, 0.75, Noise.fractal(11 * around, 5 * v, 4));
        double course = smooth(0.12, 0, Math.abs(48 * (v + bend) - Math.rint(48 * (v + bend))));
        Colour worn = paint.times(0.86 + 0.26 * plaster)
                .mix(new Colour(0.47, 0.37, 0.3), 0.3 * streak * (0.4 + 0.6 * down))
                .times(1 - 0.07 * course)
                .times(edge < 0.012 ? 0.85 : 1);
        for (double window : new double[] {0.265, 0.375, 0.485}) {
            Colour opening = window(x + 0.009, v - window);
            if (opening != null) {
                return opening;
            }
        }
        Colour door = door(x - 0.008, v);
        if (door != null) {
            return door;
        }
        double underGallery = 1 - 0.5 * smooth(0.03, 0.0, v - TOWER_TOP - 0.2 * x);
        return round(worn, side, 0).times(underGallery);
    }

    private static @Nullable Colour window(double x, double y) {
        if (Math.abs(x) > 0.0085 || Math.abs(y) > 0.0145) {
            return null;
        }
        if (Math.abs(x) > 0.0062 || Math.abs(y) > 0.0118) {
            return WHITE.lit(y > 0.0118 ? 1.05 : 0.62);
        }
        return Math.abs(x) < 0.0008 || Math.abs(y) < 0.0008
                ? WHITE.times(0.7)
                : GLASS.mix(new Colour(0.5, 0.62, 0.74), smooth(0.012, -0.012, y + x) * 0.7);
    }

    private static @Nullable Colour door(double x, double v) {
        double top = 0.533 - 0.008 * Math.sqrt(Math.max(0, 1 - x * x / 1e-4));
        if (Math.abs(x) > 0.012 || v < top - 0.003 || v > TOWER_FOOT + 0.006) {
            return null;
        }
        if (Math.abs(x) > 0.0098 || v < top) {
            return new Colour(0.6, 0.58, 0.54).lit(0.7);
        }
        double plank = Math.abs(x % 0.004) < 0.0006 ? 0.65 : 1;
        return new Colour(0.14, 0.27, 0.3).times(plank * (0.8 + 0.4 * Noise.fractal(500 * x, 40 * v, 3)));
    }

    private static @Nullable Colour cottage(double u, double v) {
        double foot = 0.583;
        double eaves = 0.533;
        double ridge = 0.492;
        if (u < 0.76 || u > 0.945 || v > foot) {
            return null;
        }
        if (u > 0.885 && u < 0.905 && v > 0.468 && v < 0.51) {
            double brick = Noise.fractal(220 * u, 320 * v, 3);
            return new Colour(0.5, 0.25, 0.18).times(0.75 + 0.5 * brick).lit(u < 0.892 ? 1 : 0.55);
        }
        if (v < eaves) {
            double slant = (eaves - v) / (eaves - ridge);
            if (slant > 1 || u < 0.765 + 0.03 * slant || u > 0.94 - 0.012 * slant) {
                return null;
            }
            double rows = Math.abs(150 * v - Math.rint(150 * v));
            double shift = Math.rint(150 * v) % 2 == 0 ? 0 : 0.5;
            double columns = Math.abs(110 * u + shift - Math.rint(110 * u + shift));
            double tile = 0.7 + 0.4 * Noise.value(110 * u + shift, Math.rint(150 * v));
            return new Colour(0.55, 0.25, 0.17)
                    .times(tile * (0.75 + 0.5 * Math.min(rows, columns)))
                    .lit(0.85);
        }
        if (u < 0.772 || u > 0.933) {
            return null;
        }
        for (double middle : new double[] {0.8, 0.87, 0.91}) {
            Colour opening = window(u - middle, v - 0.556);
            if (opening != null) {
                return opening;
            }
        }
        if (Math.abs(u - 0.837) < 0.0095 && v > 0.546) {
            return new Colour(0.16, 0.3, 0.34).times(0.8 + 0.4 * Noise.fractal(400 * u, 30 * v, 3));
        }
        double plaster = 0.84 + 0.24 * Noise.fractal(90 * u, 110 * v, 5);
        double underEaves = 1 - 0.45 * smooth(0.007, 0, v - eaves);
        double stone = smooth(0.57, 0.575, v);
        return WHITE.times(plaster)
                .mix(new Colour(0.45, 0.42, 0.38).times(plaster), stone)
                .lit(0.82)
                .times(underEaves);
    }

    private static @Nullable Colour boat(double u, double v) {
        double x = (u - 0.27) / 0.03;
        double y = (v - 0.668) / 0.03;
        if (y > -0.1 && y < 0.2 && Math.abs(x) < 0.9 - 1.4 * (y + 0.1)) {
            return y < -0.04 ? WHITE : new Colour(0.12, 0.2, 0.34).lit(0.7);
        }
        if (y <= -0.1 && y > -2.1) {
            double height = (y + 2.1) / 2;
            if (Math.abs(x - 0.05) < 0.025) {
                return new Colour(0.4, 0.3, 0.2);
            }
            if (x > -0.72 * height && x < 0.02 && y < -0.22) {
                return WHITE.lit(1.02 + 0.25 * x);
            }
            if (x > 0.1 && x < 0.72 * height - 0.08 && y < -0.22) {
                return WHITE.lit(0.7 - 0.2 * x);
            }
        }
        return null;
    }

    /** A surface that is round to the left and right and leans upward, lit by the sun and by the sky. */
    private static Colour round(Colour paint, double side, double up) {
        double x = Math.clamp(side, -1, 1);
        double towards = Math.sqrt(1 - x * x);
        double sun = Math.max(0, -0.78 * x + 0.5 * towards + 0.35 * up);
        return paint.lit(0.05 + 1.02 * sun);
    }

    private static double distance(double x, double y) {
        return Math.sqrt(x * x + y * y);
    }

    /** 0 before {@code from}, 1 after {@code to}, smooth between; {@code from} may be the greater. */
    private static double smooth(double from, double to, double x) {
        double t = Math.clamp((x - from) / (to - from), 0, 1);
        return t * t * (3 - 2 * t);
    }

    /** Red, green and blue, 0 to 1 where they can be shown. */
    private record Colour(double red, double green, double blue) {
        static final Colour BLACK = new Colour(0, 0, 0);

        Colour plus(Colour other) {
            return new Colour(red + other.red, green + other.green, blue + other.blue);
        }

        Colour times(double factor) {
            return new Colour(factor * red, factor * green, factor * blue);
        }

        Colour mix(Colour other, double share) {
            return times(1 - share).plus(other.times(share));
        }

        /** This paint with that share of the sun's light, and the light of the sky. */
        Colour lit(double share) {
            Colour light = SHADE.mix(SUNLIGHT, Math.clamp(share, 0, 1.1));
            return new Colour(red * light.red, green * light.green, blue * light.blue);
        }

        void store(byte[] pixels, int at) {
            pixels[at] = level(red);
            pixels[at + 1] = level(green);
            pixels[at + 2] = level(blue);
        }

        private static byte level(double value) {
            return (byte) Math.clamp(Math.round(255 * value), 0, 255);
        }
    }

    /** Smooth noise between 0 and 1 that is fixed for every place. */
    private static final class Noise {
        private Noise() {}

        /** Noise at a number of scales, each half as wide and half as strong as the one before. */
        static double fractal(double x, double y, int scales) {
            double sum = 0;
            double weight = 0.5;
            double all = 0;
            double a = x;
            double b = y;
            for (int scale = 0; scale < scales; scale++) {
                sum += weight * value(a, b);
                all += weight;
                weight /= 2;
                // turned by the angle of a 3-4-5 triangle, so that no grid shows
                double turned = 1.6 * a - 1.2 * b + 17.3;
                b = 1.2 * a + 1.6 * b + 9.1;
                a = turned;
            }
            return sum / all;
        }

        static double value(double x, double y) {
            double left = Math.floor(x);
            double top = Math.floor(y);
            double across = fade(x - left);
            double down = fade(y - top);
            int column = (int) left;
            int row = (int) top;
            double upper = corner(column, row) * (1 - across) + corner(column + 1, row) * across;
            double lower = corner(column, row + 1) * (1 - across) + corner(column + 1, row + 1) * across;
            return upper * (1 - down) + lower * down;
        }

        private static double fade(double t) {
            return t * t * t * (t * (6 * t - 15) + 10);
        }

        private static double corner(int column, int row) {
            int hash = (column * 0x9E3779B1) ^ (row * 0x85EBCA77);
            hash = (hash ^ (hash >>> 15)) * 0x2C1B3C6D;
            hash = (hash ^ (hash >>> 12)) * 0x297A2D39;
            return ((hash ^ (hash >>> 15)) >>> 8) / (double) (1 << 24);
        }
    }
}
