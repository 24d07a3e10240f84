#include "unit.h"

#include "common/error.h"
#include "wire_samples.h"

#include <string.h>

static void check_headers_equal(const struct entry_header *a, const struct entry_header *b)
{
        assert_true(uuid_equal(&a->device, &b->device));
        assert_true(uuid_equal(&a->incarnation, &b->incarnation));
        assert_true(uuid_equal(&a->locality, &b->locality));
        assert_true(uuid_equal(&a->id, &b->id));
        assert_int_equal(a->lane, b->lane);
        assert_int_equal(a->seq, b->seq);
        assert_true(uuid_equal(&a->needs.incarnation, &b->needs.incarnation));
        assert_int_equal(a->needs.lane, b->needs.lane);
        assert_int_equal(a->needs.seq, b->needs.seq);
        assert_int_equal(a->seal_key, b->seal_key);
        assert_bytes(a->seal_enc, b->seal_enc);
        assert_int_equal(a->seal_number, b->seal_number);
}

static void check_header(const struct entry_header *header)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        struct entry_header again;

        entry_header_encode(header, &out);
        assert_int_equal(entry_header_decode(buffer_view(&out), &again), 0);
        check_headers_equal(&again, header);
        for (size_t size = 0; size < out.size; size++)
                assert_int_equal(entry_header_decode(BYTES(out.data, size), &again),
                                 PANNIER_E_MALFORMED);
}

static void a_header_is_read_as_it_was_written(void **state)
{
        struct entry_header header;

        (void)state;
        sample_header(&header);
        check_header(&header);
        header.needs.incarnation = sample_id(99); /* of an earlier life */
        check_header(&header);
        header.needs = (struct entry_needs){0};
        check_header(&header);
        header.seal_key = 7;
        header.seal_enc = bytes_text("0123456789");
        header.seal_number = 3;
        check_header(&header);
}

static void a_header_with_something_behind_it_or_too_large_is_refused(void **state)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        struct entry_header header, again;

        (void)state;
        sample_header(&header);
        entry_header_encode(&header, &out);
        buffer_append_byte(&out, 0);
        assert_int_equal(entry_header_decode(buffer_view(&out), &again), PANNIER_E_MALFORMED);
        while (out.size <= ENTRY_HEADER_MAX)
                buffer_append_byte(&out, 0);
        assert_int_equal(entry_header_decode(buffer_view(&out), &again), PANNIER_E_LIMIT);
}

static void sequence_numbers_begin_at_one(void **state)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        struct entry_header header, again;

        (void)state;
        sample_header(&header);
        header.seq = 0;
        entry_header_encode(&header, &out);
        assert_int_equal(entry_header_decode(buffer_view(&out), &again), PANNIER_E_MALFORMED);
}

/* A type with a set, for changes: the one type of people has adjustments, a set of texts or codes. */
static const struct catalogue_field *find_field(enum catalogue_kind kind,
                                                const struct catalogue_type **ret)
{
        const struct catalogue *catalogue = catalogue_get();

        for (size_t i = 0; i < catalogue->type_count; i++) {
                for (size_t j = 0; j < catalogue->types[i].field_count; j++) {
                        *ret = &catalogue->types[i];
                        if (catalogue->types[i].fields[j].kind == kind)
                                return &catalogue->types[i].fields[j];
                }
        }
        fail_msg("the catalogue has no field of kind %d", kind);
        return NULL;
}

