#include "unit.h"

#include "common/error.h"
#include "common/wire.h"
#include "wire_samples.h"

#include <string.h>

/* Writes a message again from what was read. */
static void put_again(struct wire_message *message, struct buffer *out)
{
        switch (message->kind) {
#define PUT_AGAIN(symbol, number, name, fields)                                                    \
        case WIRE_KIND_##symbol:                                                                   \
                wire_put_##name(&message->name, out);                                              \
                break;
                WIRE_MESSAGES(PUT_AGAIN)
#undef PUT_AGAIN
        case WIRE_KIND_RECORDS:
        case WIRE_KIND_SKIP:
        case WIRE_KIND_MAX:
                break;
        }
}

/* Reads rows as records and writes them again. Return: 0, or the error of the row that cannot be read. */
static int put_records_again(struct wire_records *records, struct arena *arena, struct buffer *out)
{
        struct wire_records_writer writer = {0};
        struct cbor_reader fields;
        struct record record;
        struct wire_row row;
        int r;

        memset(&record, 0, sizeof(record));
        record.type = &sample_type;
        while ((r = wire_records_next(records, &row)) == 1) {
                record.id = row.id;
                record.person = row.person;
                record.author = row.author;
                record.role = row.role;
                record.device = row.device;
                record.recorded_ms = row.recorded_ms;
                record.position = row.position;
                cbor_reader_init(&fields, row.fields);
                r = record_decode_fields(&fields, arena, &record);
                if (r < 0)
                        break;
                wire_records_add(&writer, &record);
        }
        if (r == 0)
                wire_records_end(&writer, &records->locality, records->epoch, records->type, out);
        buffer_deinit(&writer.rows);
        return r;
}

/* Reads all of @sequence and writes it again. Return: 0, or the first error. */
static int read_all(struct bytes sequence, struct buffer *out)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct wire_reader reader;
        struct wire_message message;
        int r;

        wire_reader_init(&reader, sequence, &arena);
        while ((r = wire_next(&reader, &message)) == 1) {
                if (message.kind == WIRE_KIND_RECORDS) {
                        r = put_records_again(&message.records, &arena, out);
                        if (r < 0)
                                return r;
                } else {
                        put_again(&message, out);
                }
        }
        return r;
}

static size_t sample_number(const char *name)
{
        size_t i = 0;

        while (strcmp(wire_samples[i].name, name) != 0)
                i++;
        return i;
}

static void every_message_is_read_as_it_was_written(void **state)
{
        (void)state;
        for (size_t i = 0; i < wire_sample_count; i++) {
                CLEANUP(buffer_deinit) struct buffer once = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer twice = BUFFER_INIT;

                wire_samples[i].put(&once);
                assert_int_equal(read_all(buffer_view(&once), &twice), 0);
                if (strcmp(wire_samples[i].name, "skipped") == 0)
                        assert_int_equal(twice.size, 0);
                else
                        assert_bytes(buffer_view(&twice), buffer_view(&once));
        }
}

static void a_sequence_of_all_messages_is_read_in_order(void **state)
{
        CLEANUP(buffer_deinit) struct buffer once = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer twice = BUFFER_INIT;
        size_t skipped;

        (void)state;
        for (size_t i = 0; i + 1 < wire_sample_count; i++)
                wire_samples[i].put(&once);
        skipped = once.size;
        wire_samples[wire_sample_count - 1].put(&once);
        assert_int_equal(read_all(buffer_view(&once), &twice), 0);
        once.size = skipped;
        assert_bytes(buffer_view(&twice), buffer_view(&once));
}

static void a_message_that_ends_too_early_is_malformed_at_every_byte(void **state)
{
        (void)state;
        for (size_t i = 0; i < wire_sample_count; i++) {
                CLEANUP(buffer_deinit) struct buffer once = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer ignored = BUFFER_INIT;

                wire_samples[i].put(&once);
                for (size_t size = 1; size < once.size; size++) {
                        /* A copy of exactly this size, so that a sanitizer sees a read behind it. */
                        CLEANUP(free_pointerp) uint8_t *cut = malloc(size);

                        assert_non_null(cut);
                        memcpy(cut, once.data, size);
                        assert_int_equal(read_all(BYTES(cut, size), &ignored), PANNIER_E_MALFORMED);
                }
        }
}

/*
 * What is accepted has one encoding only, whatever a byte was changed to; but for a newer peer's elements, and for rows, which
 * may spell out what they have in common with the row before.
 */
