package io.github.m3agiqa.distill;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.ConversationFile;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.DatasetReader;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.testing.Goldens;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The published conversations pass through a store, and the questions are theirs. */
@Tag("shared")
class PublishedConversationsTest {
    @TempDir
    private Path folder;

    private static List<Conversation> published(String dataset, Aspect aspect, String part) {
        return ConversationFile.read(
                Goldens.shared("datasets/%s/conversations/%s_%s.json".formatted(dataset, aspect.id(), part)));
    }

    @ParameterizedTest
    @CsvSource({
        "agiqa-3k, QUALITY, true",
        "agiqa-3k, CORRESPONDENCE, true",
        "aigciqa2023, QUALITY, false",
        "aigciqa2023, CORRESPONDENCE, true",
        "aigciqa2023, AUTHENTICITY, true"
    })
    void areImportedAndExportedWithoutLoss(String name, Aspect aspect, boolean asksAsWeDo) {
        List<Conversation> all = new ArrayList<>(published(name, aspect, "train"));
        all.addAll(published(name, aspect, "test"));
        Dataset nothing = new Dataset(name, folder, List.of());

        try (AnswerStore store = new AnswerStore(folder)) {
            for (String part : List.of("train", "test")) {
                List<Conversation> conversations = published(name, aspect, part);
                assertThat(store.add(aspect, part, conversations)).isEqualTo(conversations.size());
            }
            assertThat(Export.conversations(store, nothing, aspect, Questions.published(), true))
                    .isEqualTo(all);
        }
        if (asksAsWeDo) {
            Questions.Wording ours = Questions.published().of(aspect);
            assertThat(all).extracting(Conversation::rateRequest).containsOnly(ours.rate());
            String[] parts = ours.describe().split("\\{prompt}", -1);
            assertThat(all)
                    .extracting(one -> one.describeRequest().strip())
                    .allMatch(request -> request.startsWith(parts[0]) && request.endsWith(parts[1]));
        }
    }

    @Test
    void theQuestionOfAnImageIsThePublishedOne() {
        Dataset agiqa = DatasetReader.read(Goldens.shared("datasets/agiqa-3k"));
        for (Aspect aspect : List.of(Aspect.QUALITY, Aspect.CORRESPONDENCE)) {
            List<Conversation> train = published("agiqa-3k", aspect, "train");
            long same = train.stream()
                    .filter(conversation -> {
                        Sample sample = agiqa.sample(conversation.imageName()).orElseThrow();
                        return Questions.published()
                                .describe(aspect, sample, false)
                                .equals(conversation.describeRequest());
                    })
                    .count();
            assertThat(same).as(aspect.id()).isEqualTo(train.size());
        }
    }
}
