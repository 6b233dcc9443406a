package io.github.m3agiqa.mllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.Degradation;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.DrawnImages;
import io.github.m3agiqa.testing.TestModels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class TowerReadoutTest {
    private static final Path BASE = TestModels.tiny().resolve("base");
    private static final int MAX_SLICES = 4;

    /** Of both tiles; of the first picture, which shows the whole, only if it is alone. */
    @Test
    void aViewIsMeanAndDeviationOfThePatches() {
        try (Scope _ = new Scope()) {
            Tensor whole = Torch.floats(new float[] {100, -100}, 1, 2);
            Tensor left = Torch.floats(new float[] {1, 5, 3, 5}, 2, 2);
            Tensor right = Torch.floats(new float[] {5, 5, 7, 5}, 2, 2);

            float[] view = Torch.toFloats(TowerReadout.view(List.of(whole, left, right)));

            assertThat(view).containsExactly(new float[] {4, 5, (float) Math.sqrt(5), 0}, within(1e-6f));
            assertThat(Torch.toFloats(TowerReadout.view(List.of(whole)))).containsExactly(100, -100, 0, 0);
        }
    }

    /** It begins as the regression on the pictures it was given, and says something of others, too; 1 is knowing nothing. */
    @Test
    void beginsWithWhatARegressionFinds() {
        List<RgbImage> images = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            RgbImage image = image(i);
            images.add(i % 2 == 0 ? image : Degradation.BLUR.apply(image, 1 + i / 8.0, 0));
        }
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard();
                BaseModel base = new BaseModel(BASE, VisionMode.CORRECTED, Precision.FP32, Device.CPU);
                MiniCpmV model = base.alone();
                TowerReadout readout = new TowerReadout(model, images.subList(0, 32).stream(), MAX_SLICES)) {
            double known = error(model, readout, images.subList(0, 32));
            double others = error(model, readout, images.subList(32, 40));

            assertThat(known).isLessThan(0.5);
            assertThat(others).isGreaterThan(known).isLessThan(1);
            assertThat(readout.weights().values().stream().filter(Tensor::requires_grad))
                    .hasSize(2);
        }
    }

    private static double error(MiniCpmV model, TowerReadout readout, List<RgbImage> images) {
        List<Tensor> states = new ArrayList<>();
        List<Tensor> views = new ArrayList<>();
        for (RgbImage image : images) {
            SlicePlan plan = model.plan(image, MAX_SLICES);
            TokenizedConversation picture = model.template().picture(plan);
            Tensor embedded = model.embed(picture, model.encode(image, plan), 0, picture.length());
            Tensor hidden = model.llama().forward(embedded, new PackedContext(picture.length()));
            states.add(PictureStates.mean(hidden, picture));
            views.add(TowerReadout.view(model.vision().forward(plan.cut(image), LayerChain.PLAIN)));
        }
        return Torch.toFloats(readout.error(states, views))[0];
    }

    private static RgbImage image(long seed) {
        byte[] png = DrawnImages.encode(DrawnImages.landscape(64, 64, seed), "png");
        return new ImageDecoder(ImageDecoder.Limits.DEFAULT).decode("drawn", png, AlphaMode.WHITE);
    }
}
