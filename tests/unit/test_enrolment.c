#include "tests/unit/unit.h"

#include "common/error.h"
#include "store/enrolment.h"

#include <stdio.h>
#include <string.h>

#define NOW_MS ((int64_t)1795000000000)
#define DAY_MS ((int64_t)86400000)

static const struct uuid locality = {{0x01, 0x9a, 0, 0, 0, 0, 0x70, 0, 0x80, 1}};
static const struct uuid device = {{0x01, 0x9a, 0, 0, 0, 0, 0x70, 0, 0x80, 2}};
static const char code[] = "ABCD-EFGH-JKMN-PQRS";

struct fixture {
        void *folder;
        struct storage *storage;
        struct buffer key, der;
        struct ca *ca;
        uint8_t first_key[PUBLIC_KEY_SIZE], second_key[PUBLIC_KEY_SIZE];
};

static void new_key(uint8_t point[PUBLIC_KEY_SIZE])
{
        CLEANUP(private_key_freep) struct private_key *key = NULL;

        assert_int_equal(private_key_generate(&key), 0);
        private_key_public(key, point);
}

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        struct device_row row = {.id = device,
                                 .locality = locality,
                                 .name = "Tablet 7",
                                 .ceiling = CLASS_CLINICAL,
                                 .created_ms = NOW_MS};
        uint8_t hash[HASH_SIZE];

        assert_non_null(f);
        assert_int_equal(unit_folder_make(&f->folder), 0);
        assert_int_equal(storage_sqlite_open(unit_path(&f->folder, "store.db"), false, &f->storage),
                         0);
        assert_int_equal(f->storage->ops->locality_add(f->storage, &locality, &device, NOW_MS), 0);
        assert_int_equal(f->storage->ops->device_put(f->storage, &row), 0);
        assert_int_equal(enrolment_code_hash(bytes_text(code), hash), 0);
        assert_int_equal(f->storage->ops->code_put(f->storage, hash, &device, NOW_MS + DAY_MS), 0);
        assert_int_equal(ca_create("Test", NOW_MS, &f->key, &f->der), 0);
        assert_int_equal(ca_open(buffer_view(&f->key), buffer_view(&f->der), &f->ca), 0);
        new_key(f->first_key);
        new_key(f->second_key);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        (void)storage_free(f->storage);
        (void)ca_free(f->ca);
        buffer_wipe(&f->key);
        buffer_deinit(&f->der);
        (void)unit_folder_remove(&f->folder);
        free(f);
        return 0;
}

static int enrol(struct fixture *f, const char *text, const uint8_t *key, int64_t now_ms)
{
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        struct uuid whose = UUID_NONE;
        int r = enrolment_first(f->storage, f->ca, bytes_text(text), key, now_ms, &der, &whose);

        if (!r) {
                struct certificate_facts facts;

                assert_true(uuid_equal(&whose, &device));
                assert_int_equal(ca_issued(f->ca, buffer_view(&der)), 0);
                assert_int_equal(crypto_certificate_read(buffer_view(&der), &facts), 0);
                assert_memory_equal(facts.public_key, key, PUBLIC_KEY_SIZE);
                assert_true(facts.not_after_ms == now_ms + CA_LIFE_DEVICE_MS);
        } else {
                assert_int_equal(der.size, 0);
        }
        return r;
}

static struct device_row row_now(struct fixture *f)
{
        struct device_row row;

        assert_int_equal(f->storage->ops->device_get(f->storage, &device, &row), 1);
        return row;
}

static struct tls_peer peer_of(const uint8_t *key)
{
        struct tls_peer peer = {.kind = TLS_PEER_DEVICE,
                                .device = device,
                                .not_before_ms = NOW_MS,
                                .not_after_ms = NOW_MS + 60 * DAY_MS};

        memcpy(peer.public_key, key, PUBLIC_KEY_SIZE);
        return peer;
}

