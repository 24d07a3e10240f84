#include "common/cbor.h"
#include "common/error.h"
#include "tests/unit/unit.h"

#include <cbor.h>
#include <string.h>

struct example {
        const char *hex;
        struct cbor_item item;
};

#define NUMBER(kind_, number_)                                                                     \
        {                                                                                          \
                .kind = (kind_), .number = (number_)                                               \
        }

/* RFC 8949 appendix A, as far as our form has it. */
static const struct example numbers[] = {
        {"00", NUMBER(CBOR_UINT, 0)},
        {"01", NUMBER(CBOR_UINT, 1)},
        {"0a", NUMBER(CBOR_UINT, 10)},
        {"17", NUMBER(CBOR_UINT, 23)},
        {"1818", NUMBER(CBOR_UINT, 24)},
        {"1819", NUMBER(CBOR_UINT, 25)},
        {"1864", NUMBER(CBOR_UINT, 100)},
        {"1903e8", NUMBER(CBOR_UINT, 1000)},
        {"1a000f4240", NUMBER(CBOR_UINT, 1000000)},
        {"1b000000e8d4a51000", NUMBER(CBOR_UINT, 1000000000000)},
        {"20", NUMBER(CBOR_NINT, -1)},
        {"29", NUMBER(CBOR_NINT, -10)},
        {"3863", NUMBER(CBOR_NINT, -100)},
        {"3903e7", NUMBER(CBOR_NINT, -1000)},
        {"18ff", NUMBER(CBOR_UINT, 255)},
        {"190100", NUMBER(CBOR_UINT, 256)},
        {"19ffff", NUMBER(CBOR_UINT, 65535)},
        {"1a00010000", NUMBER(CBOR_UINT, 65536)},
        {"1affffffff", NUMBER(CBOR_UINT, 4294967295)},
        {"1b0000000100000000", NUMBER(CBOR_UINT, 4294967296)},
        {"1b7fffffffffffffff", NUMBER(CBOR_UINT, INT64_MAX)},
        {"3b7fffffffffffffff", NUMBER(CBOR_NINT, INT64_MIN)},
        {"f4", NUMBER(CBOR_BOOL, 0)},
        {"f5", NUMBER(CBOR_BOOL, 1)},
        {"f6", NUMBER(CBOR_NULL, 0)},
};

static int next(const char *hex, struct cbor_item *ret)
{
        CLEANUP(buffer_deinit) struct buffer input = BUFFER_INIT;
        struct cbor_reader reader;

        unit_hex(hex, &input);
        cbor_reader_init(&reader, buffer_view(&input));
        return cbor_next(&reader, ret);
}

static void put_item(struct buffer *out, const struct cbor_item *item)
{
        switch (item->kind) {
        case CBOR_UINT:
                cbor_put_uint(out, (uint64_t)item->number);
                break;
        case CBOR_NINT:
                cbor_put_int(out, item->number);
                break;
        case CBOR_BYTES:
                cbor_put_bytes(out, item->bytes);
                break;
        case CBOR_TEXT:
                cbor_put_text(out, item->bytes);
                break;
        case CBOR_ARRAY:
                cbor_put_array(out, item->count);
                break;
        case CBOR_MAP:
                cbor_put_map(out, item->count);
                break;
        case CBOR_BOOL:
                cbor_put_bool(out, item->number);
                break;
        case CBOR_NULL:
                cbor_put_null(out);
                break;
        }
}

static void test_numbers_are_read_and_written_as_in_the_examples_of_the_rfc(void **state)
{
        (void)state;
        for (size_t i = 0; i < COUNT(numbers); i++) {
                CLEANUP(buffer_deinit) struct buffer want = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer have = BUFFER_INIT;
                struct cbor_item item;

                assert_int_equal(next(numbers[i].hex, &item), 0);
                assert_int_equal(item.kind, numbers[i].item.kind);
                assert_true(item.number == numbers[i].item.number);
                unit_hex(numbers[i].hex, &want);
                put_item(&have, &item);
                assert_bytes(buffer_view(&have), buffer_view(&want));
        }
}

