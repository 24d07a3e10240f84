#include "common/bytes.h"
#include "common/error.h"
#include "tests/unit/unit.h"

#include <string.h>

static void test_views_compare_like_memcmp_with_shorter_prefixes_first(void **state)
{
        (void)state;
        assert_true(bytes_equal(BYTES_NONE, bytes_text("")));
        assert_true(bytes_equal(bytes_text("abc"), BYTES("abcd", 3)));
        assert_false(bytes_equal(bytes_text("abc"), bytes_text("abd")));
        assert_true(bytes_compare(bytes_text("ab"), bytes_text("abc")) < 0);
        assert_true(bytes_compare(bytes_text("b"), bytes_text("abc")) > 0);
        assert_true(bytes_compare(BYTES_NONE, bytes_text("a")) < 0);
        assert_int_equal(bytes_compare(BYTES_NONE, BYTES_NONE), 0);
}

/* The definition, written down a second time as slowly as can be. */
static bool utf8_by_definition(const uint8_t *p, size_t size)
{
        size_t i = 0;

        while (i < size) {
                uint32_t code;
                size_t more;

                if (p[i] < 0x80) {
                        code = p[i];
                        more = 0;
                } else if (p[i] >= 0xc0 && p[i] < 0xe0) {
                        code = p[i] & 0x1fu;
                        more = 1;
                } else if (p[i] >= 0xe0 && p[i] < 0xf0) {
                        code = p[i] & 0x0fu;
                        more = 2;
                } else if (p[i] >= 0xf0 && p[i] < 0xf8) {
                        code = p[i] & 0x07u;
                        more = 3;
                } else {
                        return false;
                }
                if (size - i <= more)
                        return false;
                for (size_t k = 1; k <= more; k++) {
                        if ((p[i + k] & 0xc0) != 0x80)
                                return false;
                        code = code << 6 | (p[i + k] & 0x3fu);
                }
                if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ||
                    (more == 1 && code < 0x80) || (more == 2 && code < 0x800) ||
                    (more == 3 && code < 0x10000))
                        return false;
                i += more + 1;
        }
        return true;
}

static void test_utf8_is_judged_as_defined_for_all_runs_of_up_to_three_bytes(void **state)
{
        uint8_t text[3];

        (void)state;
        for (uint32_t n = 0; n < 1u << 24; n++) {
                text[0] = (uint8_t)(n >> 16);
                text[1] = (uint8_t)(n >> 8);
                text[2] = (uint8_t)n;
                for (size_t size = (n & 0xffff) == 0 ? 1
                                   : (n & 0xff) == 0 ? 2
                                                     : 3;
                     size <= 3; size++)
                        if (bytes_is_utf8(BYTES(text, size)) != utf8_by_definition(text, size))
                                fail_msg("%06x, %zu bytes", n, size);
        }
}

static void test_utf8_of_four_bytes_is_judged_as_defined(void **state)
{
        static const uint8_t seconds[] = {0x00, 0x7f, 0x80, 0x8f, 0x90,
                                          0x9f, 0xa0, 0xbf, 0xc0, 0xff};

        (void)state;
        for (unsigned int first = 0xe0; first <= 0xff; first++)
                for (size_t a = 0; a < COUNT(seconds); a++)
                        for (size_t b = 0; b < COUNT(seconds); b++)
                                for (size_t c = 0; c < COUNT(seconds); c++) {
                                        uint8_t text[4] = {(uint8_t)first, seconds[a], seconds[b],
                                                           seconds[c]};

                                        assert_int_equal(bytes_is_utf8(BYTES(text, 4)),
                                                         utf8_by_definition(text, 4));
                                }
}

static void test_a_bad_byte_is_found_at_every_place_of_a_long_text(void **state)
{
        static const uint8_t bad[] = {0x00, 0x80, 0xff, 0xc3};
        char text[64];

        (void)state;
        for (size_t i = 0; i < sizeof(text); i++)
                for (size_t k = 0; k < COUNT(bad); k++) {
                        memset(text, 'a', sizeof(text));
                        assert_true(bytes_is_utf8(BYTES(text, sizeof(text))));
                        memcpy(text + i, &bad[k], 1);
                        assert_false(bytes_is_utf8(BYTES(text, sizeof(text))));
                }
}

static void test_hexadecimal_goes_there_and_back(void **state)
{
        const uint8_t data[] = {0x00, 0x0f, 0xa5, 0xff};
        uint8_t back[4];
        char digits[9];

        (void)state;
        bytes_hex(BYTES(data, 4), digits);
        assert_string_equal(digits, "000fa5ff");
        assert_int_equal(bytes_from_hex(bytes_text("000Fa5fF"), back, 4), 0);
        assert_memory_equal(back, data, 4);
        assert_int_equal(bytes_from_hex(bytes_text("000fa5f"), back, 4), PANNIER_E_INVALID);
        assert_int_equal(bytes_from_hex(bytes_text("000fa5fff"), back, 4), PANNIER_E_INVALID);
        assert_int_equal(bytes_from_hex(bytes_text("000fa5fg"), back, 4), PANNIER_E_INVALID);
        assert_int_equal(bytes_from_hex(bytes_text("000fa5f "), back, 4), PANNIER_E_INVALID);
}