static void check_body(const struct entry_body *body)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer twice = BUFFER_INIT;
        struct entry_header header;
        struct entry_body again;

        sample_header(&header);
        entry_body_encode(body, &header, &out);
        assert_int_equal(buffer_check(&out), 0);
        assert_int_equal(entry_body_decode(buffer_view(&out), &header, &arena, &again), 0);
        assert_int_equal(again.type, body->type);
        assert_true(uuid_equal(&again.record, &body->record));
        assert_true(uuid_equal(&again.person, &body->person));
        assert_int_equal(again.operation, body->operation);
        assert_true(uuid_equal(&again.base_locality, &body->base_locality));
        assert_int_equal(again.base.epoch, body->base.epoch);
        assert_int_equal(again.base.position, body->base.position);
        assert_true(uuid_equal(&again.previous, &body->previous));
        assert_true(uuid_equal(&again.author, &body->author));
        assert_int_equal(again.role, body->role);
        assert_true(uuid_equal(&again.sign_in, &body->sign_in));
        assert_true(again.recorded_ms == body->recorded_ms);
        assert_int_equal(again.boot_id, body->boot_id);
        assert_int_equal(again.boot_ms, body->boot_ms);
        assert_int_equal(again.quality, body->quality);
        assert_int_equal(again.catalogue_version, body->catalogue_version);
        assert_int_equal(again.change_count, body->change_count);
        assert_bytes(again.reason, body->reason);
        entry_body_encode(&again, &header, &twice);
        assert_bytes(buffer_view(&twice), buffer_view(&out));
        for (size_t size = 0; size < out.size; size++) {
                CLEANUP(free_pointerp) uint8_t *cut = malloc(size + 1);

                assert_non_null(cut);
                memcpy(cut, out.data, size);
                assert_int_equal(entry_body_decode(BYTES(cut, size), &header, &arena, &again),
                                 PANNIER_E_MALFORMED);
        }
}

static void a_body_is_read_as_it_was_written(void **state)
{
        struct entry_body body;

        (void)state;
        sample_body(&body);
        check_body(&body);
        body.record = sample_id(50); /* not the entry's id */
        check_body(&body);
        body.person = body.record;
        check_body(&body);
        body.person = UUID_NONE;
        check_body(&body);
        body.base_locality = sample_id(51);
        check_body(&body);
        body.base_locality = sample_id(3);
        body.base = (struct position){0, 0};
        check_body(&body);
        body.previous = UUID_NONE;
        body.sign_in = sample_id(52);
        body.reason = BYTES_NONE;
        body.change_count = 0;
        check_body(&body);
        body.recorded_ms = 5000; /* a clock that was never set */
        check_body(&body);
        body.recorded_ms = INT64_MIN;
        check_body(&body);
        body.recorded_ms = INT64_MAX;
        check_body(&body);
}

/* Body of the sample with its changes replaced by the CBOR map in @digits. */
static int decode_changes(uint8_t type, enum entry_operation operation, struct bytes map,
                          struct entry_body *ret, struct arena *arena)
{
        static struct buffer out;
        struct entry_header header;
        struct entry_body body;
        size_t tail;

        buffer_deinit(&out);
        sample_header(&header);
        sample_body(&body);
        body.type = type;
        body.operation = operation;
        body.change_count = 0;
        body.reason = BYTES_NONE;
        entry_body_encode(&body, &header, &out);
        tail = 2; /* the empty map and the reason that is null */
        out.size -= tail;
        buffer_append(&out, map);
        buffer_append_byte(&out, 0xf6);
        return entry_body_decode(buffer_view(&out), &header, arena, ret);
}

static int decode_change_digits(uint8_t type, enum entry_operation operation, const char *digits,
                                struct entry_body *ret, struct arena *arena)
{
        CLEANUP(buffer_deinit) struct buffer map = BUFFER_INIT;

        unit_hex(digits, &map);
        return decode_changes(type, operation, buffer_view(&map), ret, arena);
}

static void a_field_that_is_not_known_here_is_kept_as_it_came(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct entry_body body;

        (void)state;
        assert_int_equal(decode_change_digits(24, ENTRY_CREATE, "a1 18fe 82 01 f6", &body, &arena),
                         0);
        assert_int_equal(body.change_count, 1);
        assert_int_equal(body.changes[0].number, 254);
        assert_int_equal(body.changes[0].value.form, VALUE_UNSET);
        assert_bytes(body.changes[0].raw, BYTES("\202\001\366", 3));
        assert_int_equal(decode_change_digits(255, ENTRY_CREATE, "a1 01 01", &body, &arena), 0);
        assert_int_equal(body.type, 255);
        assert_int_equal(body.changes[0].value.form, VALUE_UNSET);
}

