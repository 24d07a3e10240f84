/* Digests: sums that do not depend on order, can be taken back, and see every part of a record. */
#include "common/digest.h"
#include "common/error.h"
#include "tests/unit/unit.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static struct wire_row row_of(uint8_t number)
{
        struct wire_row row = {.position = 70u + number, .role = 3, .recorded_ms = 1750000000000};

        memset(row.id.bytes, number, sizeof(row.id.bytes));
        memset(row.person.bytes, 0xa1, sizeof(row.person.bytes));
        memset(row.author.bytes, 0xa2, sizeof(row.author.bytes));
        memset(row.device.bytes, 0xa3, sizeof(row.device.bytes));
        row.fields = bytes_text("\x83\x01\x02\x03");
        return row;
}

static struct digest digest_of(const struct wire_row *row)
{
        struct digest digest;

        digest_of_row(CLASS_BASIC, row, &digest);
        return digest;
}

static void test_a_sum_does_not_depend_on_the_order(void **state)
{
        struct digest forth = {0}, back = {0};

        (void)state;
        for (int i = 1; i <= 100; i++) {
                struct wire_row row = row_of((uint8_t)i), other = row_of((uint8_t)(101 - i));
                struct digest first = digest_of(&row), last = digest_of(&other);

                digest_add(&forth, &first);
                digest_add(&back, &last);
        }
        assert_true(digest_equal(&forth, &back));
        assert_false(digest_is_zero(&forth));
}

static void test_what_is_added_can_be_taken_away(void **state)
{
        struct digest sum = {.low = UINT64_MAX, .high = 1}, before = sum;
        struct wire_row row = row_of(1);
        struct digest digest = digest_of(&row);

        (void)state;
        digest_add(&sum, &digest); /* lanes wrap by themselves */
        assert_false(digest_equal(&sum, &before));
        digest_subtract(&sum, &digest);
        assert_true(digest_equal(&sum, &before));
}

static void test_every_part_of_a_record_is_seen(void **state)
{
        const struct wire_row row = row_of(1);
        struct digest whole = digest_of(&row), changed;
        struct wire_row other[8];

        (void)state;
        for (size_t i = 0; i < 8; i++)
                other[i] = row;
        other[0].id.bytes[15] ^= 1;
        other[1].position++;
        other[2].person.bytes[0] ^= 1;
        other[3].author.bytes[7] ^= 1;
        other[4].device = UUID_NONE;
        other[5].role++;
        other[6].recorded_ms--;
        other[7].fields = bytes_text("\x83\x01\x02\x04");
        for (size_t i = 0; i < 8; i++) {
                changed = digest_of(&other[i]);
                assert_false(digest_equal(&whole, &changed));
        }
        digest_of_row(CLASS_CLINICAL, &row, &changed);
        assert_false(digest_equal(&whole, &changed));
}

static void test_a_record_has_the_digest_of_its_row(void **state)
{
        CLEANUP(buffer_deinit) struct buffer scratch = BUFFER_INIT;
        const struct catalogue_type *type = catalogue_person_type();
        struct record record = {.type = type, .position = 9, .role = 2, .recorded_ms = -5};
        struct buffer fields = BUFFER_INIT;
        struct wire_row row;
        struct digest of_record, of_row;

        (void)state;
        memset(record.id.bytes, 7, sizeof(record.id.bytes));
        record.person = record.id;
        record_encode_fields(&record, &fields);
        row = (struct wire_row){.position = 9,
                                .id = record.id,
                                .person = record.person,
                                .role = 2,
                                .recorded_ms = -5,
                                .fields = buffer_view(&fields)};
        digest_of_row(record_feed_class(&record), &row, &of_row);
        assert_int_equal(digest_of_record(&record, &scratch, &of_record), 0);
        assert_true(digest_equal(&of_record, &of_row));
        buffer_deinit(&fields);
}

