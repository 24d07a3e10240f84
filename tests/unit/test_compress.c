#include "unit.h"

#include "common/compress.h"
#include "common/error.h"

#include <string.h>

static struct compressor *compressor;

static const char dictionary_text[] =
        "Wound healing as expected. Dressing clean and dry. No signs of infection. "
        "Continue care plan. Visit again in three days.";

static int make(void **state)
{
        (void)state;
        if (compressor_new(&compressor) < 0)
                return -1;
        return compressor_add_dictionary(compressor, 1, bytes_text(dictionary_text));
}

static int unmake(void **state)
{
        (void)state;
        compressor = compressor_free(compressor);
        return 0;
}

/* Half noise, so that it is compressed by some but not by much. */
static void fill(uint8_t *data, size_t size)
{
        uint32_t x = 1;

        for (size_t i = 0; i < size; i++) {
                x = x * 1664525u + 1013904223u;
                data[i] = i % 2 ? (uint8_t)(x >> 24) : 0;
        }
}

static void what_was_packed_comes_out_again(void **state)
{
        static uint8_t data[100000];
        const size_t sizes[] = {0, 1, 10, 255, 256, 1000, 65535, 65536, 100000};

        (void)state;
        fill(data, sizeof(data));
        for (size_t i = 0; i < COUNT(sizes); i++) {
                for (uint8_t dictionary = 0; dictionary <= 1; dictionary++) {
                        CLEANUP(buffer_deinit)
                        struct buffer packed = BUFFER_INIT, out = BUFFER_INIT;
                        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;

                        assert_int_equal(compress_body(compressor, dictionary,
                                                       BYTES(data, sizes[i]), &packed),
                                         0);
                        assert_int_equal(decompress_body(compressor, dictionary,
                                                         buffer_view(&packed), sizes[i], &out),
                                         0);
                        assert_bytes(buffer_view(&out), BYTES(data, sizes[i]));
                        buffer_reset(&out);
                        assert_int_equal(
                                compress_message(compressor, BYTES(data, sizes[i]), &message), 0);
                        assert_int_equal(decompress_message(compressor, buffer_view(&message),
                                                            sizes[i], &out),
                                         0);
                        assert_bytes(buffer_view(&out), BYTES(data, sizes[i]));
                }
        }
}

static void a_dictionary_makes_small_bodies_smaller(void **state)
{
        CLEANUP(buffer_deinit) struct buffer with = BUFFER_INIT, without = BUFFER_INIT;
        struct bytes clear = bytes_text("Dressing clean and dry. Continue care plan.");

        (void)state;
        assert_int_equal(compress_body(compressor, 1, clear, &with), 0);
        assert_int_equal(compress_body(compressor, 0, clear, &without), 0);
        assert_true(with.size < clear.size / 2);
        assert_true(with.size < without.size / 2);
}

static void output_is_behind_what_is_there_and_unchanged_on_failure(void **state)
{
        CLEANUP(buffer_deinit) struct buffer packed = BUFFER_INIT, out = BUFFER_INIT;

        (void)state;
        buffer_append_byte(&packed, 'x');
        assert_int_equal(compress_body(compressor, 1, bytes_text("Continue care plan."), &packed),
                         0);
        assert_int_equal(packed.data[0], 'x');
        buffer_append_byte(&out, 'y');
        assert_int_equal(
                decompress_body(compressor, 1, BYTES(packed.data + 1, packed.size - 1), 5, &out),
                PANNIER_E_LIMIT);
        assert_text(buffer_view(&out), "y");
        assert_int_equal(
                decompress_body(compressor, 1, BYTES(packed.data + 1, packed.size - 1), 50, &out),
                0);
        assert_text(buffer_view(&out), "yContinue care plan.");
}