static void field_numbers_are_ascending_and_in_range(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct entry_body body;

        (void)state;
        assert_int_equal(decode_change_digits(255, ENTRY_CREATE, "a2 01 01 02 01", &body, &arena),
                         0);
        assert_int_equal(decode_change_digits(255, ENTRY_CREATE, "a2 02 01 01 01", &body, &arena),
                         PANNIER_E_MALFORMED);
        assert_int_equal(decode_change_digits(255, ENTRY_CREATE, "a2 01 01 01 01", &body, &arena),
                         PANNIER_E_MALFORMED);
        assert_int_equal(decode_change_digits(255, ENTRY_CREATE, "a1 00 01", &body, &arena),
                         PANNIER_E_MALFORMED);
        assert_int_equal(decode_change_digits(255, ENTRY_CREATE, "a1 190100 01", &body, &arena),
                         PANNIER_E_MALFORMED);
        assert_int_equal(decode_change_digits(255, ENTRY_CREATE, "80", &body, &arena),
                         PANNIER_E_MALFORMED);
}

static void a_value_out_of_range_makes_the_body_invalid(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer map = BUFFER_INIT;
        const struct catalogue_type *type;
        const struct catalogue_field *field = find_field(KIND_TENTHS, &type);
        struct entry_body body;

        (void)state;
        assert_true(field->has_range);
        cbor_put_map(&map, 1);
        cbor_put_uint(&map, field->number);
        cbor_put_int(&map, field->hard_max + 1);
        assert_int_equal(
                decode_changes(type->number, ENTRY_CREATE, buffer_view(&map), &body, &arena),
                PANNIER_E_INVALID);
        buffer_reset(&map);
        cbor_put_map(&map, 1);
        cbor_put_uint(&map, field->number);
        cbor_put_int(&map, field->hard_max);
        assert_int_equal(
                decode_changes(type->number, ENTRY_CREATE, buffer_view(&map), &body, &arena), 0);
        assert_int_equal(body.changes[0].value.integer, field->hard_max);
}

static void an_edit_of_a_set_is_a_change_and_a_creation_is_whole(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer whole = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer change = BUFFER_INIT;
        const struct catalogue_type *type;
        const struct catalogue_field *field = find_field(KIND_SET, &type);
        struct entry_body body;

        (void)state;
        cbor_put_map(&whole, 1);
        cbor_put_uint(&whole, field->number);
        cbor_put_array(&whole, 0);
        cbor_put_map(&change, 1);
        cbor_put_uint(&change, field->number);
        cbor_put_map(&change, 0);
        assert_int_equal(
                decode_changes(type->number, ENTRY_CREATE, buffer_view(&whole), &body, &arena), 0);
        assert_int_equal(
                decode_changes(type->number, ENTRY_EDIT, buffer_view(&change), &body, &arena), 0);
        assert_int_equal(
                decode_changes(type->number, ENTRY_EDIT, buffer_view(&whole), &body, &arena),
                PANNIER_E_MALFORMED);
        assert_int_equal(
                decode_changes(type->number, ENTRY_CREATE, buffer_view(&change), &body, &arena),
                PANNIER_E_MALFORMED);
}

static void more_changes_than_a_type_can_have_fields_are_refused(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer map = BUFFER_INIT;
        struct entry_body body;

        (void)state;
        cbor_put_map(&map, FIELD_COUNT_MAX + 1);
        for (unsigned int i = 1; i <= FIELD_COUNT_MAX + 1; i++) {
                cbor_put_uint(&map, i);
                cbor_put_uint(&map, 0);
        }
        assert_true(decode_changes(255, ENTRY_CREATE, buffer_view(&map), &body, &arena) < 0);
}

