#include "unit.h"

#include "common/body.h"
#include "common/error.h"
#include "wire_samples.h"

#include <string.h>

static struct body_codec *codec;

static int make(void **state)
{
        (void)state;
        return body_codec_new(&codec);
}

static int unmake(void **state)
{
        (void)state;
        codec = body_codec_free(codec);
        return 0;
}

static void a_body_comes_out_as_it_went_in(void **state)
{
        CLEANUP(buffer_deinit)
        struct buffer clear = BUFFER_INIT, packed = BUFFER_INIT, out = BUFFER_INIT;
        struct entry_header header;
        struct entry_body body;

        (void)state;
        sample_header(&header);
        sample_body(&body);
        entry_body_encode(&body, &header, &clear);
        assert_int_equal(body_pack(codec, buffer_view(&clear), &packed), 0);
        assert_int_equal(packed.data[0], BODY_FORMAT);
        assert_int_equal(packed.data[1], BODY_DICTIONARY);
        assert_int_equal(body_unpack(codec, buffer_view(&packed), &out), 0);
        assert_bytes(buffer_view(&out), buffer_view(&clear));
}

static void typical_text_becomes_less_than_half(void **state)
{
        static const char text[] =
                "Slept well, in good spirits. Dressing clean and dry. No signs of infection. "
                "Continue care plan. Visit again in three days.";
        CLEANUP(buffer_deinit) struct buffer packed = BUFFER_INIT;

        (void)state;
        assert_int_equal(body_pack(codec, bytes_text(text), &packed), 0);
        assert_true(packed.size < strlen(text) / 2);
}

static void a_body_over_the_limit_is_refused_on_both_ways(void **state)
{
        CLEANUP(free_pointerp) uint8_t *large = calloc(1, ENTRY_BODY_MAX + 1);
        CLEANUP(buffer_deinit) struct buffer packed = BUFFER_INIT, out = BUFFER_INIT;

        (void)state;
        assert_non_null(large);
        assert_int_equal(body_pack(codec, BYTES(large, ENTRY_BODY_MAX + 1), &packed),
                         PANNIER_E_LIMIT);
        assert_int_equal(packed.size, 0);
        assert_int_equal(body_pack(codec, BYTES(large, ENTRY_BODY_MAX), &packed), 0);
        assert_int_equal(body_unpack(codec, buffer_view(&packed), &out), 0);
        assert_int_equal(out.size, ENTRY_BODY_MAX);
}

static void noise_grows_by_less_than_the_overhead_that_is_promised(void **state)
{
        static uint8_t noise[ENTRY_BODY_MAX];
        CLEANUP(buffer_deinit) struct buffer packed = BUFFER_INIT;

        (void)state;
        crypto_random(noise, sizeof(noise));
        assert_int_equal(body_pack(codec, BYTES(noise, sizeof(noise)), &packed), 0);
        assert_true(packed.size <= sizeof(noise) + BODY_OVERHEAD);
        assert_true(packed.size <= WIRE_SEALED_BODY_MAX);
}

static int unpack_hex(const char *digits)
{
        CLEANUP(buffer_deinit) struct buffer packed = BUFFER_INIT, out = BUFFER_INIT;

        unit_hex(digits, &packed);
        return body_unpack(codec, buffer_view(&packed), &out);
}

static void other_formats_need_an_upgrade_and_garbage_is_malformed(void **state)
{
        (void)state;
        assert_int_equal(unpack_hex(""), PANNIER_E_MALFORMED);
        assert_int_equal(unpack_hex("01"), PANNIER_E_MALFORMED);
        assert_int_equal(unpack_hex("01 01"), PANNIER_E_MALFORMED);
        assert_int_equal(unpack_hex("00 01 00"), PANNIER_E_MALFORMED);
        assert_int_equal(unpack_hex("02 01 00"), PANNIER_E_TOO_NEW);
        assert_int_equal(unpack_hex("01 07 00"), PANNIER_E_TOO_NEW);
        assert_int_equal(unpack_hex("01 01 ffffffff"), PANNIER_E_MALFORMED);
}

/* Bodies in outboxes were packed with this very dictionary: it never changes. */
static void what_the_first_dictionary_packed_can_still_be_read(void **state)
{
        CLEANUP(buffer_deinit) struct buffer packed = BUFFER_INIT, out = BUFFER_INIT;

        (void)state;
        unit_hex("010100005d00000002006f86214c6a130201", &packed);
        assert_int_equal(body_unpack(codec, buffer_view(&packed), &out), 0);
        assert_text(buffer_view(&out),
                    "Dressing clean and dry. No signs of infection. Visit again in three days.");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_body_comes_out_as_it_went_in),
                cmocka_unit_test(typical_text_becomes_less_than_half),
                cmocka_unit_test(a_body_over_the_limit_is_refused_on_both_ways),
                cmocka_unit_test(noise_grows_by_less_than_the_overhead_that_is_promised),
                cmocka_unit_test(other_formats_need_an_upgrade_and_garbage_is_malformed),
                cmocka_unit_test(what_the_first_dictionary_packed_can_still_be_read),
        };

        return cmocka_run_group_tests(tests, make, unmake);
}
