package io.github.m3agiqa;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The package table of docs/architecture.md. */
class ArchitectureTest {
    private static final String ROOT = "io.github.m3agiqa";

    /** For each package the packages of this project that it may use. */
    private static final Map<String, List<String>> MAY_USE = Map.ofEntries(
            mayUse(""),
            mayUse(".tensor", ""),
            mayUse(".weights", "", ".tensor"),
            mayUse(".image", ""),
            mayUse(".mllm", "", ".tensor", ".weights", ".image"),
            mayUse(".predictor", "", ".tensor", ".weights"),
            mayUse(".hub", ""),
            mayUse(".scoring", "", ".tensor", ".weights", ".image", ".mllm", ".predictor", ".hub"),
            mayUse(".dataset", "", ".image"),
            mayUse(".evaluation", "", ".image", ".dataset"),
            mayUse(".teacher", "", ".tensor", ".weights", ".image", ".hub"),
            mayUse(".distill", "", ".image", ".hub", ".dataset", ".scoring"),
            mayUse(
                    ".training",
                    "",
                    ".tensor",
                    ".weights",
                    ".image",
                    ".mllm",
                    ".predictor",
                    ".hub",
                    ".dataset",
                    ".evaluation",
                    ".teacher"));

    private static Map.Entry<String, List<String>> mayUse(String name, String... others) {
        return Map.entry(
                ROOT + name, Arrays.stream(others).map(other -> ROOT + other).toList());
    }

    private final JavaClasses classes = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages(ROOT);

    @Test
    void packagesUseOnlyWhatTheTableAllows() {
        MAY_USE.forEach((name, allowed) -> {
            List<String> forbidden = new ArrayList<>(MAY_USE.keySet());
            forbidden.removeAll(allowed);
            forbidden.remove(name);
            if (!forbidden.isEmpty()) {
                noClasses()
                        .that()
                        .resideInAPackage(name)
                        .should()
                        .dependOnClassesThat(resideInAnyPackage(forbidden.toArray(String[]::new)))
                        .check(classes);
            }
        });
    }

    @Test
    void theTableNamesEveryPackage() {
        Set<String> packages = classes.stream()
                .map(type -> type.getPackage())
                .map(JavaPackage::getName)
                .collect(Collectors.toSet());

        assertThat(packages).isEqualTo(MAY_USE.keySet());
    }

    @Test
    void theLibraryDoesNotPrint() {
        noClasses()
                .should()
                .accessField(System.class, "out")
                .orShould()
                .accessField(System.class, "err")
                .check(classes);
    }

    @Test
    void errorsHaveOneRoot() {
        classes()
                .that()
                .areAssignableTo(RuntimeException.class)
                .should()
                .beAssignableTo(M3AgiqaException.class)
                .check(classes);
    }
}
