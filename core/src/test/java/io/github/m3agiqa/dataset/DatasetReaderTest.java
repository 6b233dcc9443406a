package io.github.m3agiqa.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.dataset.Sample.Label;
import io.github.m3agiqa.dataset.Sample.Part;
import io.github.m3agiqa.testing.ArabicDigits;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import us.hebi.matlab.mat.format.Mat5;
import us.hebi.matlab.mat.types.MatFile;
import us.hebi.matlab.mat.types.Matrix;

class DatasetReaderTest {
    private static final Scale PERCENT = new Scale(0, 100);

    @TempDir
    private Path folder;

    @Test
    void namesAnImageThatNoFileCanBeCalled() throws IOException {
        data("name,prompt,mos_quality\na\0.png,a cat,3\n");

        assertThatThrownBy(() -> DatasetReader.read(folder))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("which no file can be called");
    }

    @Test
    void readsAgiqa3k() throws IOException {
        data("""
                name,prompt,adj1,adj2,style,mos_quality,std_quality,mos_align,std_align
                sd1.5_lowcorr_028.jpg," a saint,  ""noble"" ",,,,1.5,0.25,4.2,0.5
                xl2.2_normal_001.jpg,a tray,,,,0,1,2,0
                """);

        Dataset dataset = DatasetReader.read(folder);

        Sample sample = dataset.samples().getFirst();
        assertThat(sample.prompt()).isEqualTo("a saint,  \"noble\"");
        assertThat(sample.group()).isEqualTo("a saint, \"noble\"");
        assertThat(sample.generator()).isEqualTo("sd1.5");
        assertThat(sample.part()).isNull();
        assertThat(sample.labels()).containsOnlyKeys(Aspect.QUALITY, Aspect.CORRESPONDENCE);
        assertThat(sample.label(Aspect.QUALITY)).hasValue(new Label(1.5, 0.25));
        assertThat(sample.mos(Aspect.CORRESPONDENCE)).isEqualTo(4.2);
        assertThat(sample.mos(Aspect.AUTHENTICITY)).isNaN();
        assertThat(dataset.name()).isEqualTo(String.valueOf(folder.getFileName()));
        assertThat(dataset.byName()).containsOnlyKeys("sd1.5_lowcorr_028.jpg", "xl2.2_normal_001.jpg");
    }

    /** Byte order mark, carriage returns, quotes over lines, capitals and blanks, as spreadsheets leave them. */
    @Test
    void readsWhatSpreadsheetsWrite() throws IOException {
        data("\uFEFFName, Prompt ,MOS_quality\r\n a.png ,\"two\r\nlines, and \"\"quotes\"\"\", 4.5 \r\nb.png,,\r\n");

        List<Sample> samples = DatasetReader.read(folder).samples();

        assertThat(samples).extracting(Sample::name).containsExactly("a.png", "b.png");
        assertThat(samples.getFirst().prompt()).isEqualTo("two\r\nlines, and \"quotes\"");
        assertThat(samples.getFirst().mos(Aspect.QUALITY)).isEqualTo(4.5);
        assertThat(samples.getFirst().label(Aspect.QUALITY).orElseThrow().deviation())
                .isNaN();
        assertThat(samples.getLast().prompt()).isNull();
        assertThat(samples.getLast().group()).isEqualTo("b.png");
        assertThat(samples.getLast().labels()).isEmpty();
    }

    @Test
    void readsOnesOwnColumns() throws IOException {
        data("""
                name,prompt,mos_authenticity,std_authenticity,split,generator,group
                my_cat.png,A  Cat,4,0.5,Train,mine,pets
                my_dog.png,a cat ,3,,val,,
                my_hut.png,A hut,2,,test,,
                """);

        List<Sample> samples = DatasetReader.read(folder).samples();

        assertThat(samples).extracting(Sample::part).containsExactly(Part.TRAIN, Part.VALIDATION, Part.TEST);
        assertThat(samples).extracting(Sample::generator).containsExactly("mine", null, null);
        assertThat(samples).extracting(Sample::group).containsExactly("pets", "a cat", "a hut");
    }