static void test_the_hash_is_the_one_that_the_protocol_names(void **state)
{
        static const uint8_t of_zeros[DIGEST_SIZE] = {
                0xe5, 0x18, 0x9a, 0x95, 0x99, 0xe3, 0xf8, 0x62,
                0x05, 0xea, 0x23, 0xef, 0x06, 0xe2, 0x8b, 0x2d}; /* xxhsum -H2 of 16 zeros */
        uint8_t bytes[DIGEST_SIZE];
        const struct uuid id = UUID_NONE;
        struct digest digest, read;

        (void)state;
        digest_of_packed(&id, BYTES_NONE, &digest);
        digest_write(&digest, bytes);
        assert_memory_equal(bytes, of_zeros, sizeof(bytes));
        read = digest_read(BYTES(bytes, sizeof(bytes)));
        assert_true(digest_equal(&read, &digest));
        read = digest_read(BYTES(bytes, 15));
        assert_true(digest_is_zero(&read));
}

/* Records are hashed whole or in parts, by their size: on both sides of that size the hash is that of the bytes behind each other. */
static void test_the_hash_does_not_depend_on_how_large_the_record_is(void **state)
{
        static uint8_t fields[3000], all[sizeof(fields) + 200];

        (void)state;
        for (size_t i = 0; i < sizeof(fields); i++)
                fields[i] = (uint8_t)(i * 7);
        for (size_t size = 0; size <= sizeof(fields); size += size > 900 && size < 1100 ? 1 : 100) {
                struct wire_row row = row_of(1);
                struct uuid id = row.id;
                struct digest whole, parts;
                CLEANUP(buffer_deinit) struct buffer rest = BUFFER_INIT;
                uint8_t numbers[19] = {CLASS_BASIC};
                XXH128_hash_t hash;

                row.fields = BYTES(fields, size);
                digest_of_row(CLASS_BASIC, &row, &whole);
                numbers[1] = (uint8_t)(row.role >> 8);
                numbers[2] = (uint8_t)row.role;
                for (int i = 0; i < 8; i++) {
                        numbers[3 + i] = (uint8_t)((uint64_t)row.recorded_ms >> (56 - 8 * i));
                        numbers[11 + i] = (uint8_t)(row.position >> (56 - 8 * i));
                }
                buffer_append(&rest, BYTES(numbers, sizeof(numbers)));
                buffer_append(&rest, BYTES(row.person.bytes, 16));
                buffer_append(&rest, BYTES(row.author.bytes, 16));
                buffer_append(&rest, BYTES(row.device.bytes, 16));
                buffer_append(&rest, row.fields);
                digest_of_packed(&id, buffer_view(&rest), &parts);
                assert_true(digest_equal(&whole, &parts));
                memcpy(all, id.bytes, 16);
                memcpy(all + 16, rest.data, rest.size);
                hash = XXH3_128bits(all, 16 + rest.size);
                assert_true(hash.low64 == whole.low && hash.high64 == whole.high);
        }
}

static void test_one_hash_stands_for_all_feeds(void **state)
{
        const uint8_t vector[HASH_SIZE] = {1};
        struct digest digests[2] = {{1, 2}, {3, 4}};
        uint8_t first[HASH_SIZE], second[HASH_SIZE];

        (void)state;
        assert_int_equal(digest_hash(vector, digests, 2, first), 0);
        digests[1].low++;
        assert_int_equal(digest_hash(vector, digests, 2, second), 0);
        assert_memory_not_equal(first, second, HASH_SIZE);
        assert_int_equal(digest_hash(vector, digests, 1, second), 0);
        assert_memory_not_equal(first, second, HASH_SIZE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_sum_does_not_depend_on_the_order),
                cmocka_unit_test(test_what_is_added_can_be_taken_away),
                cmocka_unit_test(test_every_part_of_a_record_is_seen),
                cmocka_unit_test(test_a_record_has_the_digest_of_its_row),
                cmocka_unit_test(test_the_hash_is_the_one_that_the_protocol_names),
                cmocka_unit_test(test_the_hash_does_not_depend_on_how_large_the_record_is),
                cmocka_unit_test(test_one_hash_stands_for_all_feeds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
