#include "unit.h"

#include "common/error.h"
#include "wire_samples.h"

#include <string.h>

static const struct catalogue_field *field_of(const char *name)
{
        for (size_t i = 0; i < sample_type.field_count; i++) {
                if (strcmp(sample_type.fields[i].name, name) == 0)
                        return &sample_type.fields[i];
        }
        fail_msg("no field %s", name);
        return NULL;
}

/* Decodes @digits, all of them, as a value of the field. The value borrows from a buffer that the next call forgets. */
static int decode(const char *name, bool change, const char *digits, struct value *ret)
{
        static struct buffer encoded;
        struct cbor_reader reader;
        int r;

        buffer_deinit(&encoded);
        unit_hex(digits, &encoded);
        cbor_reader_init(&reader, buffer_view(&encoded));
        r = value_decode(field_of(name), change, &reader, ret);
        if (r == 0)
                assert_true(cbor_at_end(&reader));
        return r;
}

static int decode_only(const char *name, const char *digits)
{
        struct value ignored;

        return decode(name, false, digits, &ignored);
}

static int decode_change(const char *name, const char *digits)
{
        struct value ignored;

        return decode(name, true, digits, &ignored);
}

static void values_of_each_kind_are_read(void **state)
{
        struct value value;

        (void)state;
        assert_int_equal(decode("text", false, "63 61 c3a9", &value), 0);
        assert_int_equal(value.form, VALUE_BYTES);
        assert_text(value.bytes, "a\303\251");
        assert_int_equal(decode("code", false, "02", &value), 0);
        assert_int_equal(value.form, VALUE_INTEGER);
        assert_int_equal(value.integer, 2);
        assert_int_equal(decode("int", false, "29", &value), 0);
        assert_int_equal(value.integer, -10);
        assert_int_equal(decode("date", false, "39 0e44", &value), 0);
        assert_int_equal(value.integer, -3653);
        assert_int_equal(decode("instant", false, "1b 000001a1fdfa4600", &value), 0);
        assert_true(value.integer == INT64_C(0x1a1fdfa4600));
        assert_int_equal(decode("bool", false, "00", &value), 0);
        assert_int_equal(value.integer, 0);
        assert_int_equal(decode("ref", false, "50 0102030405060708090a0b0c0d0e0f10", &value), 0);
        assert_int_equal(value.form, VALUE_UUID);
        assert_int_equal(value.uuid.bytes[15], 0x10);
        assert_int_equal(decode("codes", false, "82 01 02", &value), 0);
        assert_int_equal(value.form, VALUE_PACKED);
        assert_int_equal(value.bytes.size, 3);
        assert_int_equal(decode("blob", false, "42 00ff", &value), 0);
        assert_int_equal(value.form, VALUE_BYTES);
        assert_int_equal(decode("map", false, "a1 6161 6162", &value), 0);
        assert_int_equal(value.form, VALUE_PACKED);
        assert_int_equal(decode("notes", false, "a1 01 6162", &value), 0);
        assert_int_equal(value.form, VALUE_PACKED);
        assert_int_equal(decode("text", false, "f6", &value), 0);
        assert_int_equal(value.form, VALUE_NULL);
}