static void a_message_with_a_changed_byte_is_refused_or_read_for_what_it_says(void **state)
{
        static const uint8_t changes[] = {0x00, 0x01, 0x17, 0x18, 0x20, 0x40, 0x60, 0x7f,
                                          0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xf4, 0xf6, 0xff};
        size_t accepted = 0, refused = 0, records = sample_number("records");

        (void)state;
        for (size_t i = 0; i + 1 < wire_sample_count; i++) {
                CLEANUP(buffer_deinit) struct buffer once = BUFFER_INIT;

                wire_samples[i].put(&once);
                for (size_t at = 0; at < once.size; at++) {
                        uint8_t original = once.data[at];

                        for (size_t j = 0; j < COUNT(changes); j++) {
                                CLEANUP(buffer_deinit) struct buffer twice = BUFFER_INIT;

                                once.data[at] = changes[j];
                                if (read_all(buffer_view(&once), &twice) < 0) {
                                        refused++;
                                        continue;
                                }
                                accepted++;
                                if (i != records && twice.size == once.size)
                                        assert_bytes(buffer_view(&twice), buffer_view(&once));
                        }
                        once.data[at] = original;
                }
        }
        assert_true(accepted > 1000); /* hashes and signatures may be anything */
        assert_true(refused > 1000);
}

static int read_hex(const char *digits)
{
        CLEANUP(buffer_deinit) struct buffer sequence = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer ignored = BUFFER_INIT;

        unit_hex(digits, &sequence);
        return read_all(buffer_view(&sequence), &ignored);
}

#define ID "50 0199cbe0f000 7003 8405 060708090a0b"

static void unknown_kinds_are_skipped_or_need_an_upgrade(void **state)
{
        (void)state;
        assert_int_equal(read_hex("81 1880"), 0);                     /* [128] */
        assert_int_equal(read_hex("83 18ff 01 a1 01 02"), 0);         /* [255, 1, {1: 2}] */
        assert_int_equal(read_hex("81 187f"), PANNIER_E_TOO_NEW);     /* [127] */
        assert_int_equal(read_hex("81 0f"), PANNIER_E_TOO_NEW);       /* [15] */
        assert_int_equal(read_hex("81 190100"), PANNIER_E_MALFORMED); /* [256] */
        assert_int_equal(read_hex("81 00"), PANNIER_E_TOO_NEW);       /* [0] */
        assert_int_equal(read_hex("82 18c8 c0 01"),
                         PANNIER_E_MALFORMED); /* a tag, though skipped */
}

static void what_is_not_a_message_is_malformed(void **state)
{
        (void)state;
        assert_int_equal(read_hex("80"), PANNIER_E_MALFORMED);       /* [] */
        assert_int_equal(read_hex("01"), PANNIER_E_MALFORMED);       /* 1 */
        assert_int_equal(read_hex("a0"), PANNIER_E_MALFORMED);       /* {} */
        assert_int_equal(read_hex("81 20"), PANNIER_E_MALFORMED);    /* [-1] */
        assert_int_equal(read_hex("9f 02 ff"), PANNIER_E_MALFORMED); /* indefinite length */
        assert_int_equal(read_hex("82 02 9800"),
                         PANNIER_E_MALFORMED); /* a length that is not the shortest */
        assert_int_equal(read_hex("82 1802 80"), PANNIER_E_MALFORMED); /* a number that is not */
        assert_int_equal(read_hex("81 02"), PANNIER_E_MALFORMED);      /* an element is missing */
}

static void elements_of_a_newer_peer_are_ignored(void **state)
{
        (void)state;
        assert_int_equal(read_hex("83 02 80 a1 01 f5"), 0); /* vector, with {1: true} behind it */
        /* gap with one more: [5, incarnation, 0, 1, 2, "", null] is 87 03 ... */
        assert_int_equal(read_hex("86 03 " ID " 00 01 02 60"), 0);
        assert_int_equal(read_hex("87 03 " ID " 00 01 02 60 f6"), 0);
        assert_int_equal(read_hex("87 03 " ID " 00 01 02 60"), PANNIER_E_MALFORMED);
}

