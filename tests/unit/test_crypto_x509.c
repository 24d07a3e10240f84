/* Certificates, requests and PEM of common/crypto; the store's authority makes what is read here. */
#include "common/crypto.h"
#include "common/date.h"
#include "common/error.h"
#include "store/ca.h"
#include "tests/unit/unit.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

static const int64_t now_ms = 1795219200000; /* 2026-11-21 */

struct fixture {
        struct ca *ca, *other;
        struct private_key *key;
        struct buffer device; /* certificate in DER */
};

static struct ca *new_ca(const char *name)
{
        CLEANUP(buffer_wipe) struct buffer key = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        struct ca *ca = NULL;

        assert_int_equal(ca_create(name, now_ms, &key, &der), 0);
        assert_int_equal(ca_open(buffer_view(&key), buffer_view(&der), &ca), 0);
        return ca;
}

static int set_up(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        uint8_t point[PUBLIC_KEY_SIZE];
        struct ca_wish wish = {
                .profile = CA_PROFILE_DEVICE,
                .common_name = "tablet",
                .device = {{0xab, [15] = 1}},
                .public_key = point,
                .not_before_ms = now_ms - 1000,
                .not_after_ms = now_ms + DAY_MS,
        };

        assert_non_null(f);
        f->ca = new_ca("Locality CA");
        f->other = new_ca("Locality CA"); /* same name, another key */
        assert_int_equal(private_key_generate(&f->key), 0);
        private_key_public(f->key, point);
        assert_int_equal(ca_issue(f->ca, &wish, &f->device), 0);
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        (void)ca_free(f->ca);
        (void)ca_free(f->other);
        (void)private_key_free(f->key);
        buffer_deinit(&f->device);
        free(f);
        return 0;
}

static void test_the_facts_of_a_certificate_are_read(void **state)
{
        struct fixture *f = *state;
        uint8_t point[PUBLIC_KEY_SIZE], hash[HASH_SIZE];
        struct certificate_facts facts;

        assert_int_equal(crypto_certificate_read(buffer_view(&f->device), &facts), 0);
        private_key_public(f->key, point);
        crypto_sha256(buffer_view(&f->device), hash);
        assert_memory_equal(facts.public_key, point, sizeof(point));
        assert_memory_equal(facts.fingerprint, hash, sizeof(hash));
        assert_string_equal(facts.uri, "urn:pannier:device:ab000000-0000-0000-0000-000000000001");
        assert_string_equal(facts.common_name, "tablet");
        assert_true(facts.not_before_ms == now_ms - 1000);
        assert_true(facts.not_after_ms == now_ms + DAY_MS);
        assert_false(facts.authority);
        assert_int_equal(crypto_certificate_read(ca_certificate(f->ca), &facts), 0);
        assert_true(facts.authority);
        assert_string_equal(facts.uri, "");
}

static void test_bytes_that_are_no_certificate_are_malformed_wherever_they_end_or_change(
        void **state)
{
        struct fixture *f = *state;
        CLEANUP(buffer_deinit) struct buffer longer = BUFFER_INIT;
        struct certificate_facts facts;

        for (size_t size = 0; size < f->device.size; size++)
                assert_int_equal(crypto_certificate_read(BYTES(f->device.data, size), &facts),
                                 PANNIER_E_MALFORMED);
        buffer_append(&longer, buffer_view(&f->device));
        buffer_append_byte(&longer, 0);
        assert_int_equal(crypto_certificate_read(buffer_view(&longer), &facts),
                         PANNIER_E_MALFORMED);
        /* Whatever one flipped bit makes of it: never anything but read or malformed, and never verified. */
        for (size_t bit = 0; bit < 8 * f->device.size; bit++) {
                int r;

                f->device.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
                r = crypto_certificate_read(buffer_view(&f->device), &facts);
                assert_true(r == 0 || r == PANNIER_E_MALFORMED);
                r = crypto_certificate_verify(ca_certificate(f->ca), buffer_view(&f->device),
                                              now_ms);
                assert_true(r == PANNIER_E_CRYPTO || r == PANNIER_E_MALFORMED);
                f->device.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
}

static void test_a_certificate_verifies_under_its_own_authority_alone(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(
                crypto_certificate_verify(ca_certificate(f->ca), buffer_view(&f->device), now_ms),
                0);
        assert_int_equal(crypto_certificate_verify(ca_certificate(f->other),
                                                   buffer_view(&f->device), now_ms),
                         PANNIER_E_CRYPTO);
        /* A device's certificate is not one of an authority, not even over itself. */
        assert_int_equal(
                crypto_certificate_verify(buffer_view(&f->device), buffer_view(&f->device), now_ms),
                PANNIER_E_CRYPTO);
        assert_int_equal(
                crypto_certificate_verify(ca_certificate(f->ca), ca_certificate(f->ca), now_ms), 0);
}

static void test_a_certificate_is_valid_between_its_dates_alone(void **state)
{
        struct fixture *f = *state;
        struct bytes ca = ca_certificate(f->ca), device = buffer_view(&f->device);

        assert_int_equal(crypto_certificate_verify(ca, device, now_ms - 1000), 0);
        assert_int_equal(crypto_certificate_verify(ca, device, now_ms + DAY_MS), 0);
        assert_int_equal(crypto_certificate_verify(ca, device, now_ms - 1001), PANNIER_E_CRYPTO);
        assert_int_equal(crypto_certificate_verify(ca, device, now_ms + DAY_MS + 1),
                         PANNIER_E_CRYPTO);
        assert_int_equal(crypto_certificate_verify(ca, device, 0), PANNIER_E_CRYPTO);
        assert_int_equal(crypto_certificate_verify(ca, device, INT64_MAX), PANNIER_E_CRYPTO);
}

/* OpenSSL reads the request back: its signature, its names. */
static void test_a_request_is_signed_and_carries_its_names_literally(void **state)
{
        static const char uri[] = "urn:pannier:device:x,DNS:evil.example";
        struct fixture *f = *state;
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        STACK_OF(X509_EXTENSION) * extensions;
        GENERAL_NAMES *names;
        const ASN1_STRING *name;
        X509_REQ *request;
        const uint8_t *from;
        int kind;

        assert_int_equal(crypto_certificate_request(f->key, "Café tablet", uri, &der), 0);
        from = der.data;
        request = d2i_X509_REQ(NULL, &from, (long)der.size);
        assert_non_null(request);
        assert_ptr_equal(from, der.data + der.size);
        assert_int_equal(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
        extensions = X509_REQ_get_extensions(request);
        names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
        assert_non_null(names);
        assert_int_equal(sk_GENERAL_NAME_num(names), 1);
        name = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, 0), &kind);
        assert_int_equal(kind, GEN_URI);
        assert_text(BYTES(ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name)), uri);
        GENERAL_NAMES_free(names);
        sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
        X509_REQ_free(request);
}

