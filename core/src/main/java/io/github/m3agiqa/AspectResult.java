package io.github.m3agiqa;

/** What came of one aspect: a score, or the reason why there is none. */
public sealed interface AspectResult permits Score, Failure {}
