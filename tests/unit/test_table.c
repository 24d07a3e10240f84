#include "common/error.h"
#include "common/table.h"
#include "tests/unit/unit.h"

#include <string.h>

static const struct table_column columns[] = {{"name", false}, {"count", true}, {"note", false}};

static void assert_printed(const struct table *table, const char *want)
{
        char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);

        assert_non_null(file);
        assert_int_equal(table_print(table, file), 0);
        assert_int_equal(fclose(file), 0);
        assert_text(BYTES(text, size), want);
        free(text);
}

static void test_columns_are_as_wide_as_their_widest_cell(void **state)
{
        CLEANUP(table_freep) struct table *table = NULL;

        (void)state;
        assert_int_equal(table_new(columns, COUNT(columns), &table), 0);
        assert_int_equal(table_rows(table), 0);
        assert_printed(table, "name  count  note\n");
        table_cell_text(table, "Mohammed");
        table_cell_int(table, 7);
        table_cell_text(table, "ok");
        table_cell_text(table, "Li");
        table_cell_format(table, "%d", 1234567);
        table_cell_text(table, "");
        table_cell_text(table, "");
        table_cell_text(table, "");
        table_cell_text(table, "x");
        table_cell_text(table, "last");
        assert_int_equal(table_rows(table), 4);
        assert_printed(table, "name        count  note\n"
                              "Mohammed        7  ok\n"
                              "Li        1234567\n"
                              "                   x\n"
                              "last\n");
}

static void test_width_is_counted_in_columns_not_in_bytes(void **state)
{
        CLEANUP(table_freep) struct table *table = NULL;

        (void)state;
        assert_int_equal(table_new(columns, 2, &table), 0);
        table_cell_text(table, "Zoë");
        table_cell_int(table, 1);
        table_cell_text(table, "e\xcc\x81"
                               "a"); /* combining accent */
        table_cell_int(table, 2);
        table_cell_text(table, "李明");
        table_cell_int(table, 3);
        assert_printed(table, "name  count\n"
                              "Zoë       1\n"
                              "e\xcc\x81"
                              "a        2\n"
                              "李明      3\n");
        assert_int_equal(text_width(bytes_text("abc")), 3);
        assert_int_equal(text_width(bytes_text("Ołówek")), 6);
        assert_int_equal(text_width(bytes_text("😀")), 2);
        assert_int_equal(text_width(bytes_text("a\xe2\x80\x8b"
                                               "b")),
                         2); /* zero-width space */
        assert_int_equal(text_width(bytes_text("a\xff\xfe")), 3);
        assert_int_equal(text_width(bytes_text("\xe6\x9d")), 2); /* cut in the middle */
        assert_int_equal(text_width(BYTES_NONE), 0);
}

static void test_what_would_drive_a_terminal_is_shown_as_a_question_mark(void **state)
{
        CLEANUP(table_freep) struct table *table = NULL;

        (void)state;
        assert_int_equal(table_new(columns, 1, &table), 0);
        table_cell_text(table, "\x1b[2Ja\nb\tc\x7f");
        table_cell_text(table, "x\xc2\x9by"); /* CSI in one character */
        table_cell_text(table, "x\xe2\x80\xae"
                               "fdp.y"); /* turns the direction */
        table_cell_text(table, "x\xff");
        table_cell(table, BYTES("a\0b", 3));
        assert_printed(table, "name\n?[2Ja?b?c?\nx?y\nx?fdp.y\nx?\na?b\n");
}

static void test_a_table_that_cannot_be_written_says_so(void **state)
{
        CLEANUP(table_freep) struct table *table = NULL;
        FILE *full = fopen("/dev/full", "w");

        (void)state;
        assert_non_null(full);
        assert_int_equal(table_new(columns, COUNT(columns), &table), 0);
        table_cell_text(table, "x");
        assert_int_equal(table_print(table, full), PANNIER_E_SYSTEM);
        (void)fclose(full);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_columns_are_as_wide_as_their_widest_cell),
                cmocka_unit_test(test_width_is_counted_in_columns_not_in_bytes),
                cmocka_unit_test(test_what_would_drive_a_terminal_is_shown_as_a_question_mark),
                cmocka_unit_test(test_a_table_that_cannot_be_written_says_so),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