static void values_of_another_kind_are_malformed(void **state)
{
        (void)state;
        assert_int_equal(decode_only("text", "41 61"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("text", "61 00"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("text", "61 ff"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("text", "63 eda080"), PANNIER_E_MALFORMED); /* a surrogate */
        assert_int_equal(decode_only("code", "61 61"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("int", "f5"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("int", "f9 0000"), PANNIER_E_MALFORMED); /* a float */
        assert_int_equal(decode_only("int", "18 01"), PANNIER_E_MALFORMED);   /* not the shortest */
        assert_int_equal(decode_only("int", "1b 8000000000000000"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("bool", "f5"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("ref", "4101"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("ref", "50 00000000000000000000000000000000"),
                         PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("blob", "61 61"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("codes", "01"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("map", "80"), PANNIER_E_MALFORMED);
}

static void values_out_of_range_are_invalid_and_the_detail_says_why(void **state)
{
        (void)state;
        assert_int_equal(decode_only("int", "2a"), PANNIER_E_INVALID); /* -11 */
        assert_string_equal(error_detail(), "int: -11 is outside of -10 to 300");
        assert_int_equal(decode_only("int", "19 012d"), PANNIER_E_INVALID); /* 301 */
        assert_int_equal(decode_only("int", "19 012c"), 0);
        assert_int_equal(decode_only("bool", "02"), PANNIER_E_INVALID);
        assert_int_equal(decode_only("code", "00"), PANNIER_E_INVALID);
        assert_int_equal(decode_only("code", "20"), PANNIER_E_INVALID);
        assert_int_equal(decode_only("code", "19 03e8"), PANNIER_E_INVALID); /* 1000 */
        assert_int_equal(decode_only("blob", "49 000000000000000000"), PANNIER_E_INVALID);
        assert_int_equal(decode_only("blob", "48 0000000000000000"), 0);
        assert_string_equal(error_detail(), "blob: 9 bytes, at most 8 are allowed");
}

static void an_option_of_a_newer_catalogue_is_taken_from_a_peer_but_not_from_here(void **state)
{
        struct value value;

        (void)state;
        assert_int_equal(decode("code", false, "18 63", &value), 0);
        assert_int_equal(value_check(field_of("code"), &value, false, false), 0);
        assert_int_equal(value_check(field_of("code"), &value, false, true), PANNIER_E_INVALID);
        assert_int_equal(decode("codes", false, "82 01 1863", &value), 0);
        assert_int_equal(value_check(field_of("codes"), &value, false, false), 0);
        assert_int_equal(value_check(field_of("codes"), &value, false, true), PANNIER_E_INVALID);
        assert_int_equal(decode("notes", true, "a1 1863 f6", &value), 0);
        assert_int_equal(value_check(field_of("notes"), &value, true, true), PANNIER_E_INVALID);
}

static void sets_and_maps_are_ascending_with_each_element_once(void **state)
{
        (void)state;
        assert_int_equal(decode_only("codes", "82 02 01"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("codes", "82 01 01"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("codes", "82 01 6161"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("codes", "82 01 20"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("codes", "81 80"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("codes", "82 01"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("codes", "81 00"), PANNIER_E_INVALID);
        assert_int_equal(decode_only("texts", "82 6161 6162"), 0);
        assert_int_equal(decode_only("texts", "82 6162 6161"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("texts", "82 6162 626161"), 0); /* the shorter one first */
        assert_int_equal(decode_only("texts", "81 01"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("refs", "81 41 01"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("map", "a2 6162 6178 6161 6178"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("map", "a2 6161 6178 6161 6178"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("map", "a1 01 6178"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("map", "a1 6161 01"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("map", "a1 6161 f6"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_only("notes", "a1 6161 6178"), PANNIER_E_MALFORMED);
}

static void an_empty_set_or_map_is_no_value(void **state)
{
        struct value value;

        (void)state;
        assert_int_equal(decode("codes", false, "80", &value), 0);
        assert_int_equal(value.form, VALUE_NULL);
        assert_int_equal(decode("map", false, "a0", &value), 0);
        assert_int_equal(value.form, VALUE_NULL);
}

static void changes_of_sets_and_maps_have_a_form_of_their_own(void **state)
{
        (void)state;
        assert_int_equal(decode_change("codes", "a0"), 0);
        assert_int_equal(decode_change("codes", "a1 00 81 01"), 0);
        assert_int_equal(decode_change("codes", "a1 01 81 01"), 0);
        assert_int_equal(decode_change("codes", "a2 00 81 01 01 81 02"), 0);
        assert_int_equal(decode_change("codes", "a2 01 81 01 00 81 02"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_change("codes", "a2 00 81 01 00 81 02"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_change("codes", "a1 02 81 01"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_change("codes", "a1 00 82 02 01"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_change("codes", "81 01"), PANNIER_E_MALFORMED);
        assert_int_equal(decode_change("codes", "f6"), 0);
        assert_int_equal(decode_change("map", "a1 6161 f6"), 0);
        assert_int_equal(decode_change("map", "a1 6161 01"), PANNIER_E_MALFORMED);
}

static void what_is_not_there_equals_what_was_cleared(void **state)
{
        struct value unset = {0}, null = {.form = VALUE_NULL};
        struct value one = {.form = VALUE_INTEGER, .integer = 1}, two = one;
        struct value text = {.form = VALUE_BYTES, .bytes = bytes_text("a")}, other = text;

        (void)state;
        two.integer = 2;
        other.bytes = bytes_text("b");
        assert_true(value_equal(&unset, &null));
        assert_false(value_equal(&unset, &one));
        assert_false(value_equal(&one, &null));
        assert_true(value_equal(&one, &one));
        assert_false(value_equal(&one, &two));
        assert_true(value_equal(&text, &text));
        assert_false(value_equal(&text, &other));
        assert_false(value_equal(&text, &one));
}

static void values_are_written_as_they_are_read(void **state)
{
        const char *const written[][2] = {
                {"text", "63 61c3a9"}, {"code", "02"},
                {"int", "29"},         {"date", "390e44"},
                {"bool", "01"},        {"ref", "50 0102030405060708090a0b0c0d0e0f10"},
                {"codes", "820102"},   {"texts", "82 6162 626161"},
                {"blob", "4200ff"},    {"map", "a161616162"},
                {"notes", "a1016162"}, {"text", "f6"},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(written); i++) {
                CLEANUP(buffer_deinit) struct buffer once = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer twice = BUFFER_INIT;
                struct value value;

                unit_hex(written[i][1], &once);
                assert_int_equal(decode(written[i][0], false, written[i][1], &value), 0);
                value_encode(field_of(written[i][0]), &value, &twice);
                assert_bytes(buffer_view(&twice), buffer_view(&once));
        }
}

static void local_input_is_checked_as_strictly_as_a_peers(void **state)
{
        struct value value = {.form = VALUE_BYTES, .bytes = BYTES("a\0b", 3)};

        (void)state;
        assert_int_equal(value_check(field_of("text"), &value, false, true), PANNIER_E_INVALID);
        value.bytes = bytes_text("\300\200");
        assert_int_equal(value_check(field_of("text"), &value, false, true), PANNIER_E_INVALID);
        value.bytes = bytes_text("well");
        assert_int_equal(value_check(field_of("text"), &value, false, true), 0);
        assert_int_equal(value_check(field_of("int"), &value, false, true), PANNIER_E_INVALID);
        value.form = VALUE_PACKED;
        assert_int_equal(value_check(field_of("codes"), &value, false, true), PANNIER_E_INVALID);
        value.bytes = BYTES("\201\001\001", 3); /* something behind it */
        assert_int_equal(value_check(field_of("codes"), &value, false, true), PANNIER_E_INVALID);
        value.bytes.size = 2;
        assert_int_equal(value_check(field_of("codes"), &value, false, true), 0);
        value.form = VALUE_UUID;
        value.uuid = UUID_NONE;
        assert_int_equal(value_check(field_of("ref"), &value, false, true), PANNIER_E_INVALID);
}

/* Applies @change to @standing ("" is unset) and compares with @want ("" is none). */
static void check_change(const char *name, const char *standing, const char *change,
                         const char *want)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer before = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer edit = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer after = BUFFER_INIT;
        struct value from = {0}, by = {.form = VALUE_PACKED}, to;

        unit_hex(standing, &before);
        unit_hex(change, &edit);
        unit_hex(want, &after);
        if (before.size > 0)
                from = (struct value){.form = VALUE_PACKED, .bytes = buffer_view(&before)};
        by.bytes = buffer_view(&edit);
        assert_int_equal(value_check(field_of(name), &by, true, true), 0);
        assert_int_equal(value_apply_change(field_of(name), &from, &by, &arena, &to), 0);
        if (after.size == 0) {
                assert_int_equal(to.form, VALUE_NULL);
                return;
        }
        assert_int_equal(to.form, VALUE_PACKED);
        assert_bytes(to.bytes, buffer_view(&after));
        assert_int_equal(value_check(field_of(name), &to, false, true), 0);
}

static void a_change_of_a_set_adds_and_removes_elements(void **state)
{
        (void)state;
        check_change("codes", "", "a1 00 81 02", "81 02");
        check_change("codes", "81 01", "a1 00 81 02", "82 01 02");
        check_change("codes", "81 02", "a1 00 82 01 02", "82 01 02");
        check_change("codes", "82 01 02", "a1 01 81 01", "81 02");
        check_change("codes", "81 01", "a1 01 82 01 02", "");
        check_change("codes", "81 01", "a1 01 81 02", "81 01");          /* it was not there */
        check_change("codes", "81 01", "a2 00 81 01 01 81 01", "81 01"); /* an add wins */
        check_change("codes", "81 01", "a2 00 81 02 01 81 01", "81 02");
        check_change("codes", "81 01", "a0", "81 01");
        check_change("codes", "", "a0", "");
        check_change("texts", "82 6161 626161", "a2 00 81 6162 01 81 626161", "82 6161 6162");
}

static void a_change_of_a_map_sets_and_clears_keys(void **state)
{
        (void)state;
        check_change("map", "", "a1 6161 6178", "a1 6161 6178");
        check_change("map", "a1 6161 6178", "a1 6161 6179", "a1 6161 6179");
        check_change("map", "a1 6161 6178", "a1 6161 f6", "");
        check_change("map", "a2 6161 6178 6163 6178", "a2 6162 6179 6163 f6",
                     "a2 6161 6178 6162 6179");
        check_change("map", "a1 6161 6178", "a1 6162 f6", "a1 6161 6178");
        check_change("notes", "a1 02 6178", "a1 01 6179", "a2 01 6179 02 6178");
}

static void put_members(unsigned int members, struct buffer *out)
{
        cbor_put_array(out, (size_t)__builtin_popcount(members));
        for (unsigned int i = 0; i < 8; i++) {
                if (members & 1u << i)
                        cbor_put_uint(out, 20 + i); /* one and two bytes long */
        }
}

static void merging_sets_is_what_arithmetic_says_for_all_small_sets(void **state)
{
        static const struct catalogue_field set = {
                .number = 1, .name = "set", .kind = KIND_SET, .element = KIND_CODE};
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;

        (void)state;
        for (unsigned int all = 0; all < 1u << 18; all++) { /* six elements, three sets */
                CLEANUP(buffer_deinit) struct buffer before = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer edit = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer after = BUFFER_INIT;
                unsigned int standing = all & 63, add = all >> 6 & 63, remove = all >> 12;
                struct value from = {.form = VALUE_PACKED}, by = from, to;

                if (all %
                    7) /* the whole range takes seconds under a sanitizer; a seventh of it is spread evenly */
                        continue;
                put_members(standing, &before);
                cbor_put_map(&edit, 2);
                cbor_put_uint(&edit, 0);
                put_members(add, &edit);
                cbor_put_uint(&edit, 1);
                put_members(remove, &edit);
                put_members((standing & ~remove) | add, &after);
                from.bytes = buffer_view(&before);
                by.bytes = buffer_view(&edit);
                assert_int_equal(value_apply_change(&set, &from, &by, &arena, &to), 0);
                if ((standing & ~remove) | add)
                        assert_bytes(to.bytes, buffer_view(&after));
                else
                        assert_int_equal(to.form, VALUE_NULL);
                arena_reset(&arena);
        }
}

static void clearing_and_not_mentioning_are_changes_too(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct value standing = {.form = VALUE_PACKED, .bytes = BYTES("\201\001", 2)};
        struct value null = {.form = VALUE_NULL}, unset = {0}, to;

        (void)state;
        assert_int_equal(value_apply_change(field_of("codes"), &standing, &null, &arena, &to), 0);
        assert_int_equal(to.form, VALUE_NULL);
        assert_int_equal(value_apply_change(field_of("codes"), &standing, &unset, &arena, &to), 0);
        assert_true(value_equal(&to, &standing));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(values_of_each_kind_are_read),
                cmocka_unit_test(values_of_another_kind_are_malformed),
                cmocka_unit_test(values_out_of_range_are_invalid_and_the_detail_says_why),
                cmocka_unit_test(
                        an_option_of_a_newer_catalogue_is_taken_from_a_peer_but_not_from_here),
                cmocka_unit_test(sets_and_maps_are_ascending_with_each_element_once),
                cmocka_unit_test(an_empty_set_or_map_is_no_value),
                cmocka_unit_test(changes_of_sets_and_maps_have_a_form_of_their_own),
                cmocka_unit_test(what_is_not_there_equals_what_was_cleared),
                cmocka_unit_test(values_are_written_as_they_are_read),
                cmocka_unit_test(local_input_is_checked_as_strictly_as_a_peers),
                cmocka_unit_test(a_change_of_a_set_adds_and_removes_elements),
                cmocka_unit_test(a_change_of_a_map_sets_and_clears_keys),
                cmocka_unit_test(merging_sets_is_what_arithmetic_says_for_all_small_sets),
                cmocka_unit_test(clearing_and_not_mentioning_are_changes_too),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
