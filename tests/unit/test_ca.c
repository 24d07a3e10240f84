#include "tests/unit/unit.h"

#include "common/error.h"
#include "store/ca.h"

#include <string.h>

#define NOW_MS ((int64_t)1795000000000) /* in 2026 */
#define DAY_MS ((int64_t)86400000)

struct fixture {
        struct buffer key, der;
        struct ca *ca;
        struct private_key *device_key;
        uint8_t point[PUBLIC_KEY_SIZE];
};

static const struct uuid device = {{0x01, 0x9a, 1, 2, 3, 4, 0x70, 5, 0x80, 6, 7, 8, 9, 10, 11, 12}};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(ca_create("Test authority", NOW_MS, &f->key, &f->der), 0);
        assert_int_equal(ca_open(buffer_view(&f->key), buffer_view(&f->der), &f->ca), 0);
        assert_int_equal(private_key_generate(&f->device_key), 0);
        private_key_public(f->device_key, f->point);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        (void)ca_free(f->ca);
        (void)private_key_free(f->device_key);
        buffer_wipe(&f->key);
        buffer_deinit(&f->der);
        free(f);
        return 0;
}

static struct ca_wish device_wish(const struct fixture *f)
{
        return (struct ca_wish){.profile = CA_PROFILE_DEVICE,
                                .common_name = "Tablet 7 \xc3\xa9",
                                .device = device,
                                .public_key = f->point,
                                .not_before_ms = NOW_MS,
                                .not_after_ms = NOW_MS + CA_LIFE_DEVICE_MS};
}

static void a_device_certificate_says_what_was_wished(void **state)
{
        struct fixture *f = *state;
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        struct certificate_facts facts;
        struct ca_wish wish = device_wish(f);
        struct uuid id;

        assert_int_equal(ca_issue(f->ca, &wish, &der), 0);
        assert_int_equal(crypto_certificate_read(buffer_view(&der), &facts), 0);
        assert_memory_equal(facts.public_key, f->point, PUBLIC_KEY_SIZE);
        assert_true(facts.not_before_ms == NOW_MS);
        assert_true(facts.not_after_ms == NOW_MS + 60 * DAY_MS);
        assert_string_equal(facts.common_name, "Tablet 7 \xc3\xa9");
        assert_int_equal(ca_device_from_uri(facts.uri, &id), 0);
        assert_true(uuid_equal(&id, &device));
        assert_int_equal(ca_issued(f->ca, buffer_view(&der)), 0);
}

static void two_certificates_never_share_a_serial_number(void **state)
{
        struct fixture *f = *state;
        CLEANUP(buffer_deinit) struct buffer one = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer two = BUFFER_INIT;
        struct ca_wish wish = device_wish(f);

        assert_int_equal(ca_issue(f->ca, &wish, &one), 0);
        assert_int_equal(ca_issue(f->ca, &wish, &two), 0);
        /* Version takes 3 + 2 bytes behind two headers of 4; then the INTEGER of 16 bytes. */
        assert_memory_not_equal(one.data + 15, two.data + 15, 16);
}

static void a_certificate_never_outlives_its_authority(void **state)
{
        struct fixture *f = *state;
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        struct certificate_facts authority, facts;
        struct ca_wish wish = device_wish(f);

        wish.not_after_ms = NOW_MS + 30000 * DAY_MS; /* past 2038, and past the authority */
        assert_int_equal(ca_issue(f->ca, &wish, &der), 0);
        assert_int_equal(crypto_certificate_read(buffer_view(&der), &facts), 0);
        assert_int_equal(crypto_certificate_read(ca_certificate(f->ca), &authority), 0);
        assert_true(authority.not_after_ms == NOW_MS + CA_LIFE_AUTHORITY_MS);
        assert_true(facts.not_after_ms == authority.not_after_ms);
}

static void a_server_certificate_refuses_what_is_no_host(void **state)
{
        static const char *const wrong[] = {
                "", "a b", "a,DNS:b", "-a", "a..b", "a.", "*.example", "a_b", "a/b", "\xc3\xa9",
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < COUNT(wrong); i++) {
                CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
                struct ca_wish wish = device_wish(f);

                wish.profile = CA_PROFILE_SERVER;
                wish.hosts = &wrong[i];
                wish.host_count = 1;
                assert_int_equal(ca_issue(f->ca, &wish, &der), PANNIER_E_INVALID);
                assert_int_equal(der.size, 0);
        }
}

static void a_server_certificate_takes_names_and_addresses(void **state)
{
        static const char *const hosts[] = {"store.example", "127.0.0.1", "::1", "localhost"};
        struct fixture *f = *state;
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        struct ca_wish wish = device_wish(f);

        wish.profile = CA_PROFILE_SERVER;
        wish.hosts = hosts;
        wish.host_count = COUNT(hosts);
        assert_int_equal(ca_issue(f->ca, &wish, &der), 0);
        assert_non_null(memmem(der.data, der.size, "\x82\x0dstore.example", 15));
        assert_non_null(memmem(der.data, der.size, "\x87\x04\x7f\x00\x00\x01", 6));
        wish.host_count = 0;
        assert_int_equal(ca_issue(f->ca, &wish, &der), PANNIER_E_INVALID);
}

