package io.github.m3agiqa.weights;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * The weights of one model: a base, and perhaps an adapter that replaces some of its tensors and adds low-rank branches
 * to others.
 *
 * <p>Networks ask for what they need through {@link #root()}, and nothing is read yet. Then {@link #check()} reports
 * every tensor that is missing, misshapen or left over, so that a wrong model fails at once and with the whole list.
 */
public final class ModelWeights implements AutoCloseable {
    /** What becomes of an adapter's low-rank branches. */
    public enum LoraMode {
        /** {@code W x + scale * B (A x)}: the base stays shared. */
        UNMERGED,
        /** {@code (W + scale * B A) x}: no extra work a token, but the base's matrix is held once more. */
        MERGED
    }

    /** The low-rank branch of a linear layer: {@code scale * B (A dropout(x))}. */
    public record LowRank(Matrix a, Matrix b, Adapter adapter) {}

    private static final int MAX_PROBLEMS_SHOWN = 40;

    private final WeightStore base;
    private final @Nullable Adapter adapter;
    private final @Nullable WeightStore adapterStore;
    private final LoraMode loraMode;
    private final List<Runnable> closings = new ArrayList<>();
    private final List<Matrix> merged = new ArrayList<>();
    private final Set<String> askedOfBase = new HashSet<>();
    private final Set<String> askedOfAdapter = new HashSet<>();
    private final List<String> problems = new ArrayList<>();

    private ModelWeights(WeightStore base, @Nullable Adapter adapter, LoraMode loraMode) {
        this.base = base;
        this.adapter = adapter;
        this.adapterStore = adapter == null ? null : new WeightStore(adapter, base.precision(), base.device());
        this.loraMode = loraMode;
    }

    /** The weights of one source. The store may be shared; it is not closed with the model. */
    public static ModelWeights of(WeightStore base) {
        return new ModelWeights(base, null, LoraMode.UNMERGED);
    }

    /** The weights of a base with an adapter, which is closed with the model. */
    public static ModelWeights of(WeightStore base, Adapter adapter, LoraMode loraMode) {
        return new ModelWeights(base, adapter, loraMode);
    }

    /** Where networks start asking. */
    public Parameters root() {
        return new Parameters(this, "");
    }

    public Device device() {
        return base.device();
    }

    public Precision precision() {
        return base.precision();
    }

    /**
     * Compares what was asked for with what the files hold.
     *
     * @throws ModelException listing names and shapes of all tensors that are missing, misshapen or surplus
     */
    public void check() {
        List<String> all = new ArrayList<>(problems);
        surplus(base.source(), askedOfBase).forEach(all::add);
        if (adapter != null) {
            surplus(adapter, askedOfAdapter).forEach(all::add);
        }
        if (!all.isEmpty()) {
            String shown = all.stream().limit(MAX_PROBLEMS_SHOWN).collect(Collectors.joining("\n  "));
            String more =
                    all.size() > MAX_PROBLEMS_SHOWN ? "\n  and %d more".formatted(all.size() - MAX_PROBLEMS_SHOWN) : "";
            throw new ModelException("the weights in %s do not fit the model's configuration, %d problems:%n  %s%s"
                    .formatted(base.source().location(), all.size(), shown, more));
        }
    }

    private static Stream<String> surplus(TensorSource source, Collection<String> asked) {
        return source.tensors().entrySet().stream()
                .filter(entry -> !asked.contains(entry.getKey()))
                .map(entry -> "surplus: %s %s in %s"
                        .formatted(entry.getKey(), entry.getValue().shape(), source.location()));
    }

    Parameter float32(String name, List<Long> shape) {
        return storeOf(name, shape).float32(name);
    }

    Parameter asStored(String name, List<Long> shape) {
        return storeOf(name, shape).asStored(name);
    }

    Parameter bytes(String name, long length) {
        ask(base.source(), askedOfBase, name, List.of(length), true);
        return base.asStored(name);
    }

    DenseMatrix denseMatrix(String name, List<Long> shape) {
        return storeOf(name, shape).denseMatrix(name);
    }

    /** The weight of a module: where it is, and what is to be merged with it. */
    private record Stored(WeightStore store, String name, Optional<UnaryOperator<Tensor>> merging) {
        Tensor load() {
            Tensor weight = store.load(name, Dtype.F32);
            return merging.isEmpty() ? weight : merging.get().apply(weight);
        }
    }

    private Stored stored(String module, List<Long> shape) {
        String name = module + ".weight";
        WeightStore store = storeOf(name, shape);
        Adapter lowRank = adapter;
        return loraMode == LoraMode.MERGED && lowRank != null && askLowRank(lowRank, module, shape)
                ? new Stored(store, name, Optional.of(weight -> merge(weight, lowRank, module)))
                : new Stored(store, name, Optional.empty());
    }

    Matrix matrix(String module, List<Long> shape) {
        Stored weight = stored(module, shape);
        return weight.merging.isEmpty() ? weight.store.matrix(weight.name) : ownMatrix(List.of(weight));
    }

    /**
     * The matrices of modules that read the same, below one another; none where they are better multiplied one by one.
     *
     * @param outs the rows of each
     */
    Optional<Matrix> jointMatrix(List<String> modules, long in, long... outs) {
        List<Stored> weights = IntStream.range(0, outs.length)
                .mapToObj(i -> stored(modules.get(i), List.of(outs[i], in)))
                .toList();
        // matrices that are made anew in any case cost nothing more as one
        if (!base.joins() && weights.stream().anyMatch(weight -> weight.merging.isEmpty())) {
            return Optional.empty();
        }
        WeightStore store = weights.getFirst().store;
        boolean asStored = weights.stream().allMatch(weight -> weight.store == store && weight.merging.isEmpty());
        return Optional.of(
                asStored ? store.joint(weights.stream().map(Stored::name).toList()) : ownMatrix(weights));
    }

    /** A matrix of this model alone. */
    private Matrix ownMatrix(List<Stored> weights) {
        Matrix matrix = base.newMatrix(
                weights.stream()
                        .map(weight -> weight.merging.isEmpty() ? weight.name : weight.name + " with its adapter")
                        .collect(Collectors.joining(" over ")),
                weights.stream().<Supplier<Tensor>>map(weight -> weight::load).toList(),
                this::packMerged);
        merged.add(matrix);
        return matrix;
    }

    Parameter derived(Supplier<Tensor> computation) {
        Parameter parameter = new Parameter(computation);
        closings.add(parameter::close);
        return parameter;
    }

    /** The low-rank branch of a module that is still to be added; none if there is none or it is merged. */
    Optional<LowRank> lowRank(String module, List<Long> shape) {
        if (loraMode == LoraMode.MERGED
                || adapter == null
                || adapterStore == null
                || !askLowRank(adapter, module, shape)) {
            return Optional.empty();
        }
        return Optional.of(new LowRank(
                adapterStore.branch(module + Adapter.LORA_A), adapterStore.branch(module + Adapter.LORA_B), adapter));
    }

    /** Asks for a module's low-rank pair, if there is one. */
    private boolean askLowRank(Adapter from, String module, List<Long> shape) {
        String nameA = module + Adapter.LORA_A;
        String nameB = module + Adapter.LORA_B;
        if (!from.tensors().containsKey(nameA) && !from.tensors().containsKey(nameB)) {
            return false;
        }
        long rank = from.rank();
        ask(from, askedOfAdapter, nameA, List.of(rank, shape.get(1)));
        ask(from, askedOfAdapter, nameB, List.of(shape.get(0), rank));
        return true;
    }

    private void packMerged() {
        WeightStore.pack(merged);
    }

    private Tensor merge(Tensor weight, Adapter lowRank, String module) {
        try (Scope scope = new Scope()) {
            Tensor a = lowRank.load(module + Adapter.LORA_A, Dtype.F32, device());
            Tensor b = lowRank.load(module + Adapter.LORA_B, Dtype.F32, device());
            return scope.keep(torch.addmm(weight, b, a, Torch.scalar(1), Torch.scalar(lowRank.scale())));
        }
    }

    /** The store that a tensor comes from: the adapter's if it replaces the base's. */
    private WeightStore storeOf(String name, List<Long> shape) {
        ask(base.source(), askedOfBase, name, shape);
        if (adapter != null && adapterStore != null && adapter.tensors().containsKey(name)) {
            ask(adapter, askedOfAdapter, name, shape);
            return adapterStore;
        }
        return base;
    }

    private void ask(TensorSource source, Set<String> asked, String name, List<Long> shape) {
        ask(source, asked, name, shape, false);
    }

    private void ask(TensorSource source, Set<String> asked, String name, List<Long> shape, boolean bytes) {
        if (!asked.add(name)) {
            return;
        }
        TensorInfo info = source.tensors().get(name);
        if (info == null) {
            problems.add("missing: %s %s in %s".formatted(name, shape, source.location()));
        } else if (!info.shape().equals(shape)) {
            problems.add("misshapen: %s is %s in %s, the configuration needs %s"
                    .formatted(name, info.shape(), source.location(), shape));
        } else if (bytes ? info.dtype() != Dtype.U8 : !info.dtype().floating()) {
            problems.add("mistyped: %s is %s in %s, not %s"
                    .formatted(name, info.dtype(), source.location(), bytes ? Dtype.U8 : "a floating-point type"));
        }
    }

    @Override
    public void close() {
        closings.forEach(Runnable::run);
        merged.forEach(Matrix::close);
        if (adapterStore != null) {
            adapterStore.close();
        }
    }
}