    @Test
    void readsAigciqa2023InPercent() throws IOException {
        data("""
                name,prompt,generator,mos_quality,std_quality,mos_authenticity,std_authenticity,mos_correspondence,std_correspondence
                0.png,a corgi,Controlnet,60,1,47.5,1.25,80,2
                1.png,a corgi,Controlnet,26.6,1,28.5,1.25,72,2
                """);

        Sample sample = DatasetReader.read(folder).samples().getFirst();

        assertThat(sample.label(Aspect.QUALITY)).hasValue(new Label(3, 0.05));
        assertThat(sample.mos(Aspect.AUTHENTICITY)).isCloseTo(2.375, within(1e-12));
        assertThat(sample.mos(Aspect.CORRESPONDENCE)).isEqualTo(4);
        assertThat(sample.generator()).isEqualTo("Controlnet");
    }

    /** One value that slipped must not turn five-point scores into hundredths of themselves. */
    @Test
    void doesNotTakeATypoForPercent() throws IOException {
        data("""
                name,mos_quality,mos_authenticity,mos_correspondence
                a.png,4,3,2
                b.png,4,30,2
                """);

        assertThatThrownBy(() -> DatasetReader.read(folder))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("data.csv, line 3: mos_authenticity is 30.0, off the scale of 0.0 to 5.0");
    }

    @Test
    void readsTheMatricesOfAigciqa2023() throws IOException {
        Files.createDirectories(folder.resolve("DATA/MOS"));
        matrix(1, "MOSz", 2400, image -> image / 24.0);
        matrix(2, "MOSz", 2400, image -> 50);
        matrix(3, "MOSz", 2400, image -> 100 - image / 24.0);

        List<Sample> samples = DatasetReader.read(folder).samples();

        assertThat(samples).hasSize(2400);
        Sample sample = samples.get(1207);
        assertThat(sample.name()).isEqualTo("1207.png");
        assertThat(sample.generator()).isEqualTo("Lafite");
        assertThat(sample.group()).isEqualTo("prompt 1");
        assertThat(samples.get(7).group()).isEqualTo("prompt 1");
        assertThat(samples.stream().map(Sample::group).distinct()).hasSize(100);
        assertThat(sample.mos(Aspect.QUALITY)).isCloseTo(1207 / 2400.0 * 5, within(1e-12));
        assertThat(sample.mos(Aspect.AUTHENTICITY)).isEqualTo(2.5);
        assertThat(sample.mos(Aspect.CORRESPONDENCE)).isCloseTo(5 - 1207 / 2400.0 * 5, within(1e-12));
    }

    @Test
    void readsTheMatricesWhereDigitsAreOthers() throws IOException {
        Files.createDirectories(folder.resolve("DATA/MOS"));
        matrix(1, "MOSz", 2400, image -> 50);

        try (ArabicDigits _ = new ArabicDigits()) {
            assertThat(DatasetReader.read(folder).samples().get(1207).group()).isEqualTo("prompt 1");
        }
    }

    @Test
    void refusesMatricesThatAreNotThePublishedOnes() throws IOException {
        Files.createDirectories(folder.resolve("DATA/MOS"));
        matrix(1, "MOSz", 7, image -> 50);
        assertThatThrownBy(() -> DatasetReader.read(folder))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("mosz1.mat has 7 scores, AIGCIQA2023 has 2400");

        matrix(1, "other", 2400, image -> 50);
        assertThatThrownBy(() -> DatasetReader.read(folder))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("mosz1.mat holds no matrix MOSz");

        Files.writeString(folder.resolve("DATA/MOS/mosz1.mat"), "nonsense");
        assertThatThrownBy(() -> DatasetReader.read(folder))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("mosz1.mat");
    }

