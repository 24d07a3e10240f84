#include "common/bundle.h"
#include "common/error.h"
#include "tests/unit/unit.h"

#include <string.h>

/* A device, its store, and a stranger's keys of both kinds. */
struct bed {
        struct private_key *device_key, *seal_key, *other_key;
        struct public_key *device_public, *other_public;
        struct uuid device, bundle;
        uint8_t point[PUBLIC_KEY_SIZE];
        struct bundle_sender sender;
        uint8_t secret[BUNDLE_SECRET_SIZE];
};

static void make_key(struct private_key **ret, struct public_key **ret_public, uint8_t *ret_point)
{
        assert_int_equal(private_key_generate(ret), 0);
        private_key_public(*ret, ret_point);
        assert_int_equal(public_key_from_point(ret_point, ret_public), 0);
}

static int bed_make(void **state)
{
        struct bed *bed = calloc(1, sizeof(*bed));
        struct public_key *seal_public = NULL;
        uint8_t point[PUBLIC_KEY_SIZE], seed[HPKE_SEED_SIZE];

        assert_non_null(bed);
        make_key(&bed->device_key, &bed->device_public, point);
        make_key(&bed->other_key, &bed->other_public, point);
        make_key(&bed->seal_key, &seal_public, bed->point);
        (void)public_key_free(seal_public);
        crypto_random(&bed->device, sizeof(bed->device));
        crypto_random(&bed->bundle, sizeof(bed->bundle));
        crypto_random(seed, sizeof(seed));
        assert_int_equal(
                bundle_sender_init(&bed->sender, &bed->device, &bed->bundle, bed->point, seed), 0);
        bundle_secret(&bed->sender, bed->secret);
        *state = bed;
        return 0;
}

static int bed_remove(void **state)
{
        struct bed *bed = *state;

        (void)private_key_free(bed->device_key);
        (void)private_key_free(bed->seal_key);
        (void)private_key_free(bed->other_key);
        (void)public_key_free(bed->device_public);
        (void)public_key_free(bed->other_public);
        free(bed);
        return 0;
}

/* The one message in @encoded, which must be whole. */
static struct wire_message read_one(struct bytes encoded, struct arena *arena)
{
        struct wire_reader reader;
        struct wire_message message;

        wire_reader_init(&reader, encoded, arena);
        assert_int_equal(wire_next(&reader, &message), 1);
        return message;
}

static void test_a_part_is_opened_by_its_store_alone_and_says_who_signed_it(void **state)
{
        CLEANUP(buffer_deinit) struct buffer part = BUFFER_INIT, body = BUFFER_INIT;
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(bundle_reply_wipe) struct bundle_reply reply = {0};
        const struct bed *bed = *state;
        struct wire_message message;
        uint8_t key[HASH_SIZE];

        assert_int_equal(
                bundle_put(&bed->sender, bed->device_key, 3, true, bytes_text("a request"), &part),
                0);
        message = read_one(buffer_view(&part), &arena);
        assert_int_equal(message.kind, WIRE_KIND_BUNDLE);
        bundle_key(bed->point, key);
        assert_memory_equal(message.bundle.key, key, sizeof(key));
        assert_int_equal(
                bundle_open(&message.bundle, bed->other_key, bed->device_public, &body, &reply),
                PANNIER_E_CRYPTO);
        assert_int_equal(
                bundle_open(&message.bundle, bed->seal_key, bed->other_public, &body, &reply),
                PANNIER_E_CRYPTO);
        assert_int_equal(body.size, 0);
        assert_int_equal(
                bundle_open(&message.bundle, bed->seal_key, bed->device_public, &body, &reply), 0);
        assert_text(buffer_view(&body), "a request");
        assert_true(uuid_equal(&reply.name.device, &bed->device));
        assert_true(uuid_equal(&reply.name.bundle, &bed->bundle));
        assert_int_equal(reply.name.part, 3);
        assert_true(reply.name.last);
        assert_memory_equal(reply.secret, bed->secret, sizeof(reply.secret));
}

