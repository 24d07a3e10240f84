#include "common/error.h"
#include "common/json.h"
#include "tests/unit/unit.h"

#include <string.h>

static int load(const char *text)
{
        CLEANUP(json_freep) json_t *json = NULL;

        return json_load(bytes_text(text), &json);
}

static void test_objects_and_arrays_come_in_and_go_out_the_same(void **state)
{
        static const char *const texts[] = {
                "{}",
                "[]",
                "{\"b\":1,\"a\":[true,false,null,-12,\"x\"]}",
                "{\"quote\":\"a\\\"b\\\\c\\n\",\"ü\":\"ä€😀\"}",
                "[9223372036854775807,-9223372036854775808]",
                "[\"1.5 e7 [[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]",
        };

        (void)state;
        for (size_t i = 0; i < COUNT(texts); i++) {
                CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
                CLEANUP(json_freep) json_t *json = NULL;

                assert_int_equal(json_load(bytes_text(texts[i]), &json), 0);
                json_append(json, &out);
                assert_int_equal(buffer_check(&out), 0);
                assert_text(buffer_view(&out), texts[i]);
        }
}

static void test_what_is_not_strict_json_is_malformed(void **state)
{
        static const char *const bad[] = {
                "",
                " ",
                "1",
                "\"x\"",
                "null",
                "{",
                "[",
                "[1,]",
                "{\"a\":1,}",
                "{a:1}",
                "{'a':1}",
                "[1] x",
                "[1][2]",
                "[01]",
                "[+1]",
                "[--1]",
                "[1.5]",
                "[1e3]",
                "[-0.0]",
                "[1E3]",
                "[.5]",
                "[NaN]",
                "[Infinity]",
                "[0x10]",
                "[\"\\u0000\"]",
                "{\"\\u0000\":1}",
                "[\"\\ud800\"]",
                "[\"\x80\"]",
                "[\"\xc0\x80\"]",
                "[\"\xed\xa0\x80\"]",
                "[\"a\nb\"]",
                "[\"\\x\"]",
                "{\"a\":1,\"a\":2}",
                "{\"a\":{\"b\":1,\"b\":1}}",
                "[9223372036854775808]",
                "[1]/* note */",
                "// note\n[1]",
                "[tru]",
                "[\"unterminated]",
                "]",
                "}",
                "[}",
                "[1 2]",
        };
        CLEANUP(json_freep) json_t *json = NULL;

        (void)state;
        for (size_t i = 0; i < COUNT(bad); i++)
                if (load(bad[i]) != PANNIER_E_MALFORMED)
                        fail_msg("accepted: %s", bad[i]);
        assert_int_equal(json_load(BYTES("[1]\0", 4), &json), PANNIER_E_MALFORMED);
}

static void test_the_reason_names_line_and_column(void **state)
{
        (void)state;
        assert_int_equal(load("{\n  \"a\": 1,\n  \"b\": 1.5\n}"), PANNIER_E_MALFORMED);
        assert_non_null(strstr(error_detail(), "line 3, column 8"));
        assert_int_equal(load("{\n  \"a\": x\n}"), PANNIER_E_MALFORMED);
        assert_non_null(strstr(error_detail(), "line 2"));
}

static void nested(size_t depth, struct buffer *out)
{
        buffer_reset(out);
        for (size_t i = 0; i < depth; i++)
                buffer_append_byte(out, '[');
        for (size_t i = 0; i < depth; i++)
                buffer_append_byte(out, ']');
}

static void test_depth_is_bounded_exactly(void **state)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        CLEANUP(json_freep) json_t *json = NULL;

        (void)state;
        nested(JSON_DEPTH_MAX, &text);
        assert_int_equal(json_load(buffer_view(&text), &json), 0);
        nested(JSON_DEPTH_MAX + 1, &text);
        assert_int_equal(json_load(buffer_view(&text), &json), PANNIER_E_LIMIT);
        nested(1 << 20, &text);
        assert_int_equal(json_load(buffer_view(&text), &json), PANNIER_E_LIMIT);
}

static void test_the_number_of_values_is_bounded_before_a_tree_is_built(void **state)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        CLEANUP(json_freep) json_t *json = NULL;

        (void)state;
        buffer_append_text(&text, "[1");
        for (size_t i = 0; i < JSON_VALUE_MAX - 1; i++)
                buffer_append_text(&text, ",1");
        buffer_append_byte(&text, ']');
        assert_int_equal(json_load(buffer_view(&text), &json), 0);
        text.size--;
        buffer_append_text(&text, ",1]");
        (void)json_decref(json), json = NULL;
        assert_int_equal(json_load(buffer_view(&text), &json), PANNIER_E_LIMIT);
        buffer_reset(&text);
        buffer_append_byte(&text, '[');
        for (size_t i = 0; i < JSON_VALUE_MAX; i++)
                buffer_append_text(&text, "[],");
        assert_int_equal(json_load(buffer_view(&text), &json), PANNIER_E_LIMIT);
}

static void test_texts_are_views_both_ways(void **state)
{
        CLEANUP(json_freep) json_t *text = json_text(bytes_text("naïve"));
        CLEANUP(json_freep) json_t *empty = json_text(BYTES_NONE);
        CLEANUP(json_freep) json_t *number = json_integer(1);

        (void)state;
        assert_text(json_view(text), "naïve");
        assert_non_null(empty);
        assert_int_equal(json_view(empty).size, 0);
        assert_null(json_text(bytes_text("\xff")));
        assert_null(json_view(number).data);
        assert_null(json_view(NULL).data);
}

static void test_an_unknown_key_is_named(void **state)
{
        static const char *const keys[] = {"a", "b", NULL};
        CLEANUP(json_freep) json_t *good = NULL;
        CLEANUP(json_freep) json_t *bad = NULL;

        (void)state;
        assert_int_equal(json_load(bytes_text("{\"b\":1}"), &good), 0);
        assert_int_equal(json_load(bytes_text("{\"a\":1,\"bb\":2}"), &bad), 0);
        assert_int_equal(json_only_keys(good, keys), 0);
        assert_int_equal(json_only_keys(bad, keys), PANNIER_E_INVALID);
        assert_non_null(strstr(error_detail(), "\"bb\""));
}

static void test_a_full_buffer_is_remembered(void **state)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        CLEANUP(json_freep) json_t *json = NULL;

        (void)state;
        assert_int_equal(json_load(bytes_text("[\"0123456789\"]"), &json), 0);
        out.limit = 5;
        json_append(json, &out);
        assert_int_equal(buffer_check(&out), PANNIER_E_LIMIT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_objects_and_arrays_come_in_and_go_out_the_same),
                cmocka_unit_test(test_what_is_not_strict_json_is_malformed),
                cmocka_unit_test(test_the_reason_names_line_and_column),
                cmocka_unit_test(test_depth_is_bounded_exactly),
                cmocka_unit_test(test_the_number_of_values_is_bounded_before_a_tree_is_built),
                cmocka_unit_test(test_texts_are_views_both_ways),
                cmocka_unit_test(test_an_unknown_key_is_named),
                cmocka_unit_test(test_a_full_buffer_is_remembered),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