static void test_strings_arrays_and_maps_are_read_as_in_the_examples_of_the_rfc(void **state)
{
        CLEANUP(buffer_deinit) struct buffer input = BUFFER_INIT;
        struct cbor_reader reader;
        struct bytes bytes;
        uint64_t count, key;
        int64_t previous = -1;

        (void)state;
        unit_hex("4401020304 6449455446 62c3bc 64f0908591 40 60 80 a0 83010203 a201020304", &input);
        cbor_reader_init(&reader, buffer_view(&input));
        assert_int_equal(cbor_read_bytes(&reader, 4, &bytes), 0);
        assert_bytes(bytes, BYTES("\1\2\3\4", 4));
        assert_int_equal(cbor_read_text(&reader, 4, &bytes), 0);
        assert_text(bytes, "IETF");
        assert_int_equal(cbor_read_text(&reader, 2, &bytes), 0);
        assert_text(bytes, "ü");
        assert_int_equal(cbor_read_text(&reader, 4, &bytes), 0);
        assert_text(bytes, "\xf0\x90\x85\x91");
        assert_int_equal(cbor_read_bytes(&reader, 0, &bytes), 0);
        assert_int_equal(cbor_read_text(&reader, 0, &bytes), 0);
        assert_int_equal(cbor_read_array(&reader, 0, &count), 0);
        assert_int_equal(cbor_read_map(&reader, 0, &count), 0);
        assert_int_equal(cbor_read_array(&reader, 3, &count), 0);
        assert_int_equal(count, 3);
        for (uint64_t i = 1; i <= 3; i++) {
                assert_int_equal(cbor_read_uint(&reader, 9, &key), 0);
                assert_int_equal(key, i);
        }
        assert_int_equal(cbor_read_map(&reader, 2, &count), 0);
        assert_int_equal(cbor_read_key(&reader, 9, &previous, &key), 0);
        assert_int_equal(cbor_read_uint(&reader, 9, &key), 0);
        assert_int_equal(cbor_read_key(&reader, 9, &previous, &key), 0);
        assert_int_equal(previous, 3);
        assert_int_equal(cbor_read_uint(&reader, 9, &key), 0);
        assert_true(cbor_at_end(&reader));
        assert_int_equal(cbor_read_uint(&reader, 9, &key), PANNIER_E_MALFORMED);
}

static void test_what_is_not_the_deterministic_form_is_refused(void **state)
{
        static const char *const bad[] = {
                "1800",
                "1817", /* not the shortest */
                "190000",
                "1900ff",
                "1a00000000",
                "1a0000ffff",
                "1b0000000000000000",
                "1b00000000ffffffff",
                "3817",
                "3900ff",
                "5800",
                "5817",
                "7817",
                "980000",
                "b80000",
                "1b8000000000000000",
                "1bffffffffffffffff",
                "3b8000000000000000", /* past 63 bits */
                "1c",
                "1d",
                "1e",
                "1f", /* reserved */
                "5f",
                "5f4100ff",
                "7f",
                "7f6161ff",
                "9f",
                "9fff",
                "bf",
                "bfff",
                "ff", /* indefinite */
                "c0",
                "c000",
                "d818",
                "c1f6", /* tags */
                "f0",
                "f7",
                "f3",
                "f818",
                "f814",
                "f815",
                "f816",
                "f8ff", /* simple values */
                "f90000",
                "fa00000000",
                "fb0000000000000000",
                "f97e00", /* floats */
                "61ff",
                "6100",
                "62c328",
                "63eda080",
                "64f4908080", /* not UTF-8, NUL */
        };
        struct cbor_item item;

        (void)state;
        for (size_t i = 0; i < COUNT(bad); i++)
                if (next(bad[i], &item) != PANNIER_E_MALFORMED)
                        fail_msg("accepted: %s", bad[i]);
}

static void test_what_is_cut_anywhere_is_refused(void **state)
{
        static const char *const whole[] = {"1818",
                                            "190100",
                                            "1a00010000",
                                            "1b0000000100000000",
                                            "4401020304",
                                            "6449455446",
                                            "58184142434445464748494a4b4c4d4e4f505152535455565758"};

        (void)state;
        for (size_t i = 0; i < COUNT(whole); i++) {
                CLEANUP(buffer_deinit) struct buffer input = BUFFER_INIT;

                unit_hex(whole[i], &input);
                for (size_t size = 0; size <= input.size; size++) {
                        struct cbor_reader reader;
                        struct cbor_item item;
                        int want = size == input.size ? 0 : PANNIER_E_MALFORMED;

                        cbor_reader_init(&reader, BYTES(input.data, size));
                        assert_int_equal(cbor_next(&reader, &item), want);
                }
        }
}

