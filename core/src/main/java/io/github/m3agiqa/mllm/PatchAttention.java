package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Attention of an image's patches over all of them, as the device does it fastest. Where products of bfloat16 are fast and the
 * engine's own attention over them is not, long ones are put together from such products, a few heads at a time: over 1,024
 * patches that takes a fifth of what the engine needs for float32.
 */
final class PatchAttention {
    /** Fewer patches than these gain nothing. */
    private static final int IN_PRODUCTS_FROM = 128;

    /** Weights of a patch that add up to less or more before they are normalised may be beyond what float32 holds. */
    private static final double LEAST_SUM = 1e-30;

    private static final double LARGEST_SUM = 1e30;

    /** About how many weights of a patch for another are computed at once: 4 MiB of them stay in the processor's cache. */
    private static final long AT_ONCE = 2 << 20;

    private PatchAttention() {}

    /**
     * Attends.
     *
     * @param query (images, heads, patches, head size), like key and value
     * @param operands what the operands of products are rounded to
     * @return the same shape
     */
    static Tensor attend(Tensor query, Tensor key, Tensor value, Dtype operands) {
        Device device = Device.of(query);
        if (operands != Dtype.BF16 || device.attendsInBf16()) {
            return torch.scaled_dot_product_attention(query, key, value);
        }
        boolean learned = query.requires_grad() || key.requires_grad() || value.requires_grad();
        if (query.size(2) >= IN_PRODUCTS_FROM && !learned) {
            return inProducts(query, key, value);
        }
        return torch.scaled_dot_product_attention(
                Torch.to(query, Dtype.F32), Torch.to(key, Dtype.F32), Torch.to(value, Dtype.F32));
    }

    /** Attention whose weights are rounded to bfloat16 before they are normalised; without gradients. */
    static Tensor inProducts(Tensor query, Tensor key, Tensor value) {
        try (Scope scope = new Scope()) {
            Tensor scaled = operand(Torch.divide(query, Math.sqrt((double) query.size(3))));
            Tensor keys = operand(key).transpose(2, 3);
            Tensor values = operand(value);
            Tensor mixed = query.new_empty(query.size(0), query.size(2), query.size(1), query.size(3))
                    .transpose(1, 2); // so that a patch's heads lie side by side
            long heads = Math.max(1, Math.round((double) AT_ONCE / (query.size(2) * query.size(2))));
            for (long image = 0; image < query.size(0); image++) {
                for (long head = 0; head < query.size(1); head += heads) {
                    attend(scaled, keys, values, mixed, image, head, Math.min(heads, query.size(1) - head));
                }
            }
            return scope.keep(mixed);
        }
    }

    private static Tensor operand(Tensor x) {
        return Torch.to(x, Dtype.BF16).contiguous();
    }

    private static void attend(
            Tensor query, Tensor keys, Tensor allValues, Tensor mixed, long image, long head, long heads) {
        try (Scope _ = new Scope()) {
            Supplier<Tensor> scores = () -> heads(query, image, head, heads).matmul(heads(keys, image, head, heads));
            Tensor values = heads(allValues, image, head, heads);
            Tensor result = heads(mixed, image, head, heads);
            // a softmax takes longer, as it takes off the largest score of each row first, which only very large ones
            // need
            Tensor weights = scores.get().exp_();
            Tensor sums = Torch.sum(weights, -1);
            if (sums.min().item_float() > LEAST_SUM && sums.max().item_float() < LARGEST_SUM) {
                torch.div_out(result, Torch.to(weights.matmul(values), Dtype.F32), sums);
            } else {
                result.copy_(torch.softmax(scores.get(), -1).matmul(values));
            }
        }
    }

    private static Tensor heads(Tensor all, long image, long head, long heads) {
        return all.select(0, image).narrow(0, head, heads);
    }
}