static void a_code_has_80_bits_and_reads_back(void **state)
{
        static const uint8_t random[10] = {0, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf};
        uint8_t ones[10], one[HASH_SIZE], other[HASH_SIZE];
        char text[ENROLMENT_CODE_SIZE];

        (void)state;
        enrolment_code_text(random, text);
        assert_string_equal(text, "0123-4567-89AB-CDEF");
        memset(ones, 0xff, sizeof(ones));
        enrolment_code_text(ones, text);
        assert_string_equal(text, "ZZZZ-ZZZZ-ZZZZ-ZZZZ");
        assert_int_equal(enrolment_code_hash(bytes_text("0123-4567-89AB-CDEF"), one), 0);
        assert_int_equal(enrolment_code_hash(bytes_text("ol23 4567 89ab cdef"), other), 0);
        assert_memory_equal(one, other, HASH_SIZE);
        assert_int_equal(enrolment_code_hash(bytes_text("0I2345678-9abcdef"), other), 0);
        assert_memory_equal(one, other, HASH_SIZE);
}

static void what_is_no_code_is_refused_by_its_looks(void **state)
{
        static const char *const wrong[] = {
                "",
                "0123-4567-89AB-CDE",
                "0123-4567-89AB-CDEF0",
                "0123-4567-89AB-CDEU",
                "0123/4567-89AB-CDEF",
                "0123-4567-89AB-CDE\xc3\xa9",
                "- - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - -"};
        uint8_t hash[HASH_SIZE];

        (void)state;
        for (size_t i = 0; i < COUNT(wrong); i++)
                assert_int_equal(enrolment_code_hash(bytes_text(wrong[i]), hash),
                                 PANNIER_E_INVALID);
        assert_int_equal(enrolment_code_hash(BYTES("0123-4567-89AB-CD\0F", 19), hash),
                         PANNIER_E_INVALID);
}

static void a_link_has_its_parts(void **state)
{
        uint8_t fingerprint[HASH_SIZE] = {0xab, 0x01};
        char link[ENROLMENT_LINK_SIZE], host[600];

        (void)state;
        assert_int_equal(enrolment_link("store.example", 8443, code, fingerprint, link), 0);
        assert_string_equal(link, "pannier://store.example:8443/ABCD-EFGH-JKMN-PQRS?ca=ab01"
                                  "000000000000000000000000000000000000000000000000000000000000");
        assert_int_equal(enrolment_link("::1", 8443, code, fingerprint, link), 0);
        assert_non_null(strstr(link, "//[::1]:8443/"));
        memset(host, 'a', sizeof(host) - 1);
        host[sizeof(host) - 1] = '\0';
        assert_int_equal(enrolment_link(host, 8443, code, fingerprint, link), PANNIER_E_LIMIT);
}

static void a_code_is_used_once_by_one_key(void **state)
{
        struct fixture *f = *state;
        struct device_row row;

        assert_int_equal(enrol(f, "WRNG-0000-0000-0000", f->first_key, NOW_MS), PANNIER_E_REFUSED);
        assert_int_equal(enrol(f, "nonsense", f->first_key, NOW_MS), PANNIER_E_REFUSED);
        assert_int_equal(enrol(f, code, f->first_key, NOW_MS), 0);
        row = row_now(f);
        assert_int_equal(row.state, DEVICE_ACTIVE);
        assert_memory_equal(row.public_key, f->first_key, PUBLIC_KEY_SIZE);
        assert_true(row.not_after_ms == NOW_MS + CA_LIFE_DEVICE_MS);
        assert_int_equal(enrol(f, code, f->second_key, NOW_MS + 1), PANNIER_E_REFUSED);
        row = row_now(f);
        assert_memory_equal(row.public_key, f->first_key, PUBLIC_KEY_SIZE);
}

static void a_lost_answer_does_not_burn_the_code(void **state)
{
        struct fixture *f = *state;
        const struct device_report report = {.waiting = 1};

        assert_int_equal(enrol(f, code, f->first_key, NOW_MS), 0);
        assert_int_equal(enrol(f, code, f->first_key, NOW_MS + 1000), 0);
        assert_int_equal(
                f->storage->ops->device_report(f->storage, &device, NOW_MS + 2000, &report), 0);
        assert_int_equal(enrol(f, code, f->first_key, NOW_MS + 3000), PANNIER_E_REFUSED);
}

