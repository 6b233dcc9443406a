package io.github.m3agiqa.spark;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.AspectResult;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.Score;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * What an image's assessment becomes in a table.
 *
 * @param aspects one struct each
 */
record ScoreColumns(List<Aspect> aspects) implements Serializable {
    private static final long serialVersionUID = 1;
    private static final StructType ERROR =
            new StructType().add("code", DataTypes.StringType, false).add("message", DataTypes.StringType, false);
    private static final StructType ASPECT = new StructType()
            .add("score", DataTypes.FloatType)
            .add("rating", DataTypes.StringType)
            .add("interval_low", DataTypes.FloatType)
            .add("interval_high", DataTypes.FloatType)
            .add("description", DataTypes.StringType)
            .add("error", ERROR);

    StructType schema() {
        StructType schema = new StructType().add("model", DataTypes.StringType);
        for (Aspect aspect : aspects) {
            schema = schema.add(aspect.id(), ASPECT);
        }
        return schema.add("error", ERROR).add("elapsed_millis", DataTypes.LongType);
    }

    /** The values of those columns. */
    Object[] of(Assessment assessment) {
        List<@Nullable Object> values = new ArrayList<>();
        values.add(assessment.model());
        for (Aspect aspect : aspects) {
            values.add(struct(assessment.aspects().get(aspect)));
        }
        values.add(error(assessment.failure()));
        values.add(assessment.elapsed().toMillis());
        return values.toArray();
    }

    private static @Nullable Row struct(@Nullable AspectResult result) {
        return switch (result) {
            case null -> null;
            case Score score ->
                RowFactory.create(
                        (float) score.value(),
                        score.rating().word(),
                        score.interval() == null
                                ? null
                                : (float) score.interval().low(),
                        score.interval() == null
                                ? null
                                : (float) score.interval().high(),
                        score.description(),
                        null);
            case Failure failure -> RowFactory.create(null, null, null, null, null, error(failure));
        };
    }

    private static @Nullable Row error(@Nullable Failure failure) {
        return failure == null ? null : RowFactory.create(failure.code().name(), failure.message());
    }
}
