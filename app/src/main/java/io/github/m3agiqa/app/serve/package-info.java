/** The scorer behind HTTP, and its page. */
@NullMarked
package io.github.m3agiqa.app.serve;

import org.jspecify.annotations.NullMarked;