static void a_frame_that_is_cut_or_followed_by_something_is_malformed(void **state)
{
        static uint8_t data[3000];
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT, message = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

        (void)state;
        fill(data, sizeof(data));
        assert_int_equal(compress_body(compressor, 1, BYTES(data, sizeof(data)), &body), 0);
        assert_int_equal(compress_message(compressor, BYTES(data, sizeof(data)), &message), 0);
        for (size_t size = 0; size < body.size; size++)
                assert_int_equal(decompress_body(compressor, 1, BYTES(body.data, size), 5000, &out),
                                 PANNIER_E_MALFORMED);
        for (size_t size = 0; size < message.size; size++)
                assert_int_equal(
                        decompress_message(compressor, BYTES(message.data, size), 5000, &out),
                        PANNIER_E_MALFORMED);
        buffer_append_byte(&body, 0);
        buffer_append_byte(&message, 0);
        assert_int_equal(decompress_body(compressor, 1, buffer_view(&body), 5000, &out),
                         PANNIER_E_MALFORMED);
        assert_int_equal(decompress_message(compressor, buffer_view(&message), 5000, &out),
                         PANNIER_E_MALFORMED);
        assert_int_equal(out.size, 0);
}

static void a_bomb_is_refused(void **state)
{
        CLEANUP(free_pointerp) uint8_t *zeros = calloc(1, 32 << 20);
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT, message = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

        (void)state;
        assert_non_null(zeros);
        assert_int_equal(compress_body(compressor, 1, BYTES(zeros, 32 << 20), &body), 0);
        assert_int_equal(compress_message(compressor, BYTES(zeros, 32 << 20), &message), 0);
        assert_true(body.size < 8192 && message.size < 8192);
        assert_int_equal(decompress_body(compressor, 1, buffer_view(&body), 65536, &out),
                         PANNIER_E_LIMIT);
        assert_int_equal(decompress_message(compressor, buffer_view(&message), 65536, &out),
                         PANNIER_E_LIMIT);
        assert_true(out.capacity < 1 << 20);
}

static void an_unknown_dictionary_needs_an_upgrade(void **state)
{
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT, out = BUFFER_INIT;

        (void)state;
        assert_int_equal(compress_body(compressor, 2, bytes_text("a"), &body), PANNIER_E_INVALID);
        assert_int_equal(compress_body(compressor, 255, bytes_text("a"), &body), PANNIER_E_INVALID);
        assert_int_equal(compress_body(compressor, 1, bytes_text("a"), &body), 0);
        assert_int_equal(decompress_body(compressor, 2, buffer_view(&body), 10, &out),
                         PANNIER_E_TOO_NEW);
        assert_int_equal(decompress_body(compressor, 255, buffer_view(&body), 10, &out),
                         PANNIER_E_TOO_NEW);
        assert_int_equal(compressor_add_dictionary(compressor, 0, bytes_text("a")),
                         PANNIER_E_INVALID);
        assert_int_equal(compressor_add_dictionary(compressor, 1, bytes_text("a")),
                         PANNIER_E_INVALID);
        assert_int_equal(compressor_add_dictionary(compressor, 9, bytes_text("a")),
                         PANNIER_E_INVALID);
}

static void changed_bytes_never_give_more_than_the_limit(void **state)
{
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;

        (void)state;
        assert_int_equal(compress_body(compressor, 1, bytes_text(dictionary_text), &body), 0);
        for (size_t at = 0; at < body.size; at++) {
                for (unsigned int flip = 1; flip < 256; flip++) {
                        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

                        body.data[at] ^= (uint8_t)flip;
                        if (decompress_body(compressor, 1, buffer_view(&body), 200, &out) == 0)
                                assert_true(out.size <= 200);
                        else
                                assert_int_equal(out.size, 0);
                        body.data[at] ^= (uint8_t)flip;
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_packed_comes_out_again),
                cmocka_unit_test(a_dictionary_makes_small_bodies_smaller),
                cmocka_unit_test(output_is_behind_what_is_there_and_unchanged_on_failure),
                cmocka_unit_test(a_frame_that_is_cut_or_followed_by_something_is_malformed),
                cmocka_unit_test(a_bomb_is_refused),
                cmocka_unit_test(an_unknown_dictionary_needs_an_upgrade),
                cmocka_unit_test(changed_bytes_never_give_more_than_the_limit),
        };

        return cmocka_run_group_tests(tests, make, unmake);
}
