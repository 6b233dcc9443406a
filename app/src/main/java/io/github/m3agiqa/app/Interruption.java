package io.github.m3agiqa.app;

import java.io.PrintWriter;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** What is done, while it is open, when the process is told to end, as by Ctrl-C. */
final class Interruption implements AutoCloseable {
    /** As of a process that SIGTERM ends. */
    private static final int EXIT_CODE = 143;

    private final Thread hook;

    /** @param told is run by the process that ends, which waits for it */
    Interruption(Runnable told) {
        hook = new Thread(told);
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /**
     * Ends the process at once. Otherwise the engine takes itself apart while its threads compute gradients, and a crash is
     * reported. Nothing is lost: what runs write is whole at every moment.
     *
     * @param err is told that the process ends
     */
    static Interruption endingAtOnce(PrintWriter err) {
        MethodHandle exit = Linker.nativeLinker()
                .downcallHandle(
                        Linker.nativeLinker().defaultLookup().findOrThrow("_exit"),
                        FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT));
        return new Interruption(() -> {
            err.println("m3agiqa: stopped; the same command goes on from the last checkpoint");
            err.flush();
            try {
                exit.invokeExact(EXIT_CODE);
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        });
    }

    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException _) {
            // it ends already
        }
    }
}