static void an_expired_code_is_refused(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(enrol(f, code, f->first_key, NOW_MS + DAY_MS), PANNIER_E_REFUSED);
        assert_int_equal(enrol(f, code, f->first_key, NOW_MS + DAY_MS - 1000), 0);
        assert_int_equal(enrol(f, code, f->first_key, NOW_MS + DAY_MS), PANNIER_E_REFUSED);
}

static void a_revoked_device_gets_no_certificate(void **state)
{
        struct fixture *f = *state;
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        const struct tls_peer peer = peer_of(f->first_key);
        struct device_row row;

        assert_int_equal(enrol(f, code, f->first_key, NOW_MS), 0);
        row = row_now(f);
        row.state = DEVICE_REVOKED;
        assert_int_equal(f->storage->ops->device_put(f->storage, &row), 0);
        assert_int_equal(enrol(f, code, f->first_key, NOW_MS), PANNIER_E_REFUSED);
        assert_int_equal(enrolment_again(f->storage, f->ca, &peer, f->first_key, NOW_MS, &der),
                         PANNIER_E_REFUSED);
        assert_int_equal(enrolment_device(f->storage, &peer, NOW_MS, 0, &row), PANNIER_E_REFUSED);
}

static void a_certificate_is_renewed_for_its_own_key_until_the_grace_ends(void **state)
{
        struct fixture *f = *state;
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        const struct tls_peer peer = peer_of(f->first_key);
        const int64_t grace_end_ms = peer.not_after_ms + ENROLMENT_GRACE_MS;
        struct device_row row;

        assert_int_equal(enrol(f, code, f->first_key, NOW_MS), 0);
        assert_int_equal(enrolment_again(f->storage, f->ca, &peer, f->second_key, NOW_MS, &der),
                         PANNIER_E_REFUSED);
        assert_int_equal(
                enrolment_again(f->storage, f->ca, &peer, f->first_key, grace_end_ms + 1, &der),
                PANNIER_E_REFUSED);
        assert_int_equal(der.size, 0);
        assert_int_equal(
                enrolment_again(f->storage, f->ca, &peer, f->first_key, grace_end_ms, &der), 0);
        assert_int_equal(ca_issued(f->ca, buffer_view(&der)), 0);
        row = row_now(f);
        assert_true(row.not_after_ms == grace_end_ms + CA_LIFE_DEVICE_MS);
}

static void who_a_device_is_is_judged_on_every_request(void **state)
{
        struct fixture *f = *state;
        struct tls_peer peer = peer_of(f->first_key);
        struct device_row row;

        assert_int_equal(enrolment_device(f->storage, &peer, NOW_MS, 0, &row), PANNIER_E_REFUSED);
        assert_int_equal(enrol(f, code, f->first_key, NOW_MS), 0);
        assert_int_equal(enrolment_device(f->storage, &peer, NOW_MS, 0, &row), 0);
        assert_string_equal(row.name, "Tablet 7");
        assert_int_equal(enrolment_device(f->storage, &peer, NOW_MS - 1, 0, &row),
                         PANNIER_E_REFUSED);
        assert_int_equal(enrolment_device(f->storage, &peer, peer.not_after_ms + 1, 0, &row),
                         PANNIER_E_REFUSED);
        peer.kind = TLS_PEER_OTHER;
        assert_int_equal(enrolment_device(f->storage, &peer, NOW_MS, 0, &row), PANNIER_E_REFUSED);
        peer = peer_of(f->second_key);
        assert_int_equal(enrolment_device(f->storage, &peer, NOW_MS, 0, &row), PANNIER_E_REFUSED);
        peer = peer_of(f->first_key);
        peer.device.bytes[15] ^= 1;
        assert_int_equal(enrolment_device(f->storage, &peer, NOW_MS, 0, &row), PANNIER_E_REFUSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_code_has_80_bits_and_reads_back),
                cmocka_unit_test(what_is_no_code_is_refused_by_its_looks),
                cmocka_unit_test(a_link_has_its_parts),
                TEST(a_code_is_used_once_by_one_key),
                TEST(a_lost_answer_does_not_burn_the_code),
                TEST(an_expired_code_is_refused),
                TEST(a_revoked_device_gets_no_certificate),
                TEST(a_certificate_is_renewed_for_its_own_key_until_the_grace_ends),
                TEST(who_a_device_is_is_judged_on_every_request),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