static void a_body_that_is_too_large_is_refused_before_it_is_read(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(free_pointerp) uint8_t *large = calloc(1, ENTRY_BODY_MAX + 1);
        struct entry_header header;
        struct entry_body body;

        (void)state;
        assert_non_null(large);
        sample_header(&header);
        assert_int_equal(
                entry_body_decode(BYTES(large, ENTRY_BODY_MAX + 1), &header, &arena, &body),
                PANNIER_E_LIMIT);
}

static void a_body_with_changed_bytes_never_reads_as_another_one(void **state)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        struct entry_header header;
        struct entry_body body;

        (void)state;
        sample_header(&header);
        sample_body(&body);
        entry_body_encode(&body, &header, &out);
        for (size_t at = 0; at < out.size; at++) {
                for (unsigned int flip = 1; flip < 256; flip++) {
                        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
                        CLEANUP(buffer_deinit) struct buffer twice = BUFFER_INIT;
                        struct entry_body again;

                        out.data[at] ^= (uint8_t)flip;
                        if (entry_body_decode(buffer_view(&out), &header, &arena, &again) == 0) {
                                entry_body_encode(&again, &header, &twice);
                                if (twice.size == out.size) /* a longer form of an id is accepted */
                                        assert_bytes(buffer_view(&twice), buffer_view(&out));
                        }
                        out.data[at] ^= (uint8_t)flip;
                }
        }
}

static void the_chain_covers_where_the_header_ends(void **state)
{
        uint8_t zero[HASH_SIZE] = {0}, one[HASH_SIZE], two[HASH_SIZE], other[HASH_SIZE];

        (void)state;
        entry_chain(zero, bytes_text("ab"), bytes_text("c"), one);
        entry_chain(zero, bytes_text("a"), bytes_text("bc"), two);
        assert_memory_not_equal(one, two, HASH_SIZE);
        entry_chain(one, bytes_text("ab"), bytes_text("c"), other);
        assert_memory_not_equal(one, other, HASH_SIZE);
        entry_chain(zero, bytes_text("ab"), bytes_text("c"), two);
        assert_memory_equal(one, two, HASH_SIZE);
}

/* sha256(32 zero bytes, 00 00 00 02, "ab", "c"), by sha256sum */
static void the_chain_is_what_the_protocol_says(void **state)
{
        CLEANUP(buffer_deinit) struct buffer want = BUFFER_INIT;
        uint8_t zero[HASH_SIZE] = {0}, head[HASH_SIZE];

        (void)state;
        unit_hex("1d370d311e4d0bbbda6e62d2b910b8448c34dc58c6721a8cca138157a3011876", &want);
        entry_chain(zero, bytes_text("ab"), bytes_text("c"), head);
        assert_bytes(BYTES(head, HASH_SIZE), buffer_view(&want));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_header_is_read_as_it_was_written),
                cmocka_unit_test(a_header_with_something_behind_it_or_too_large_is_refused),
                cmocka_unit_test(sequence_numbers_begin_at_one),
                cmocka_unit_test(a_body_is_read_as_it_was_written),
                cmocka_unit_test(a_field_that_is_not_known_here_is_kept_as_it_came),
                cmocka_unit_test(field_numbers_are_ascending_and_in_range),
                cmocka_unit_test(a_value_out_of_range_makes_the_body_invalid),
                cmocka_unit_test(an_edit_of_a_set_is_a_change_and_a_creation_is_whole),
                cmocka_unit_test(more_changes_than_a_type_can_have_fields_are_refused),
                cmocka_unit_test(a_body_that_is_too_large_is_refused_before_it_is_read),
                cmocka_unit_test(a_body_with_changed_bytes_never_reads_as_another_one),
                cmocka_unit_test(the_chain_covers_where_the_header_ends),
                cmocka_unit_test(the_chain_is_what_the_protocol_says),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