static void test_a_count_that_cannot_fit_is_refused_before_anybody_allocates_by_it(void **state)
{
        static const char *const bad[] = {"81",
                                          "8200",
                                          "a1",
                                          "a100",
                                          "a2000000",
                                          "9affffffff00",
                                          "9b7fffffffffffffff00",
                                          "bb7fffffffffffffff0000",
                                          "5b7fffffffffffffff00",
                                          "7affffffff61"};
        struct cbor_item item;

        (void)state;
        for (size_t i = 0; i < COUNT(bad); i++)
                assert_int_equal(next(bad[i], &item), PANNIER_E_MALFORMED);
        assert_int_equal(next("8100", &item), 0);
        assert_int_equal(next("a10000", &item), 0);
}

static int skip_hex(const char *hex)
{
        CLEANUP(buffer_deinit) struct buffer input = BUFFER_INIT;
        struct cbor_reader reader;
        struct bytes raw;
        int r;

        unit_hex(hex, &input);
        cbor_reader_init(&reader, buffer_view(&input));
        r = cbor_skip(&reader, &raw);
        if (r == 0) {
                assert_true(cbor_at_end(&reader));
                assert_bytes(raw, buffer_view(&input));
        } else {
                assert_int_equal(reader.offset, 0);
        }
        return r;
}

static void test_a_whole_item_is_passed_over_and_checked_to_its_leaves(void **state)
{
        static const char *const good[] = {"00", "8301820203820405", "a26161016162820203",
                                           "a301f602f51864 0a", "8181818181818100"};
        static const char *const bad[] = {
                "a2010001 00",       /* twice */
                "a202000100",        /* out of order */
                "a2616200616100",    /* text out of order */
                "a218640a0100",      /* longer key first */
                "a2626161006162 00", /* by length of the head: "b" sorts before "aa" */
                "82001800",          "8200", "a100", "a1001800", "8161ff", "81c000",
        };

        (void)state;
        for (size_t i = 0; i < COUNT(good); i++)

                assert_int_equal(skip_hex(good[i]), 0);
        for (size_t i = 0; i < COUNT(bad); i++)
                if (skip_hex(bad[i]) != PANNIER_E_MALFORMED)
                        fail_msg("accepted: %s", bad[i]);
}

static void test_eight_levels_are_passed_over_and_nine_refused(void **state)
{
        (void)state;
        assert_int_equal(skip_hex("8181818181818181 00"), 0);
        assert_int_equal(skip_hex("8181818181818181 80"), PANNIER_E_MALFORMED);
        assert_int_equal(skip_hex("a100a100a100a100a100a100a100a100 00"), 0);
        assert_int_equal(skip_hex("a100a100a100a100a100a100a100a100 a0"), PANNIER_E_MALFORMED);
}

static void test_keys_must_rise_and_stay_below_their_bound(void **state)
{
        CLEANUP(buffer_deinit) struct buffer input = BUFFER_INIT;
        struct cbor_reader reader;
        int64_t previous = -1;
        uint64_t key;

        (void)state;
        unit_hex("00 05 05", &input);
        cbor_reader_init(&reader, buffer_view(&input));
        assert_int_equal(cbor_read_key(&reader, 5, &previous, &key), 0);
        assert_int_equal(cbor_read_key(&reader, 5, &previous, &key), 0);
        assert_int_equal(cbor_read_key(&reader, 5, &previous, &key), PANNIER_E_MALFORMED);
        cbor_reader_init(&reader, buffer_view(&input));
        reader.offset = 1;
        previous = -1;
        assert_int_equal(cbor_read_key(&reader, 4, &previous, &key), PANNIER_E_MALFORMED);
}

static void test_another_kind_or_size_is_refused_and_says_where(void **state)
{
        CLEANUP(buffer_deinit) struct buffer input = BUFFER_INIT;
        struct cbor_reader reader;
        struct bytes bytes;
        struct uuid id;
        uint64_t number;
        int64_t integer;
        bool truth;

        (void)state;
        unit_hex("820a", &input);
        unit_hex("6161", &input);
        cbor_reader_init(&reader, buffer_view(&input));
        assert_int_equal(cbor_read_uint(&reader, 9, &number), PANNIER_E_MALFORMED);
        assert_non_null(strstr(error_detail(), "array where unsigned integer belongs"));
        assert_int_equal(cbor_read_array(&reader, 1, &number), PANNIER_E_MALFORMED);
        cbor_reader_init(&reader, buffer_view(&input));
        assert_int_equal(cbor_read_array(&reader, 2, &number), 0);
        assert_int_equal(cbor_read_bool(&reader, &truth), PANNIER_E_MALFORMED);
        assert_non_null(strstr(error_detail(), "byte 1"));
        assert_int_equal(cbor_read_text(&reader, 9, &bytes), PANNIER_E_MALFORMED);
        assert_int_equal(cbor_read_map(&reader, 9, &number), PANNIER_E_MALFORMED);
        assert_int_equal(cbor_read_uuid(&reader, &id), PANNIER_E_MALFORMED);
        assert_int_equal(cbor_read_int(&reader, &integer), 0);
        assert_int_equal(integer, 10);
        assert_int_equal(cbor_read_int(&reader, &integer), PANNIER_E_MALFORMED);
        assert_int_equal(cbor_read_bytes(&reader, 9, &bytes), PANNIER_E_MALFORMED);
        assert_int_equal(cbor_read_text(&reader, 0, &bytes), PANNIER_E_MALFORMED);
}