static void a_common_name_has_its_limits(void **state)
{
        struct fixture *f = *state;
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        struct ca_wish wish = device_wish(f);
        char longest[CA_NAME_MAX + 2];

        wish.common_name = "";
        assert_int_equal(ca_issue(f->ca, &wish, &der), PANNIER_E_INVALID);
        wish.common_name = "\xff";
        assert_int_equal(ca_issue(f->ca, &wish, &der), PANNIER_E_INVALID);
        memset(longest, 'a', sizeof(longest));
        longest[CA_NAME_MAX + 1] = '\0';
        wish.common_name = longest;
        assert_int_equal(ca_issue(f->ca, &wish, &der), PANNIER_E_INVALID);
        longest[CA_NAME_MAX] = '\0';
        assert_int_equal(ca_issue(f->ca, &wish, &der), 0);
}

static void a_request_gives_its_key_only_with_its_own_signature(void **state)
{
        struct fixture *f = *state;
        CLEANUP(buffer_deinit) struct buffer request = BUFFER_INIT;
        uint8_t point[PUBLIC_KEY_SIZE];

        assert_int_equal(crypto_certificate_request(f->device_key, "tablet", NULL, &request), 0);
        assert_int_equal(ca_request_read(buffer_view(&request), point), 0);
        assert_memory_equal(point, f->point, sizeof(point));
        for (size_t i = 0; i < request.size; i++) { /* every byte counts */
                request.data[i] ^= 1;
                assert_true(ca_request_read(buffer_view(&request), point) < 0);
                request.data[i] ^= 1;
        }
        for (size_t i = 0; i < request.size; i++)
                assert_true(ca_request_read(BYTES(request.data, i), point) < 0);
        buffer_append_byte(&request, 0);
        assert_int_equal(ca_request_read(buffer_view(&request), point), PANNIER_E_MALFORMED);
}

static void an_oversized_request_is_refused_unread(void **state)
{
        uint8_t bytes[CA_REQUEST_MAX + 1] = {0x30};
        uint8_t point[PUBLIC_KEY_SIZE];

        (void)state;
        assert_int_equal(ca_request_read(BYTES(bytes, sizeof(bytes)), point), PANNIER_E_LIMIT);
        assert_int_equal(ca_request_read(BYTES_NONE, point), PANNIER_E_MALFORMED);
}

static void another_authority_is_told_apart(void **state)
{
        struct fixture *f = *state;
        CLEANUP(buffer_wipe) struct buffer key = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer issued = BUFFER_INIT;
        CLEANUP(ca_freep) struct ca *other = NULL;
        struct ca_wish wish = device_wish(f);

        assert_int_equal(ca_create("Test authority", NOW_MS, &key, &der), 0);
        assert_int_equal(ca_open(buffer_view(&f->key), buffer_view(&der), &other),
                         PANNIER_E_CRYPTO);
        assert_int_equal(ca_open(buffer_view(&key), buffer_view(&der), &other), 0);
        assert_int_equal(ca_issue(other, &wish, &issued), 0);
        assert_int_equal(ca_issued(f->ca, buffer_view(&issued)), PANNIER_E_CRYPTO);
        assert_int_equal(ca_issued(other, buffer_view(&issued)), 0);
}

static void a_bundle_holds_its_certificates(void **state)
{
        struct fixture *f = *state;
        CLEANUP(buffer_deinit) struct buffer bundle = BUFFER_INIT;
        const struct bytes ca = ca_certificate(f->ca);

        assert_int_equal(ca_bundle(&ca, 1, &bundle), 0);
        assert_non_null(memmem(bundle.data, bundle.size, ca.data, ca.size));
        assert_int_equal(bundle.data[0], 0x30);
}

static void only_device_uris_name_a_device(void **state)
{
        static const char *const wrong[] = {
                "",
                "urn:pannier:device:",
                "urn:pannier:device:nonsense",
                "URN:pannier:device:019a0102-0304-7005-8006-0708090a0b0c",
                "urn:pannier:device:019a0102-0304-7005-8006-0708090a0b0c ",
                "urn:pannier:device:00000000-0000-0000-0000-000000000000",
        };
        char uri[CA_URI_DEVICE_SIZE];
        struct uuid id;

        (void)state;
        ca_device_uri(&device, uri);
        assert_string_equal(uri, "urn:pannier:device:019a0102-0304-7005-8006-0708090a0b0c");
        assert_int_equal(ca_device_from_uri(uri, &id), 0);
        for (size_t i = 0; i < COUNT(wrong); i++)
                assert_int_equal(ca_device_from_uri(wrong[i], &id), PANNIER_E_INVALID);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_device_certificate_says_what_was_wished),
                cmocka_unit_test(two_certificates_never_share_a_serial_number),
                cmocka_unit_test(a_certificate_never_outlives_its_authority),
                cmocka_unit_test(a_server_certificate_refuses_what_is_no_host),
                cmocka_unit_test(a_server_certificate_takes_names_and_addresses),
                cmocka_unit_test(a_common_name_has_its_limits),
                cmocka_unit_test(a_request_gives_its_key_only_with_its_own_signature),
                cmocka_unit_test(an_oversized_request_is_refused_unread),
                cmocka_unit_test(another_authority_is_told_apart),
                cmocka_unit_test(a_bundle_holds_its_certificates),
                cmocka_unit_test(only_device_uris_name_a_device),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