static void values_past_their_limits_are_refused(void **state)
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer ignored = BUFFER_INIT;
        CLEANUP(free_pointerp) char *text = calloc(1, WIRE_DETAIL_MAX + 1);
        struct wire_gap gap = {sample_id(1), 0, 1, 2, BYTES_NONE};

        (void)state;
        assert_non_null(text);
        memset(text, 'a', WIRE_DETAIL_MAX + 1);
        gap.detail = BYTES(text, WIRE_DETAIL_MAX);
        wire_put_gap(&gap, &message);
        assert_int_equal(read_all(buffer_view(&message), &ignored), 0);
        gap.detail.size++; /* refused where it is written, and where it is read */
        wire_put_gap(&gap, &message);
        assert_int_equal(buffer_check(&message), PANNIER_E_LIMIT);
        buffer_reset(&message);
        unit_hex("86 03 " ID " 00 01 02 79 01f5", &message);
        buffer_append(&message, gap.detail);
        assert_int_equal(read_all(buffer_view(&message), &ignored), PANNIER_E_MALFORMED);
        assert_int_equal(read_hex("86 03 " ID " 03 01 02 60"), PANNIER_E_MALFORMED); /* lane 3 */
        assert_int_equal(read_hex("86 03 " ID " 00 01 20 60"), PANNIER_E_MALFORMED); /* seq -1 */
        assert_int_equal(read_hex("86 03 " ID " 00 01 1b8000000000000000 60"), PANNIER_E_MALFORMED);
        assert_int_equal(read_hex("86 03 f6 00 01 02 60"),
                         PANNIER_E_MALFORMED); /* no incarnation */
        assert_int_equal(read_hex("86 03 50 00000000000000000000000000000000 00 01 02 60"),
                         PANNIER_E_MALFORMED); /* the id that is none */
        assert_int_equal(read_hex("86 03 " ID " 00 01 02 61 00"), PANNIER_E_MALFORMED); /* U+0000 */
        assert_int_equal(read_hex("86 03 " ID " 00 01 02 61 ff"),
                         PANNIER_E_MALFORMED); /* not UTF-8 */
}

static void a_count_that_the_message_cannot_hold_takes_no_memory(void **state)
{
        (void)state;
        assert_int_equal(read_hex("82 02 9a ffffffff"), PANNIER_E_MALFORMED);
        assert_int_equal(read_hex("82 02 9b 0fffffffffffffff"), PANNIER_E_MALFORMED);
        assert_int_equal(read_hex("84 14 f4 f6 9a 00001001"), PANNIER_E_MALFORMED);
}

static void rows_are_counted(void **state)
{
        (void)state;
        assert_int_equal(read_hex("86 12 " ID " 01 18c8 00 40"), 0);
        assert_int_equal(read_hex("86 12 " ID " 01 18c8 01 40"), PANNIER_E_MALFORMED);
        assert_int_equal(read_hex("86 12 " ID " 01 18c8 00 41 00"), PANNIER_E_MALFORMED);
        assert_int_equal(read_hex("86 12 " ID " 01 00 00 40"), PANNIER_E_MALFORMED); /* type 0 */
        assert_int_equal(read_hex("85 12 " ID " 01 18c8 00"), PANNIER_E_MALFORMED);
        assert_int_equal(read_hex("86 12 " ID " 01 18c8 1a00010001 40"), PANNIER_E_MALFORMED);
}

static void a_row_cannot_lead_to_a_position_below_zero(void **state)
{
        (void)state;
        /* one row: [id, -1, false, null, 0, []] */
        assert_int_equal(read_hex("86 12 " ID " 01 18c8 01 57 86 " ID " 20 f4 f6 00 80"),
                         PANNIER_E_MALFORMED);
        assert_int_equal(read_hex("86 12 " ID " 01 18c8 01 57 86 " ID " 00 f4 f6 00 80"), 0);
}

static void an_empty_records_message_is_not_written(void **state)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        struct wire_records_writer writer = {0};
        struct uuid locality = sample_id(3);

        (void)state;
        wire_records_end(&writer, &locality, 1, 24, &out);
        assert_int_equal(out.size, 0);
        assert_int_equal(wire_records_size(&writer), 0);
        buffer_deinit(&writer.rows);
}

static void records_size_is_never_less_than_what_is_written(void **state)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        struct wire_records_writer writer = {0};
        struct record record;
        size_t announced;

        (void)state;
        sample_record(&record);
        for (unsigned int i = 0; i < 1000; i++) {
                record.id = sample_id(i);
                wire_records_add(&writer, &record);
        }
        announced = wire_records_size(&writer);
        wire_records_end(&writer, &record.locality, UINT32_MAX, 255, &out);
        assert_true(out.size <= announced);
        assert_true(announced - out.size < 64);
        buffer_deinit(&writer.rows);
}

static void what_a_row_has_in_common_with_the_row_before_costs_a_byte_each(void **state)
{
        struct wire_records_writer writer = {0};
        struct record record;
        size_t before;

        (void)state;
        sample_record(&record);
        memset(record.values, 0, sizeof(record.values));
        wire_records_add(&writer, &record);
        before = writer.rows.size;
        record.recorded_ms = INT64_C(1795262400001) + 10; /* its id is of ...001 */
        wire_records_add(&writer, &record);
        assert_int_equal(writer.rows.size - before,
                         1 + 17 + 5); /* array, id, and five of one byte */
        buffer_deinit(&writer.rows);
}