static void test_not_one_bit_of_a_part_may_be_changed_on_the_way(void **state)
{
        CLEANUP(buffer_deinit) struct buffer part = BUFFER_INIT, body = BUFFER_INIT;
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(bundle_reply_wipe) struct bundle_reply reply = {0};
        const struct bed *bed = *state;

        assert_int_equal(
                bundle_put(&bed->sender, bed->device_key, 0, false, bytes_text("a request"), &part),
                0);
        for (size_t bit = 0; bit < 8 * part.size; bit++) {
                struct wire_reader reader;
                struct wire_message message;
                int r;

                part.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
                wire_reader_init(&reader, buffer_view(&part), &arena);
                r = wire_next(&reader, &message);
                if (r == 1 && message.kind == WIRE_KIND_BUNDLE)
                        r = bundle_open(&message.bundle, bed->seal_key, bed->device_public, &body,
                                        &reply);
                else if (r == 1)
                        r = PANNIER_E_MALFORMED; /* another kind of message */
                assert_true(r <= 0);             /* 0: a kind that is passed over */
                error_clear();
                part.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_int_equal(body.size, 0);
}

/* A courier knows the store's key as everybody does: what it seals itself is nobody's word. */
static void test_what_a_courier_sealed_itself_is_not_the_devices_word(void **state)
{
        CLEANUP(buffer_deinit) struct buffer part = BUFFER_INIT, body = BUFFER_INIT;
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(bundle_reply_wipe) struct bundle_reply reply = {0};
        CLEANUP(bundle_sender_wipe) struct bundle_sender forger = {0};
        const struct bed *bed = *state;
        const uint8_t seed[HPKE_SEED_SIZE] = {1};
        struct wire_message message;

        assert_int_equal(bundle_sender_init(&forger, &bed->device, &bed->bundle, bed->point, seed),
                         0);
        assert_int_equal(bundle_put(&forger, bed->other_key, 0, true, bytes_text("a gap"), &part),
                         0);
        message = read_one(buffer_view(&part), &arena);
        assert_int_equal(
                bundle_open(&message.bundle, bed->seal_key, bed->device_public, &body, &reply),
                PANNIER_E_CRYPTO);
}

static void test_receipts_come_back_to_the_device_and_to_nobody_else(void **state)
{
        CLEANUP(buffer_deinit) struct buffer back = BUFFER_INIT, answer = BUFFER_INIT;
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        const struct bed *bed = *state;
        struct bundle_reply reply = {.name = {bed->device, bed->bundle, 1, true}};
        const uint8_t nonce[WIRE_BUNDLE_NONCE_SIZE] = {7}, nobody[BUNDLE_SECRET_SIZE] = {1};
        struct wire_message message;

        memcpy(reply.encapsulated, bed->sender.encapsulated, sizeof(reply.encapsulated));
        memcpy(reply.secret, bed->secret, sizeof(reply.secret));
        assert_int_equal(bundle_receipts_put(&reply, nonce, bytes_text("an answer"), &back), 0);
        message = read_one(buffer_view(&back), &arena);
        assert_int_equal(message.kind, WIRE_KIND_BUNDLE_RECEIPTS);
        assert_int_equal(bundle_receipts_open(&message.bundle_receipts, bed->sender.encapsulated,
                                              nobody, &answer),
                         PANNIER_E_CRYPTO);
        message.bundle_receipts.part = 0; /* those of another part */
        assert_int_equal(bundle_receipts_open(&message.bundle_receipts, bed->sender.encapsulated,
                                              bed->secret, &answer),
                         PANNIER_E_CRYPTO);
        message.bundle_receipts.part = 1;
        assert_int_equal(bundle_receipts_open(&message.bundle_receipts, bed->sender.encapsulated,
                                              bed->secret, &answer),
                         0);
        assert_text(buffer_view(&answer), "an answer");
}

static void test_a_bundle_has_only_so_many_parts_and_a_part_only_so_many_bytes(void **state)
{
        CLEANUP(buffer_deinit) struct buffer part = BUFFER_INIT, large = BUFFER_INIT;
        const struct bed *bed = *state;
        const size_t most = WIRE_BUNDLE_BODY_MAX - SIGNATURE_SIZE - AEAD_TAG_SIZE;

        assert_int_equal(bundle_put(&bed->sender, bed->device_key, WIRE_BUNDLE_PARTS_MAX, true,
                                    bytes_text("a request"), &part),
                         PANNIER_E_LIMIT);
        assert_non_null(buffer_reserve(&large, most + 1));
        memset(large.data, 1, most + 1);
        assert_int_equal(bundle_put(&bed->sender, bed->device_key, 0, true,
                                    BYTES(large.data, most + 1), &part),
                         PANNIER_E_LIMIT);
        buffer_reset(&part);
        assert_int_equal(
                bundle_put(&bed->sender, bed->device_key, 0, true, BYTES(large.data, most), &part),
                0);
        assert_true(part.size <= 1 << 20); /* a body of HTTP */
}

static void test_a_file_says_what_it_is(void **state)
{
        CLEANUP(buffer_deinit) struct buffer file = BUFFER_INIT;
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        const struct bed *bed = *state;
        struct wire_reader reader;
        struct wire_message message;
        size_t first;

        bundle_file_begin(&file);
        for (uint32_t i = 0; i < 2; i++)
                assert_int_equal(bundle_put(&bed->sender, bed->device_key, i, i == 1,
                                            bytes_text("a request"), &file),
                                 0);
        assert_int_equal(bundle_file_open(buffer_view(&file), &arena, &reader), 0);
        for (uint32_t i = 0; i < 2; i++) {
                assert_int_equal(wire_next(&reader, &message), 1);
                assert_int_equal(message.bundle.part, i);
        }
        assert_int_equal(wire_next(&reader, &message), 0);

        first = 17 + (file.size - 17) /
                             2; /* cut: what is whole is read, the rest is not taken for the end */
        assert_int_equal(bundle_file_open(BYTES(file.data, first + 40), &arena, &reader), 0);
        assert_int_equal(wire_next(&reader, &message), 1);
        assert_int_equal(wire_next(&reader, &message), PANNIER_E_MALFORMED);

        assert_int_equal(bundle_file_open(BYTES(file.data, 16), &arena, &reader),
                         PANNIER_E_MALFORMED);
        assert_int_equal(
                bundle_file_open(bytes_text("%PDF-1.4 of another program"), &arena, &reader),
                PANNIER_E_MALFORMED);
        file.data[15] = '2';
        assert_int_equal(bundle_file_open(buffer_view(&file), &arena, &reader), PANNIER_E_TOO_NEW);
}

#define BED(test) cmocka_unit_test_setup_teardown(test, bed_make, bed_remove)

int main(void)
{
        const struct CMUnitTest tests[] = {
                BED(test_a_part_is_opened_by_its_store_alone_and_says_who_signed_it),
                BED(test_not_one_bit_of_a_part_may_be_changed_on_the_way),
                BED(test_what_a_courier_sealed_itself_is_not_the_devices_word),
                BED(test_receipts_come_back_to_the_device_and_to_nobody_else),
                BED(test_a_bundle_has_only_so_many_parts_and_a_part_only_so_many_bytes),
                BED(test_a_file_says_what_it_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
