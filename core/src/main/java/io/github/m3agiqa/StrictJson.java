package io.github.m3agiqa;

import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.KeyDeserializer;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.MapperBuilder;
import com.fasterxml.jackson.databind.module.SimpleModule;

/** How JSON and YAML that people write are read: nothing is passed over, filled in or rounded. {@link JsonProblem} words the errors. */
public final class StrictJson {
    private StrictJson() {}

    /** The same builder, of a mapper that is so strict and knows aspects as keys. */
    public static <M extends ObjectMapper, B extends MapperBuilder<M, B>> B strict(B builder) {
        return builder.enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
                .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES) // a number that is missing would be 0
                .defaultSetterInfo(JsonSetter.Value.forContentNulls(Nulls.FAIL)) // in lists and among keys
                .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT) // which would round 2.5 epochs off
                .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
                .addModule(new SimpleModule("strict").addKeyDeserializer(Aspect.class, new KeyDeserializer() {
                    @Override
                    public Aspect deserializeKey(String key, DeserializationContext context) {
                        return Aspect.of(key);
                    }
                }));
    }
}