static void parts_can_be_kept_alone(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        struct wire_effect effects[] = {{3, EFFECT_HELD}, {4, EFFECT_PROPOSED}};
        struct wire_receipt receipt = {
                .entry = sample_id(8), .outcome = OUTCOME_HELD, .position = 9};
        struct wire_receipt again;

        (void)state;
        receipt.effects = effects;
        receipt.effects_count = COUNT(effects);
        wire_receipt_put(&receipt, &out);
        assert_int_equal(wire_receipt_read(buffer_view(&out), &arena, &again), 0);
        assert_true(uuid_equal(&again.entry, &receipt.entry));
        assert_int_equal(again.position, 9);
        assert_int_equal(again.effects_count, 2);
        assert_int_equal(again.effects[1].field, 4);
        assert_int_equal(again.effects[1].effect, EFFECT_PROPOSED);
        buffer_append_byte(&out, 0);
        assert_int_equal(wire_receipt_read(buffer_view(&out), &arena, &again), PANNIER_E_MALFORMED);
}

static void an_exchange_without_news_fits_into_a_kibibyte(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer hello = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer answer = BUFFER_INIT;
        struct wire_lane_state lanes[LANE_COUNT] = {
                {100000, false}, {100000, false}, {100000, false}};
        struct wire_locality locality = {0};
        struct wire_store_hello store = {.protocol = 1, .catalogue = 1, .state = DEVICE_ACTIVE};
        struct wire_end end = {0};
        struct wire_reader reader;
        struct wire_message message;

        (void)state;
        wire_samples[0].put(&hello);
        wire_reader_init(&reader, buffer_view(&hello), &arena);
        assert_int_equal(wire_next(&reader, &message), 1);
        locality.head = message.device_hello.heads[0];
        store.now_ms = message.device_hello.now_ms;
        memset(store.grants_hash, 1, HASH_SIZE);
        memset(end.vector_hash, 1, HASH_SIZE);
        store.localities = &locality;
        store.localities_count = 1;
        store.lanes = lanes;
        store.lanes_count = LANE_COUNT;
        wire_put_store_hello(&store, &answer);
        wire_put_end(&end, &answer);
        /* the sample has two lanes in use: one more, a grants hash, a parked hash */
        assert_true(message.device_hello.erased_count ==
                    1); /* said where the store waits for it: no part of this */
        hello.size -= sizeof(struct uuid) + 8;
        assert_true(hello.size + 100 + (size_t)2 * HASH_SIZE + answer.size < 912);
}

static void kinds_have_names(void **state)
{
        (void)state;
        assert_string_equal(wire_kind_name(1), "device_hello");
        assert_string_equal(wire_kind_name(18), "records");
        assert_string_equal(wire_kind_name(20), "end");
        assert_string_equal(wire_kind_name(99), "unknown");
}

static void reasons_have_names_and_sentences(void **state)
{
        (void)state;
        assert_string_equal(reason_name(REASON_ID_TAKEN), "id taken");
        assert_string_equal(reason_name(REASON_NOT_HERE), "not here");
        assert_string_equal(reason_name(998), "unknown");
        assert_true(strlen(reason_sentence(998)) > 0);
#define REASON_IS_TOLD(symbol, number, name, sentence)                                             \
        assert_string_equal(reason_name(number), (name));                                          \
        assert_true((sentence)[strlen(sentence) - 1] == '.');                                      \
        assert_ptr_not_equal(reason_sentence(number), reason_sentence(998));
        REASON_LIST(REASON_IS_TOLD)
#undef REASON_IS_TOLD
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_message_is_read_as_it_was_written),
                cmocka_unit_test(a_sequence_of_all_messages_is_read_in_order),
                cmocka_unit_test(a_message_that_ends_too_early_is_malformed_at_every_byte),
                cmocka_unit_test(a_message_with_a_changed_byte_is_refused_or_read_for_what_it_says),
                cmocka_unit_test(unknown_kinds_are_skipped_or_need_an_upgrade),
                cmocka_unit_test(what_is_not_a_message_is_malformed),
                cmocka_unit_test(elements_of_a_newer_peer_are_ignored),
                cmocka_unit_test(values_past_their_limits_are_refused),
                cmocka_unit_test(a_count_that_the_message_cannot_hold_takes_no_memory),
                cmocka_unit_test(rows_are_counted),
                cmocka_unit_test(a_row_cannot_lead_to_a_position_below_zero),
                cmocka_unit_test(an_empty_records_message_is_not_written),
                cmocka_unit_test(records_size_is_never_less_than_what_is_written),
                cmocka_unit_test(what_a_row_has_in_common_with_the_row_before_costs_a_byte_each),
                cmocka_unit_test(parts_can_be_kept_alone),
                cmocka_unit_test(an_exchange_without_news_fits_into_a_kibibyte),
                cmocka_unit_test(kinds_have_names),
                cmocka_unit_test(reasons_have_names_and_sentences),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
