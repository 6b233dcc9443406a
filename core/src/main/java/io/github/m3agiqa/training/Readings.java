package io.github.m3agiqa.training;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.ScoringException;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.ConversationFile;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.hub.ModelManifest;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.hub.ModelManifest.Rate;
import io.github.m3agiqa.hub.PromptSlot;
import io.github.m3agiqa.mllm.Turn;
import io.github.m3agiqa.training.DescriptionSettings.Source;
import io.github.m3agiqa.training.TrainRecipe.ConversationFiles;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What the predictor reads about images: the model's own questions, and the descriptions of conversation files. */
final class Readings {
    private final ModelManifest manifest;
    private final Map<Aspect, List<Conversation>> train = new EnumMap<>(Aspect.class);
    private final Map<Aspect, List<Conversation>> test = new EnumMap<>(Aspect.class);
    private final Map<Aspect, Map<String, Conversation>> byImage = new EnumMap<>(Aspect.class);
    private final Map<String, Path> files = new LinkedHashMap<>();

    /**
     * Reads the conversation files.
     *
     * @throws InputException if one is missing or damaged, or the model does not ask about an aspect
     */
    Readings(ModelManifest manifest, Map<Aspect, ConversationFiles> conversations) {
        this.manifest = manifest;
        conversations.forEach((aspect, parts) -> {
            settings(aspect);
            train.put(aspect, read(aspect, parts.train()));
            test.put(aspect, parts.test() == null ? List.of() : read(aspect, parts.test()));
            Map<String, Conversation> named = new HashMap<>();
            train(aspect).forEach(conversation -> named.put(conversation.imageName(), conversation));
            test(aspect).forEach(conversation -> named.put(conversation.imageName(), conversation));
            byImage.put(aspect, named);
        });
    }

    private List<Conversation> read(Aspect aspect, Path file) {
        Recipes.note(files, aspect.id(), file);
        return ConversationFile.read(file);
    }

    /** The files that were read, by short names. */
    Map<String, Path> files() {
        return files;
    }

    /** The authors' training list. */
    List<Conversation> train(Aspect aspect) {
        return train.getOrDefault(aspect, List.of());
    }

    /** The authors' test list; empty if they published none. */
    List<Conversation> test(Aspect aspect) {
        return test.getOrDefault(aspect, List.of());
    }

    private AspectManifest settings(Aspect aspect) {
        return Optional.ofNullable(manifest.aspects().get(aspect))
                .orElseThrow(() -> new InputException(
                        "the model %s has no questions about %s".formatted(manifest.id(), aspect.id())));
    }

    /**
     * What is read about some images to rate an aspect.
     *
     * @param source whose descriptions are read
     * @throws InputException saying how many images have no such description, or no prompt where one is asked about; or
     *     that a teacher was told the score, where the settings say that none was
     */
    List<Reading> of(List<Sample> samples, Aspect aspect, DescriptionSettings descriptions, Source source) {
        List<Aspect> rounds = switch (descriptions.rounds()) {
            case NONE -> List.of();
            case OWN, OWN_OR_NONE -> List.of(aspect);
            case ALL -> List.copyOf(byImage.keySet());
        };
        if (source == Source.TEACHER && !descriptions.teacherSawMos()) {
            rounds.forEach(this::checkTeacherSawNoMos);
        }
        List<Reading> readings = new ArrayList<>();
        List<String> lacking = new ArrayList<>();
        for (Sample sample : samples) {
            List<Turn> turns = new ArrayList<>();
            for (Aspect round : rounds) {
                Optional<String> description = description(sample, round, source);
                if (description.isEmpty()) {
                    lacking.add(sample.name());
                } else {
                    turns.add(ask(settings(round).describe().question(), sample));
                    turns.add(Turn.assistant(description.get()));
                }
            }
            turns.add(ask(settings(aspect).rate().question(), sample));
            readings.add(new Reading(
                    sample,
                    turns,
                    settings(aspect).rate().maxSlices(),
                    settings(aspect).rate().maxLength(),
                    Alteration.NONE));
        }
        if (!lacking.isEmpty()) {
            throw new InputException("%d images have no %s, such as %s: %s"
                    .formatted(
                            lacking.size(),
                            source == Source.TEACHER ? "description by the teacher" : "response_0",
                            lacking.getFirst(),
                            source == Source.TEACHER
                                    ? "add their conversations, or leave them out"
                                    : "let the model describe them with m3agiqa describe, or set rounds: none"));
        }
        return readings;
    }

    /**
     * The pictures of some images alone, as they are read to rate an aspect, to be matched with their prompts.
     *
     * @throws InputException if one has no prompt
     */
    List<Reading> pictures(List<Sample> samples, Aspect aspect) {
        samples.stream().filter(sample -> sample.prompt() == null).findFirst().ifPresent(sample -> {
            throw new InputException(
                    "%s has no prompt that its picture could be matched with; leave matcher out of the recipe"
                            .formatted(sample.name()));
        });
        Rate rate = settings(aspect).rate();
        return samples.stream()
                .map(sample -> new Reading(sample, List.of(), rate.maxSlices(), rate.maxLength(), Alteration.NONE))
                .toList();
    }

    private void checkTeacherSawNoMos(Aspect aspect) {
        List<String> told = byImage.getOrDefault(aspect, Map.of()).values().stream()
                .filter(conversation -> Boolean.TRUE.equals(conversation.teacherSawMos()))
                .map(Conversation::imageName)
                .sorted()
                .toList();
        if (!told.isEmpty()) {
            throw new InputException(
                    "the teacher was told the %s score of %d images, such as %s, and the recipe says teacherSawMos: false; set it to true, and test on the model's own descriptions"
                            .formatted(aspect.id(), told.size(), told.getFirst()));
        }
    }

    private Optional<String> description(Sample sample, Aspect round, Source source) {
        return Optional.ofNullable(byImage.getOrDefault(round, Map.of()).get(sample.name()))
                .flatMap(conversation -> switch (source) {
                    case TEACHER ->
                        Optional.ofNullable(conversation.conversations().get(1).content());
                    case RESPONSE -> Optional.ofNullable(conversation.response0());
                })
                .filter(text -> !text.isBlank());
    }

    private static Turn ask(String question, Sample sample) {
        try {
            return Turn.user(PromptSlot.fill(question, sample.prompt()));
        } catch (ScoringException e) {
            throw new InputException("%s has no prompt, and the model asks about it".formatted(sample.name()), e);
        }
    }
}