    @Test
    void readsAigiqa20kFromCsvAndExcel() throws IOException {
        Files.writeString(folder.resolve("info_train.csv"), "name,prompt,mos\nLCM_SD1.5_0098.png,a hill,2.5\n");
        excel(
                "info_val.xlsx",
                List.of(
                        List.of("name", "prompt", "mos"),
                        List.of("SDXL_0001.png", "a \"sea\" & sky", 4.25),
                        List.of("SDXL_0002.png", "a lake")));
        excel("info_test.xlsx", List.of(List.of("name", "prompt"), List.of("MJ_0002.png", "a wood"), List.of("", "")));

        List<Sample> samples = DatasetReader.read(folder).samples();

        assertThat(samples)
                .extracting(Sample::part)
                .containsExactly(Part.TRAIN, Part.VALIDATION, Part.VALIDATION, Part.TEST);
        assertThat(samples).extracting(Sample::generator).containsExactly("LCM_SD1.5", "SDXL", "SDXL", "MJ");
        assertThat(samples.get(1).prompt()).isEqualTo("a \"sea\" & sky");
        assertThat(samples.get(1).mos(Aspect.QUALITY)).isEqualTo(4.25);
        assertThat(samples.get(2).labels()).isEmpty();
        assertThat(samples.get(3).labels()).isEmpty();
    }

    @Test
    void refusesADamagedExcelFile() throws IOException {
        Files.writeString(folder.resolve("info_train.xlsx"), "no zip");

        assertThatThrownBy(() -> DatasetReader.read(folder))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("info_train.xlsx cannot be read");
    }

    @Test
    void convertsAStatedScale() throws IOException {
        data("name,mos_quality,std_quality\na.png,1,0.4\nb.png,5,0.8\nc.png,3,\n");

        List<Sample> samples = DatasetReader.read(folder, new Scale(1, 5)).samples();

        assertThat(samples).extracting(sample -> sample.mos(Aspect.QUALITY)).containsExactly(0.0, 5.0, 2.5);
        assertThat(samples.get(1).label(Aspect.QUALITY).orElseThrow().deviation())
                .isCloseTo(1, within(1e-12));
    }

