/** What the tests of all modules are made of: random models, drawn images, golden numbers, and the record of parity. */
@NullMarked
package io.github.m3agiqa.testing;

import org.jspecify.annotations.NullMarked;
