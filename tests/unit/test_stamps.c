#include "store/stamps.h"

#include "common/error.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct stamp stamp_of(uint64_t position, uint8_t entry)
{
        return (struct stamp){.position = position,
                              .quality = CLOCK_SYNCHRONISED,
                              .corrected_ms = 1000 + (int64_t)position,
                              .entry = {{1, entry}}};
}

static void assert_stamp(const struct stamps *stamps, uint16_t field, const char *element,
                         uint64_t position)
{
        const struct stamp *stamp = stamps_find(stamps, field, bytes_text(element));

        if (position == 0) {
                assert_null(stamp);
                return;
        }
        assert_non_null(stamp);
        assert_int_equal(stamp->position, position);
}

static void test_fields_and_elements_are_kept_apart(void **state)
{
        struct arena arena = ARENA_INIT;
        struct stamp first = stamp_of(1, 1), second = stamp_of(2, 2);
        struct stamps stamps;

        (void)state;
        stamps_init(&stamps, &arena);
        assert_int_equal(stamps_set(&stamps, 7, bytes_text("a"), &first), 0);
        assert_int_equal(stamps_set(&stamps, 7, BYTES_NONE, &second), 0);
        assert_int_equal(stamps_set(&stamps, 3, BYTES_NONE, &first), 0);
        assert_stamp(&stamps, 7, "a", 1);
        assert_stamp(&stamps, 7, "", 2);
        assert_stamp(&stamps, 7, "b", 0);
        assert_stamp(&stamps, 3, "", 1);
        assert_stamp(&stamps, 4, "", 0);
        assert_int_equal(stamps_set(&stamps, 7, bytes_text("a"), &second), 0);
        assert_stamp(&stamps, 7, "a", 2);
        assert_int_equal(stamps.count, 3);
        stamps_clear(&stamps, 7, BYTES_NONE);
        assert_stamp(&stamps, 7, "", 0);
        assert_stamp(&stamps, 7, "a", 2);
        stamps_clear(&stamps, 9, BYTES_NONE);
        assert_int_equal(stamps.count, 2);
        arena_deinit(&arena);
}

static void test_the_order_of_latest_is_quality_then_time_then_entry(void **state)
{
        struct stamp a = stamp_of(1, 1), b = stamp_of(1, 1);

        (void)state;
        assert_int_equal(stamps_compare(&a, &b), 0);
        b.entry.bytes[1] = 2;
        assert_true(stamps_compare(&a, &b) < 0);
        a.corrected_ms++;
        assert_true(stamps_compare(&a, &b) > 0);
        a.quality = CLOCK_FREE;
        assert_true(stamps_compare(&a, &b) < 0);
        a.position = 99; /* when it was committed decides nothing */
        assert_true(stamps_compare(&a, &b) < 0);
}

static void assert_same(const struct stamps *a, const struct stamps *b)
{
        assert_int_equal(a->count, b->count);
        for (size_t i = 0; i < a->count; i++) {
                const struct stamp_part *x = &a->parts[i], *y = &b->parts[i];

                assert_int_equal(x->field, y->field);
                assert_bytes(x->element, y->element);
                assert_int_equal(x->stamp.position, y->stamp.position);
                assert_int_equal(x->stamp.quality, y->stamp.quality);
                assert_int_equal(x->stamp.corrected_ms, y->stamp.corrected_ms);
                assert_int_equal(x->stamp.by_store, y->stamp.by_store);
                assert_memory_equal(x->stamp.entry.bytes, y->stamp.entry.bytes, 16);
        }
}

static void test_what_is_encoded_is_decoded_again(void **state)
{
        struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer encoded = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer element = BUFFER_INIT;
        struct stamps stamps, again;
        uint32_t dice = 7;

        (void)state;
        for (int round = 0; round < 200; round++) {
                stamps_init(&stamps, &arena);
                for (int i = 0; i < round % 40; i++) {
                        struct stamp stamp;

                        dice = dice * 1103515245u + 12345u;
                        stamp = stamp_of(1 + (dice >> 16) % 5, (uint8_t)((dice >> 20) % 3));
                        stamp.quality = (enum clock_quality)((dice >> 24) % 3);
                        stamp.by_store = (dice >> 28) & 1;
                        stamp.corrected_ms = -(int64_t)(dice >> 10);
                        buffer_reset(&element);
                        if ((dice >> 13) & 1)
                                cbor_put_uint(&element, dice >> 14);
                        assert_int_equal(stamps_set(&stamps, (uint16_t)(1 + (dice >> 8) % 9),
                                                    buffer_view(&element), &stamp),
                                         0);
                }
                buffer_reset(&encoded);
                stamps_encode(&stamps, &encoded);
                stamps_init(&again, &arena);
                assert_int_equal(stamps_decode(buffer_view(&encoded), &again), 0);
                assert_same(&stamps, &again);
        }
        arena_deinit(&arena);
}

static void test_fields_that_were_set_together_share_their_stamp(void **state)
{
        struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer encoded = BUFFER_INIT;
        struct stamp stamp = stamp_of(1, 1);
        struct stamps stamps;

        (void)state;
        stamps_init(&stamps, &arena);
        for (uint16_t field = 1; field <= 12; field++)
                assert_int_equal(stamps_set(&stamps, field, BYTES_NONE, &stamp), 0);
        stamps_encode(&stamps, &encoded);
        assert_true(encoded.size <= 40);
        arena_deinit(&arena);
}

static void test_broken_bytes_are_refused_at_every_cut(void **state)
{
        struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer encoded = BUFFER_INIT;
        struct stamp stamp = stamp_of(1, 1);
        struct stamps stamps;

        (void)state;
        stamps_init(&stamps, &arena);
        assert_int_equal(stamps_set(&stamps, 1, BYTES_NONE, &stamp), 0);
        assert_int_equal(stamps_set(&stamps, 2, bytes_text("\x05"), &stamp), 0);
        stamps_encode(&stamps, &encoded);
        for (size_t cut = 1; cut < encoded.size; cut++) {
                stamps_init(&stamps, &arena);
                assert_int_equal(stamps_decode(BYTES(encoded.data, cut), &stamps),
                                 PANNIER_E_MALFORMED);
        }
        arena_deinit(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fields_and_elements_are_kept_apart),
                cmocka_unit_test(test_the_order_of_latest_is_quality_then_time_then_entry),
                cmocka_unit_test(test_what_is_encoded_is_decoded_again),
                cmocka_unit_test(test_fields_that_were_set_together_share_their_stamp),
                cmocka_unit_test(test_broken_bytes_are_refused_at_every_cut),
        };

        return cmocka_run_group_tests_name("stamps", tests, NULL, NULL);
}