static void test_an_id_is_16_bytes_and_no_id_is_null(void **state)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        const struct uuid id = {{1, 2, 3}};
        struct cbor_reader reader;
        struct uuid back;

        (void)state;
        cbor_put_uuid(&out, &id);
        cbor_put_uuid(&out, &UUID_NONE);
        assert_int_equal(out.size, 18);
        cbor_reader_init(&reader, buffer_view(&out));
        assert_int_equal(cbor_read_uuid_or_none(&reader, &back), 0);
        assert_true(uuid_equal(&back, &id));
        assert_int_equal(cbor_read_uuid(&reader, &back), PANNIER_E_MALFORMED);
        cbor_reader_init(&reader, BYTES(out.data + 17, 1));
        assert_int_equal(cbor_read_uuid_or_none(&reader, &back), 0);
        assert_true(uuid_is_none(&back));
        buffer_reset(&out);
        cbor_put_bytes(&out, BYTES(&UUID_NONE, 16)); /* none has one form only */
        cbor_reader_init(&reader, buffer_view(&out));
        assert_int_equal(cbor_read_uuid_or_none(&reader, &back), PANNIER_E_MALFORMED);
        buffer_reset(&out);
        cbor_put_bytes(&out, BYTES(&id, 15));
        cbor_reader_init(&reader, buffer_view(&out));
        assert_int_equal(cbor_read_uuid(&reader, &back), PANNIER_E_MALFORMED);
}

/* An independent decoder: whatever we accept, libcbor reads as one item of the same length and writes back the same. */
static void test_libcbor_agrees_with_every_item_that_we_accept(void **state)
{
        uint64_t seed = 0x9e3779b97f4a7c15;
        unsigned int accepted = 0;

        (void)state;
        for (int round = 0; round < 300000; round++) {
                uint8_t input[24], output[64];
                struct cbor_load_result result;
                struct cbor_reader reader;
                cbor_item_t *item;
                struct bytes raw;
                size_t size;

                for (size_t i = 0; i < sizeof(input); i++) {
                        seed = seed * 6364136223846793005u + 1442695040888963407u;
                        input[i] = (uint8_t)(seed >> 56);
                        if (seed >> 40 & 1) /* small numbers make nested items likelier */
                                input[i] &= 0xe3;
                }
                cbor_reader_init(&reader, BYTES(input, sizeof(input)));
                if (cbor_skip(&reader, &raw) < 0)
                        continue;
                accepted++;
                item = cbor_load(input, sizeof(input), &result);
                assert_non_null(item);
                assert_int_equal(result.read, raw.size);
                size = cbor_serialize(item, output, sizeof(output));
                assert_bytes(BYTES(output, size), raw);
                cbor_decref(&item);
        }
        assert_true(accepted > 50000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers_are_read_and_written_as_in_the_examples_of_the_rfc),
                cmocka_unit_test(
                        test_strings_arrays_and_maps_are_read_as_in_the_examples_of_the_rfc),
                cmocka_unit_test(test_what_is_not_the_deterministic_form_is_refused),
                cmocka_unit_test(test_what_is_cut_anywhere_is_refused),
                cmocka_unit_test(
                        test_a_count_that_cannot_fit_is_refused_before_anybody_allocates_by_it),
                cmocka_unit_test(test_a_whole_item_is_passed_over_and_checked_to_its_leaves),
                cmocka_unit_test(test_eight_levels_are_passed_over_and_nine_refused),
                cmocka_unit_test(test_keys_must_rise_and_stay_below_their_bound),
                cmocka_unit_test(test_another_kind_or_size_is_refused_and_says_where),
                cmocka_unit_test(test_an_id_is_16_bytes_and_no_id_is_null),
                cmocka_unit_test(test_libcbor_agrees_with_every_item_that_we_accept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