    @Test
    void explainsAWrongScale() throws IOException {
        data("name,mos_quality\na.png,26.5\nb.png,72.1\nc.png,3\n");

        assertThatThrownBy(() -> DatasetReader.read(folder))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("data.csv: the scores reach from 3.0 to 72.1")
                .hasMessageContaining("state their scale, such as [0, 100]");
        assertThat(DatasetReader.read(folder, PERCENT).samples().getFirst().mos(Aspect.QUALITY))
                .isCloseTo(1.325, within(1e-12));

        data("name,mos_quality\na.png,1\nb.png,4.5\n");
        assertThatThrownBy(() -> DatasetReader.read(folder, PERCENT))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("the scores reach from 1.0 to 4.5 only, so their scale is not 0.0 to 100.0");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "name,mos_quality~a.png,4~b.png,5.2            | line 3: mos_quality is 5.2, off the scale of 0.0 to 5.0",
                "name,mos_quality~a.png,-0.1                   | line 2: mos_quality is -0.1, off the scale",
                "name,prompt,mos_quality~a,`\"x~y\"`,1~b,z,good | line 4: mos_quality is 'good', which is no number",
                "name,mos_quality~a.png,NaN                    | line 2: mos_quality is 'NaN', which is no number",
                "name,mos_quality~a.png,`\"3,5\"`              | line 2: mos_quality is '3,5', which is no number",
                "name,mos_quality,std_quality~a.png,3,-1       | line 2: a standard deviation is -1.0, below 0",
                "name,mos_quality~a.png,3~b.png,2~ a.png,1     | line 4: the image a.png is already in",
                "name,mos_quality~,3                           | line 2 has no name",
                "name,mos_quality,split~a.png,3,tset           | line 2: split is 'tset', not train, val or test",
                "image,mos_quality~a.png,3                     | has no column 'name'; it has [",
                "name,mos_qualty~a.png,3                       | has no scores: they belong in columns mos_quality",
                "name,mos_quality                              | holds no image",
                "name,mos_quality~a.png,3,4                    | line 2 has 3 fields, the header has 2",
                "name,prompt,mos_quality~a.png,3               | line 2 has 2 fields, the header has 3",
            })
    void namesFileAndRowOfWhatIsWrong(String content, String message) throws IOException {
        data(content.replace('~', '\n').replace("`", "") + "\n");

        assertThatThrownBy(() -> DatasetReader.read(folder))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("data.csv")
                .hasMessageContaining(message);
    }

    @Test
    void refusesAFolderOfSomethingElse() {
        assertThatThrownBy(() -> DatasetReader.read(folder.resolve("none")))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("is no dataset folder: it has no data.csv");
    }

    private void data(String content) throws IOException {
        Files.writeString(folder.resolve("data.csv"), content);
    }

    private void matrix(int number, String name, int images, IntToDoubleFunction score) throws IOException {
        writeMatrix(folder, number, name, images, score);
    }

    /** Writes {@code DATA/MOS/moszN.mat}. */
    static void writeMatrix(Path folder, int number, String name, int images, IntToDoubleFunction score)
            throws IOException {
        Matrix matrix = Mat5.newMatrix(images, 1);
        IntStream.range(0, images).forEach(image -> matrix.setDouble(image, 0, score.applyAsDouble(image)));
        try (MatFile file = Mat5.newMatFile().addArray(name, matrix)) {
            Mat5.writeToFile(
                    file,
                    folder.resolve("DATA/MOS/mosz%d.mat".formatted(number)).toFile());
        }
    }

    /** Writes the least that is an Excel file: its texts are shared, as Excel shares them. */
    private void excel(String name, List<List<Object>> rows) throws IOException {
        List<String> texts = rows.stream()
                .flatMap(List::stream)
                .filter(String.class::isInstance)
                .map(String.class::cast)
                .distinct()
                .toList();
        StringBuilder sheet = new StringBuilder();
        for (int row = 0; row < rows.size(); row++) {
            sheet.append("<row r=\"%d\">".formatted(row + 1));
            for (int column = 0; column < rows.get(row).size(); column++) {
                String cell = "%c%d".formatted('A' + column, row + 1);
                sheet.append(
                        rows.get(row).get(column) instanceof String text
                                ? "<c r=\"%s\" t=\"s\"><v>%d</v></c>".formatted(cell, texts.indexOf(text))
                                : "<c r=\"%s\"><v>%s</v></c>"
                                        .formatted(cell, rows.get(row).get(column)));
            }
            sheet.append("</row>");
        }
        String shared = texts.stream()
                .map(text -> "<si><t>%s</t></si>"
                        .formatted(text.replace("&", "&amp;").replace("<", "&lt;")))
                .collect(Collectors.joining());
        String main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
        String relations = "http://schemas.openxmlformats.org/package/2006/relationships";
        String office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        String type = "application/vnd.openxmlformats-officedocument.spreadsheetml.";
        try (OutputStream out = Files.newOutputStream(folder.resolve(name));
                ZipOutputStream zip = new ZipOutputStream(out)) {
            entry(zip, "[Content_Types].xml", """
                    <Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
                    <Override PartName="/xl/workbook.xml" ContentType="%1$ssheet.main+xml"/>
                    <Override PartName="/xl/sharedStrings.xml" ContentType="%1$ssharedStrings+xml"/>
                    <Override PartName="/xl/worksheets/sheet1.xml" ContentType="%1$sworksheet+xml"/>
                    </Types>""".formatted(type));
            entry(zip, "_rels/.rels", """
                    <Relationships xmlns="%s">
                    <Relationship Id="rId1" Type="%s/officeDocument" Target="xl/workbook.xml"/>
                    </Relationships>""".formatted(relations, office));
            entry(zip, "xl/workbook.xml", """
                    <workbook xmlns="%s" xmlns:r="%s"><sheets><sheet name="info" sheetId="1" r:id="rId1"/></sheets>
                    </workbook>""".formatted(main, office));
            entry(zip, "xl/_rels/workbook.xml.rels", """
                    <Relationships xmlns="%1$s">
                    <Relationship Id="rId1" Type="%2$s/worksheet" Target="worksheets/sheet1.xml"/>
                    <Relationship Id="rId2" Type="%2$s/sharedStrings" Target="sharedStrings.xml"/>
                    </Relationships>""".formatted(relations, office));
            entry(zip, "xl/sharedStrings.xml", "<sst xmlns=\"%s\">%s</sst>".formatted(main, shared));
            entry(
                    zip,
                    "xl/worksheets/sheet1.xml",
                    "<worksheet xmlns=\"%s\"><sheetData>%s</sheetData></worksheet>".formatted(main, sheet));
        }
    }

    private static void entry(ZipOutputStream zip, String name, String content) throws IOException {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(content.getBytes(StandardCharsets.UTF_8));
        zip.closeEntry();
    }
}
