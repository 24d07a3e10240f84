#include "common/error.h"
#include "store/load_csv.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What csv_next() gave for a whole file: rows as "line:a|b|c", bad rows as "line:!". */
static void read_all(const char *content, size_t size, struct buffer *ret)
{
        char path[] = "/tmp/pannier-test-csv-XXXXXX";
        CLEANUP(csv_closep) struct csv_file *file = NULL;
        struct csv_row row;
        int fd = mkstemp(path), r;

        assert_true(fd >= 0);
        assert_int_equal(write(fd, content, size), size);
        close(fd);
        assert_int_equal(csv_open(path, &file), 0);
        unlink(path);
        while ((r = csv_next(file, &row)) != 0) {
                buffer_append_format(ret, "%llu:", (unsigned long long)row.line);
                if (r < 0)
                        buffer_append_byte(ret, '!');
                for (size_t i = 0; r == 1 && i < row.count; i++) {
                        if (i)
                                buffer_append_byte(ret, '|');
                        buffer_append(ret, row.fields[i]);
                }
                buffer_append_byte(ret, ' ');
        }
        buffer_append_byte(ret, 0);
}

static void expect(const char *content, const char *rows)
{
        CLEANUP(buffer_deinit) struct buffer got = BUFFER_INIT;

        read_all(content, strlen(content), &got);
        assert_string_equal((const char *)got.data, rows);
}

static void test_rows_have_their_fields_and_line_numbers(void **state)
{
        (void)state;
        expect("a,b\n1,2\n", "1:a|b 2:1|2 ");
        expect("a,b\r\n1,2\r\n", "1:a|b 2:1|2 ");
        expect("a,b\n1,2", "1:a|b 2:1|2 ");
        expect("a,,c\n", "1:a||c ");
        expect("\n\na\n\n b , c \n", "3:a 5:b|c ");
        expect("", "");
}

static void test_quoted_fields_hold_commas_quotes_and_line_breaks(void **state)
{
        (void)state;
        expect("\"a,b\",c\n", "1:a,b|c ");
        expect("\"say \"\"hi\"\"\",c\n", "1:say \"hi\"|c ");
        expect("\"two\nlines\",c\nd\n", "1:two\nlines|c 3:d ");
        expect("a,\"b\"", "1:a|b ");
}

static void test_a_byte_order_mark_is_passed_over(void **state)
{
        (void)state;
        expect("\xef\xbb\xbf"
               "a,b\n",
               "1:a|b ");
}

static void test_a_broken_row_does_not_take_its_neighbours(void **state)
{
        (void)state;
        expect("a,b\n1,x\"y\n2,3\n", "1:a|b 2:! 3:2|3 ");
        expect("a,b\n\"never closed,2\n3,4\n5,6\n", "1:a|b 2:! 3:3|4 4:5|6 ");
        expect("a\n\"x\" y\nb\n", "1:a 2:! 3:b ");
}

static void test_bytes_that_are_not_utf8_refuse_their_row_only(void **state)
{
        static const char nul[] = "a\nb\0c\nd\n";
        CLEANUP(buffer_deinit) struct buffer got = BUFFER_INIT;

        (void)state;
        expect("a\n\xff\nb\n", "1:a 2:! 3:b ");
        read_all(nul, sizeof nul - 1, &got);
        assert_string_equal((const char *)got.data, "1:a 2:! 3:d ");
}

static void test_columns_rows_and_lines_have_limits(void **state)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT, got = BUFFER_INIT;

        (void)state;
        for (int i = 0; i < CSV_COLUMNS_MAX; i++)
                buffer_append_text(&text, "x,");
        buffer_append_text(&text, "x\nok\n");
        read_all((const char *)text.data, text.size, &got);
        assert_string_equal((const char *)got.data, "1:! 2:ok ");

        buffer_reset(&text);
        buffer_reset(&got);
        for (int i = 0; i < CSV_ROW_SIZE_MAX + 10; i++)
                buffer_append_byte(&text, 'y');
        buffer_append_text(&text, "\nok\n");
        read_all((const char *)text.data, text.size, &got);
        assert_string_equal((const char *)got.data, "1:! 2:ok ");
}

static void test_a_file_that_is_not_there_is_named(void **state)
{
        struct csv_file *file = NULL;

        (void)state;
        assert_int_equal(csv_open("/nonexistent/homes.csv", &file), PANNIER_E_NOT_FOUND);
        assert_non_null(strstr(error_detail(), "homes.csv"));
        assert_int_equal(csv_open("/tmp", &file), PANNIER_E_SYSTEM);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows_have_their_fields_and_line_numbers),
                cmocka_unit_test(test_quoted_fields_hold_commas_quotes_and_line_breaks),
                cmocka_unit_test(test_a_byte_order_mark_is_passed_over),
                cmocka_unit_test(test_a_broken_row_does_not_take_its_neighbours),
                cmocka_unit_test(test_bytes_that_are_not_utf8_refuse_their_row_only),
                cmocka_unit_test(test_columns_rows_and_lines_have_limits),
                cmocka_unit_test(test_a_file_that_is_not_there_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