static void test_a_buffer_holds_what_was_appended(void **state)
{
        CLEANUP(buffer_deinit) struct buffer buffer = BUFFER_INIT;

        (void)state;
        assert_int_equal(buffer_view(&buffer).size, 0);
        buffer_append_text(&buffer, "ab");
        buffer_append_byte(&buffer, 'c');
        buffer_append(&buffer, BYTES_NONE);
        buffer_append_format(&buffer, "%d-%s", 12, "x");
        assert_text(buffer_view(&buffer), "abc12-x");
        assert_int_equal(buffer_check(&buffer), 0);
        for (int i = 0; i < 100000; i++)
                buffer_append_byte(&buffer, (uint8_t)i);
        assert_int_equal(buffer.size, 100007);
        for (int i = 0; i < 100000; i++)
                assert_int_equal(buffer.data[7 + i], (uint8_t)i);
        buffer_reset(&buffer);
        assert_int_equal(buffer.size, 0);
        assert_true(buffer.capacity > 0);
}

static void test_a_buffer_stops_exactly_at_its_limit_and_remembers_it(void **state)
{
        CLEANUP(buffer_deinit) struct buffer buffer = BUFFER_INIT;

        (void)state;
        buffer.limit = 4;
        buffer_append_text(&buffer, "abcd");
        assert_int_equal(buffer_check(&buffer), 0);
        buffer_append_byte(&buffer, 'e');
        assert_int_equal(buffer_check(&buffer), PANNIER_E_LIMIT);
        assert_null(buffer_reserve(&buffer, 0));
        assert_text(buffer_view(&buffer), "abcd");
        buffer_reset(&buffer);
        buffer_append_text(&buffer, "ab");
        assert_int_equal(buffer_check(&buffer), 0);
        assert_null(buffer_reserve(&buffer, SIZE_MAX));
        assert_int_equal(buffer_check(&buffer), PANNIER_E_LIMIT);
}

static void test_a_buffer_without_limit_of_its_own_has_the_common_one(void **state)
{
        CLEANUP(buffer_deinit) struct buffer buffer = BUFFER_INIT;

        (void)state;
        assert_null(buffer_reserve(&buffer, BUFFER_LIMIT_MAX + 1));
        assert_int_equal(buffer_check(&buffer), PANNIER_E_LIMIT);
}

static void test_an_arena_gives_aligned_zeroed_memory_that_does_not_overlap(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        uint8_t *taken[300];

        (void)state;
        for (int round = 0; round < 3; round++) {
                for (size_t i = 0; i < COUNT(taken); i++) {
                        size_t size = i * 37 % 3000;

                        taken[i] = arena_alloc(&arena, size);
                        assert_non_null(taken[i]);
                        assert_int_equal((uintptr_t)taken[i] % _Alignof(max_align_t), 0);
                        for (size_t k = 0; k < size; k++)
                                assert_int_equal(taken[i][k], 0);
                        memset(taken[i], (int)i, size);
                }
                for (size_t i = 0; i < COUNT(taken); i++)
                        for (size_t k = 0; k < i * 37 % 3000; k++)
                                assert_int_equal(taken[i][k], (uint8_t)i);
                arena_reset(&arena);
        }
}

static void test_an_arena_takes_objects_larger_than_its_blocks(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        uint8_t *large, *small;

        (void)state;
        large = arena_alloc(&arena, 1 << 20);
        small = arena_alloc(&arena, 10);
        assert_non_null(large);
        assert_non_null(small);
        memset(large, 1, 1 << 20);
        assert_int_equal(small[0], 0);
        large = arena_alloc(&arena, 1 << 20);
        assert_non_null(large);
        memset(large, 1, 1 << 20);
        assert_int_equal(small[9], 0);
        assert_null(arena_alloc(&arena, SIZE_MAX));
        assert_null(arena_alloc(&arena, SIZE_MAX - 64));
}

static void test_a_copy_in_an_arena_has_a_nul_behind_it(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct bytes copy;

        (void)state;
        memset(arena_alloc(&arena, 64), 0xff, 64);
        arena_reset(&arena);
        copy = arena_copy(&arena, BYTES("abcdef", 3));
        assert_int_equal(copy.size, 3);
        assert_string_equal((const char *)copy.data, "abc");
        copy = arena_copy(&arena, BYTES_NONE);
        assert_non_null(copy.data);
        assert_int_equal(copy.size, 0);
        assert_int_equal(copy.data[0], 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_views_compare_like_memcmp_with_shorter_prefixes_first),
                cmocka_unit_test(test_utf8_is_judged_as_defined_for_all_runs_of_up_to_three_bytes),
                cmocka_unit_test(test_utf8_of_four_bytes_is_judged_as_defined),
                cmocka_unit_test(test_a_bad_byte_is_found_at_every_place_of_a_long_text),
                cmocka_unit_test(test_hexadecimal_goes_there_and_back),
                cmocka_unit_test(test_a_buffer_holds_what_was_appended),
                cmocka_unit_test(test_a_buffer_stops_exactly_at_its_limit_and_remembers_it),
                cmocka_unit_test(test_a_buffer_without_limit_of_its_own_has_the_common_one),
                cmocka_unit_test(test_an_arena_gives_aligned_zeroed_memory_that_does_not_overlap),
                cmocka_unit_test(test_an_arena_takes_objects_larger_than_its_blocks),
                cmocka_unit_test(test_a_copy_in_an_arena_has_a_nul_behind_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