struct visited {
        struct bytes want[2];
        size_t count;
        int answer;
};

static int visit(void *context, struct bytes der)
{
        struct visited *visited = context;

        assert_true(visited->count < 2);
        assert_bytes(der, visited->want[visited->count]);
        visited->count++;
        return visited->answer;
}

static void test_certificates_travel_in_pkcs7_and_come_out_in_order(void **state)
{
        struct fixture *f = *state;
        struct visited visited = {.want = {buffer_view(&f->device), ca_certificate(f->ca)}};
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;

        assert_int_equal(crypto_pkcs7_write(visited.want, 2, &der), 0);
        assert_int_equal(crypto_pkcs7_read(buffer_view(&der), visit, &visited), 0);
        assert_int_equal(visited.count, 2);
        visited.count = 0;
        visited.answer = 7;
        assert_int_equal(crypto_pkcs7_read(buffer_view(&der), visit, &visited), 7);
        assert_int_equal(visited.count, 1);
        for (size_t size = 0; size < der.size; size++)
                assert_int_equal(crypto_pkcs7_read(BYTES(der.data, size), visit, &visited),
                                 PANNIER_E_MALFORMED);
        assert_int_equal(crypto_pkcs7_read(buffer_view(&f->device), visit, &visited),
                         PANNIER_E_MALFORMED);
        assert_int_equal(visited.count, 1);
}

static void test_pem_goes_there_and_back_and_the_right_block_is_taken(void **state)
{
        struct fixture *f = *state;
        CLEANUP(buffer_deinit) struct buffer pem = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;

        buffer_append_text(&pem, "a word in front\n");
        crypto_pem_encode(bytes_text("other"), "OTHER", &pem);
        crypto_pem_encode(buffer_view(&f->device), "CERTIFICATE", &pem);
        crypto_pem_encode(bytes_text("second"), "CERTIFICATE", &pem);
        assert_int_equal(buffer_check(&pem), 0);
        assert_int_equal(crypto_pem_decode(buffer_view(&pem), "CERTIFICATE", &der), 0);
        assert_bytes(buffer_view(&der), buffer_view(&f->device));
        assert_int_equal(crypto_pem_decode(buffer_view(&pem), "MISSING", &der),
                         PANNIER_E_MALFORMED);
        assert_int_equal(crypto_pem_decode(BYTES_NONE, "CERTIFICATE", &der), PANNIER_E_MALFORMED);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH(test_the_facts_of_a_certificate_are_read),
                WITH(test_bytes_that_are_no_certificate_are_malformed_wherever_they_end_or_change),
                WITH(test_a_certificate_verifies_under_its_own_authority_alone),
                WITH(test_a_certificate_is_valid_between_its_dates_alone),
                WITH(test_a_request_is_signed_and_carries_its_names_literally),
                WITH(test_certificates_travel_in_pkcs7_and_come_out_in_order),
                WITH(test_pem_goes_there_and_back_and_the_right_block_is_taken),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
