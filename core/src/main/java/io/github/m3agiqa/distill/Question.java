package io.github.m3agiqa.distill;

import io.github.m3agiqa.Aspect;

/**
 * What a teacher is asked about one image.
 *
 * @param image the image's file name in its dataset
 * @param imageHash SHA-256 of the image's bytes, in hexadecimal
 * @param aspect what it is about
 * @param text what is asked, with the image's prompt in it
 * @param textHash SHA-256 of the text, in hexadecimal
 * @param teacher provider, model and settings, in one line
 * @param revealsScore whether the text tells people's score
 */
public record Question(
        String image,
        String imageHash,
        Aspect aspect,
        String text,
        String textHash,
        String teacher,
        boolean revealsScore) {}
