package io.github.m3agiqa.training;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.ConversationFile;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.Prompts;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.dataset.Split;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RandomView;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.mllm.Turn;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** The images and texts that a base learns from. */
final class PretrainingData {
    private static final AlphaMode ALPHA = AlphaMode.WHITE;

    private final ImageDecoder decoder = new ImageDecoder(ImageDecoder.Limits.DEFAULT);
    private final PretrainRecipe recipe;
    private final Dataset dataset;

    private final Map<String, Path> files = new LinkedHashMap<>();
    private final List<Seen> train = new ArrayList<>();
    private final List<Seen> validation = new ArrayList<>();
    private final List<Conversation> texts = new ArrayList<>();
    /** What was said about an image, by its name. */
    private final Map<String, List<Conversation>> descriptions = new HashMap<>();

    /**
     * An image, or another picture that is made of it.
     *
     * @param view 0 for the image itself, {@link #SPOILT} for one that is spoilt, in another way each time
     */
    record Seen(Sample sample, int view) {
        static final int SPOILT = -1;

        boolean spoilt() {
            return view == SPOILT;
        }

        String name() {
            return view == 0 ? sample.name() : sample.name() + " view " + view;
        }
    }

    /**
     * Chooses and reads what a recipe names.
     *
     * @throws InputException if something of it is missing or damaged, or no image is left to learn from
     */
    PretrainingData(Path recipeFile, PretrainRecipe recipe) {
        this.recipe = recipe;
        this.dataset = Recipes.dataset(recipe.dataset(), null);
        Recipes.noteScores(files, recipe.dataset());
        chooseImages();
        for (Path file : recipe.texts()) {
            files.put("texts/" + file, file);
            texts.addAll(ConversationFile.read(file));
        }
        for (Path file : recipe.descriptions()) {
            files.put("descriptions/" + file, file);
            ConversationFile.read(file)
                    .forEach(conversation -> descriptions
                            .computeIfAbsent(conversation.imageName(), _ -> new ArrayList<>())
                            .add(conversation));
        }
        if (recipe.captionQuestion() == null) {
            train.removeIf(seen -> !seen.spoilt() && descriptionsOf(seen).isEmpty());
            validation.removeIf(seen -> descriptionsOf(seen).isEmpty());
        }
        if (train.isEmpty()) {
            throw new InputException(
                    "%s: no image of %s is left to learn from".formatted(recipeFile, dataset.folder()));
        }
    }

    /** The files that were read, by what they are for. */
    Map<String, Path> files() {
        return files;
    }

    Dataset dataset() {
        return dataset;
    }

    /** The pictures that are learned from. */
    List<Seen> train() {
        return train;
    }

    /** The images of other prompts, by which a checkpoint is chosen. */
    List<Seen> validation() {
        return validation;
    }

    /** The conversations that are learned from without an image. */
    List<Conversation> texts() {
        return texts;
    }

    /** Leaves out what is held out, and sets whole prompts apart for validation. */
    private void chooseImages() {
        Set<String> heldOut = Recipes.imagesOf(recipe.heldOut(), files);
        PretrainRecipe.HeldOutFold fold = recipe.heldOutFold();
        if (fold != null) {
            Split.groupFolds(dataset, fold.folds(), fold.seed())
                    .get(fold.fold() - 1)
                    .test()
                    .forEach(sample -> heldOut.add(sample.name()));
        }
        List<Sample> samples = dataset.samples().stream()
                .filter(sample -> !heldOut.contains(sample.name()) && sample.prompt() != null)
                .toList();
        dataset.checkImages(samples);
        List<Sample> learnable = samples.stream()
                .filter(sample -> !Prompts.calibrateOn(sample, recipe.calibrationShare()))
                .toList();
        Set<String> chosen = Prompts.validateOn(learnable, recipe.validationShare(), recipe.seed());
        for (Sample sample : samples) {
            if (chosen.contains(sample.group())) {
                validation.add(new Seen(sample, 0));
            } else {
                IntStream.rangeClosed(0, recipe.views()).forEach(view -> train.add(new Seen(sample, view)));
                train.addAll(Collections.nCopies(recipe.spoilt(), new Seen(sample, Seen.SPOILT)));
            }
        }
    }

    /** Whether what people, or a teacher who knew it, thought of an image holds here and is not left to calibrate on. */
    private boolean opinionsAreLearned(Seen seen) {
        return seen.view == 0 && !Prompts.calibrateOn(seen.sample, recipe.calibrationShare());
    }

    /** The descriptions of an image that are learned. */
    private List<Conversation> descriptionsOf(Seen seen) {
        return opinionsAreLearned(seen) ? descriptions.getOrDefault(seen.sample.name(), List.of()) : List.of();
    }

    /** Of the pictures that are learned from, the images themselves. */
    List<Seen> originals() {
        return train.stream().filter(seen -> seen.view == 0).toList();
    }

    /** What caches call them. */
    static List<String> names(List<Seen> images) {
        return images.stream().map(Seen::name).toList();
    }

    /** What reads each of these images, and those for validation. */
    Map<String, Supplier<RgbImage>> readers(List<Seen> learned) {
        Map<String, Supplier<RgbImage>> images = new LinkedHashMap<>();
        Stream.concat(learned.stream(), validation.stream())
                .forEach(seen -> images.put(seen.name(), () -> decode(seen)));
        return images;
    }

    /** The prompt of an image, and each description of it. */
    List<List<Turn>> topics(Seen seen) {
        List<List<Turn>> topics = new ArrayList<>();
        String question = recipe.captionQuestion();
        if (question != null) {
            topics.add(List.of(Turn.user(question), Turn.assistant(String.valueOf(seen.sample.prompt()))));
        }
        descriptionsOf(seen)
                .forEach(conversation ->
                        topics.add(Finetuning.turns(conversation).subList(0, 2)));
        return topics;
    }

    /** What people thought of an image; NaN where that is not learned, or they were not asked. */
    List<Double> scores(Seen seen) {
        boolean known = opinionsAreLearned(seen);
        return recipe.scores().stream()
                .map(aspect -> known ? seen.sample.mos(aspect) : Double.NaN)
                .toList();
    }

    /**
     * Reads a picture; one that is spoilt is not spoilt yet.
     *
     * @throws io.github.m3agiqa.ImageException if it cannot be read
     */
    RgbImage decode(Seen seen) {
        RgbImage image = decoder.decode(dataset.image(seen.sample), ALPHA);
        return seen.view <= 0
                ? image
                : RandomView.of(image, 31 * recipe.seed() + seen.name().hashCode());
    }
}
