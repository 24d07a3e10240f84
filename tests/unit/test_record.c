#include "unit.h"

#include "common/error.h"
#include "wire_samples.h"

#include <string.h>

static int decode(struct bytes encoded, struct arena *arena, struct record *ret)
{
        struct cbor_reader reader;
        int r;

        memset(ret, 0, sizeof(*ret));
        ret->type = &sample_type;
        cbor_reader_init(&reader, encoded);
        r = record_decode_fields(&reader, arena, ret);
        if (r == 0)
                assert_true(cbor_at_end(&reader));
        return r;
}

static void check_form(const char *digits, int want)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer encoded = BUFFER_INIT;
        struct record record;

        unit_hex(digits, &encoded);
        assert_int_equal(decode(buffer_view(&encoded), &arena, &record), want);
}

static void fields_are_read_as_they_were_written(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer once = BUFFER_INIT;
        struct record record, again;

        (void)state;
        sample_record(&record);
        record_encode_fields(&record, &once);
        assert_int_equal(decode(buffer_view(&once), &arena, &again), 0);
        for (size_t i = 0; i < FIELD_COUNT_MAX; i++)
                assert_true(value_equal(&again.values[i], &record.values[i]));
        assert_int_equal(again.unknown.size, 0);
}

static void an_array_ends_at_the_last_field_with_a_value(void **state)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer want = BUFFER_INIT;
        struct record record = {.type = &sample_type};

        (void)state;
        record_encode_fields(&record, &out);
        unit_hex("80", &want);
        assert_bytes(buffer_view(&out), buffer_view(&want));
        buffer_reset(&out);
        buffer_reset(&want);
        record.values[4] = (struct value){.form = VALUE_INTEGER, .integer = 7}; /* number 6 */
        record_encode_fields(&record, &out);
        unit_hex("86 f6 f6 f6 f6 f6 07", &want);
        assert_bytes(buffer_view(&out), buffer_view(&want));
}

static void fields_of_a_newer_catalogue_keep_their_places(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer once = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer twice = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer unknown = BUFFER_INIT;
        struct record record;

        (void)state;
        /* 5 and 15 and 21 are not known; 20 is */
        unit_hex("95 6161 f6 f6 f6 82 01 f5 f6 f6 f6 f6 f6 f6 f6 f6 f6 a1 01 f6 f6 f6 f6 f6 a1 01 "
                 "6161 19 03e8",
                 &once);
        assert_int_equal(decode(buffer_view(&once), &arena, &record), 0);
        unit_hex("a3 05 82 01 f5 0f a1 01 f6 15 19 03e8", &unknown);
        assert_bytes(record.unknown, buffer_view(&unknown));
        record_encode_fields(&record, &twice);
        assert_bytes(buffer_view(&twice), buffer_view(&once));
}

static void a_record_of_another_form_is_malformed(void **state)
{
        (void)state;
        check_form("80", 0);
        check_form("f6", PANNIER_E_MALFORMED);
        check_form("a0", PANNIER_E_MALFORMED);
        check_form("81 01", PANNIER_E_MALFORMED);      /* a text is a number */
        check_form("82 6161", PANNIER_E_MALFORMED);    /* an element is missing */
        check_form("82 f6 6161", PANNIER_E_MALFORMED); /* a code is a text */
        check_form("83 f6 f6 19 ffff", 0);             /* out of range: the store's word counts */
        check_form("85 f6 f6 f6 f6 fb 7ff8000000000000",
                   PANNIER_E_MALFORMED); /* a float, though unknown */
        check_form("9f ff", PANNIER_E_MALFORMED);
        check_form("99 0100", PANNIER_E_MALFORMED); /* 256 elements */
}

static void every_cut_of_a_record_is_malformed(void **state)
{
        CLEANUP(buffer_deinit) struct buffer once = BUFFER_INIT;
        struct record record;

        (void)state;
        sample_record(&record);
        record_encode_fields(&record, &once);
        for (size_t size = 0; size < once.size; size++) {
                CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
                CLEANUP(free_pointerp) uint8_t *cut = malloc(size + 1);
                struct record again;

                assert_non_null(cut);
                memcpy(cut, once.data, size);
                assert_int_equal(decode(BYTES(cut, size), &arena, &again), PANNIER_E_MALFORMED);
        }
}

static void a_copy_does_not_need_the_original(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT, copies = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer once = BUFFER_INIT;
        struct record record, read, copy;

        (void)state;
        sample_record(&record);
        record.unknown = bytes_text("\241\025\001");
        record_encode_fields(&record, &once);
        assert_int_equal(decode(buffer_view(&once), &arena, &read), 0);
        assert_int_equal(record_copy(&read, &copies, &copy), 0);
        memset(once.data, 0xee, once.size);
        arena_deinit(&arena);
        for (size_t i = 0; i < FIELD_COUNT_MAX; i++)
                assert_true(value_equal(&copy.values[i], &record.values[i]));
        assert_bytes(copy.unknown, record.unknown);
}

/* A record of somebody's contact, with what came of fields that an older program did not know. */
static struct record contact_with(const struct buffer *unknown)
{
        struct record record = {.type = catalogue_type_by_name(bytes_text("contact_person"))};

        assert_non_null(record.type);
        record.unknown = buffer_view(unknown);
        return record;
}

static void fields_that_were_kept_get_their_places_when_the_catalogue_has_them(void **state)
{
        CLEANUP(buffer_deinit) struct buffer unknown = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer before = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer after = BUFFER_INIT;
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct record record;
        int rank;

        (void)state;
        cbor_put_map(&unknown, 3);
        cbor_put_uint(&unknown, 4); /* rank */
        cbor_put_uint(&unknown, 7);
        cbor_put_uint(&unknown, 5); /* lasting_power, of a form that does not fit it */
        cbor_put_text(&unknown, bytes_text("health"));
        cbor_put_uint(&unknown, 200);
        cbor_put_text(&unknown, bytes_text("of a catalogue yet to come"));
        record = contact_with(&unknown);
        rank = catalogue_field_index_by_name(record.type, bytes_text("rank"));
        record_encode_fields(&record, &before); /* what travels is all there before, too */

        assert_int_equal(record_take_in(&record, &arena), 1);
        assert_int_equal(record.values[rank].form, VALUE_INTEGER);
        assert_int_equal(record.values[rank].integer, 7);
        record_encode_fields(&record, &after);
        assert_bytes(buffer_view(&after), buffer_view(&before));
        assert_int_equal(record_take_in(&record, &arena), 0); /* once */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fields_are_read_as_they_were_written),
                cmocka_unit_test(an_array_ends_at_the_last_field_with_a_value),
                cmocka_unit_test(fields_of_a_newer_catalogue_keep_their_places),
                cmocka_unit_test(a_record_of_another_form_is_malformed),
                cmocka_unit_test(every_cut_of_a_record_is_malformed),
                cmocka_unit_test(a_copy_does_not_need_the_original),
                cmocka_unit_test(
                        fields_that_were_kept_get_their_places_when_the_catalogue_has_them),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
