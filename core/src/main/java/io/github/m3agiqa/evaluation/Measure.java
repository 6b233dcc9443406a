package io.github.m3agiqa.evaluation;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The figures by which the field judges a model. */
public enum Measure {
    SRCC("SRCC", "Spearman's rank correlation", true),
    PLCC("PLCC", "Pearson's correlation of the scores as they are", true),
    PLCC_FITTED("PLCC fit", "Pearson's correlation after a 5-parameter logistic fit to these images", true),
    KRCC("KRCC", "Kendall's rank correlation, tau-b", true),
    RMSE("RMSE", "root of the mean squared error on the scale of 0 to 5", false),
    RMSE_FITTED("RMSE fit", "RMSE after the logistic fit", false),
    MAE("MAE", "mean absolute error on the scale of 0 to 5", false),
    MAE_FITTED("MAE fit", "MAE after the logistic fit", false),
    RATING_ACCURACY("words", "share of images with the rating word of the human score", true),
    SRCC_WITHIN_GENERATORS(
            "within",
            "mean SRCC among the images of one generator; telling generators apart is not enough for it",
            true),
    COVERAGE("coverage", "share of human scores inside their 90 % prediction interval", true);

    private static final String OWN_SCALE = "the scores are on a scale of their own";

    private final String label;
    private final String meaning;
    private final boolean higherIsBetter;

    Measure(String label, String meaning, boolean higherIsBetter) {
        this.label = label;
        this.meaning = meaning;
        this.higherIsBetter = higherIsBetter;
    }

    /** The head of its column. */
    public String label() {
        return label;
    }

    /** What it is, in a few words. */
    public String meaning() {
        return meaning;
    }

    /** Whether more is better. */
    public boolean higherIsBetter() {
        return higherIsBetter;
    }

    /** The name in JSON. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether it is a share of the images, which is told in percent. */
    boolean isShare() {
        return this == RATING_ACCURACY || this == COVERAGE;
    }

    /** Whether it is an error after the logistic fit, which says little where errors before it are known. */
    boolean isErrorAfterFit() {
        return this == RMSE_FITTED || this == MAE_FITTED;
    }

    /** Why there is no such figure of these images; null if there is one. */
    @Nullable
    String whyNot(Columns columns) {
        return switch (this) {
            case SRCC, PLCC, KRCC -> whyNoCorrelation(columns);
            case PLCC_FITTED -> {
                String why = whyNoFit(columns);
                yield why != null ? why : whyNoCorrelationOfFit(columns);
            }
            case RMSE_FITTED, MAE_FITTED -> whyNoFit(columns);
            case RMSE, MAE, RATING_ACCURACY -> columns.onScale() ? null : OWN_SCALE;
            case SRCC_WITHIN_GENERATORS ->
                columns.generators().isEmpty()
                        ? "no generator with %d images of different scores is known".formatted(Columns.FEWEST)
                        : null;
            case COVERAGE -> columns.covered().isPresent() ? null : "the predictions have no intervals";
        };
    }

    private static @Nullable String whyNoCorrelation(Columns columns) {
        if (columns.size() < 2) {
            return "one image has no correlation";
        }
        if (!Correlations.varies(columns.predicted())) {
            return "all computed scores are the same";
        }
        return Correlations.varies(columns.mos()) ? null : "all human scores are the same";
    }

    private static @Nullable String whyNoCorrelationOfFit(Columns columns) {
        String why = whyNoCorrelation(columns);
        return why != null || Correlations.varies(columns.fitted()) ? why : "the fitted map is level";
    }

    private static @Nullable String whyNoFit(Columns columns) {
        return columns.size() > LogisticFit.PARAMETERS
                ? null
                : "%d parameters cannot be fitted to %d images".formatted(LogisticFit.PARAMETERS, columns.size());
    }

    /** The figure of these images, each counted once; only where {@link #whyNot} finds nothing against it. */
    double of(Columns columns) {
        return switch (this) {
            case SRCC -> Correlations.srcc(columns.predicted(), columns.mos());
            case PLCC -> Correlations.plcc(columns.predicted(), columns.mos());
            case PLCC_FITTED -> Correlations.plcc(columns.fitted(), columns.mos());
            case KRCC -> Correlations.krcc(columns.predicted(), columns.mos());
            case RMSE -> Correlations.rmse(columns.predicted(), columns.mos());
            case RMSE_FITTED -> Correlations.rmse(columns.fitted(), columns.mos());
            case MAE -> Correlations.mae(columns.predicted(), columns.mos());
            case MAE_FITTED -> Correlations.mae(columns.fitted(), columns.mos());
            case RATING_ACCURACY, SRCC_WITHIN_GENERATORS, COVERAGE ->
                statistic(columns).of(columns.once());
        };
    }

    /** The figure as the bootstrap computes it. The logistic map stays what it is for all images. */
    Statistic statistic(Columns columns) {
        return switch (this) {
            case SRCC -> Recounted.srcc(columns.predicted(), columns.mos());
            case PLCC -> Recounted.plcc(columns.predicted(), columns.mos());
            case PLCC_FITTED -> Recounted.plcc(columns.fitted(), columns.mos());
            case KRCC -> Recounted.krcc(columns.predicted(), columns.mos());
            case RMSE -> Recounted.rmse(columns.predicted(), columns.mos());
            case RMSE_FITTED -> Recounted.rmse(columns.fitted(), columns.mos());
            case MAE -> Recounted.mae(columns.predicted(), columns.mos());
            case MAE_FITTED -> Recounted.mae(columns.fitted(), columns.mos());
            case RATING_ACCURACY -> Recounted.mean(columns.rightWords());
            case SRCC_WITHIN_GENERATORS -> {
                List<int[]> parts = List.copyOf(columns.generators().values());
                yield Recounted.weightedMean(
                        parts,
                        parts.stream()
                                .map(rows -> SRCC.statistic(columns.part(rows)))
                                .toList());
            }
            case COVERAGE -> Recounted.mean(columns.covered().orElseThrow());
        };
    }
}
