/** Assessments as users and programs read them: JSON, CSV and a card for the terminal. */
@NullMarked
package io.github.m3agiqa.app.result;

import org.jspecify.annotations.NullMarked;
