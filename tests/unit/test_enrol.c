/* Enrolment links, EST's formats, the identity on disk. */
#include "common/base64.h"
#include "common/error.h"
#include "daemon/enrol.h"
#include "daemon/est.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/stat.h>

#define HEX_64 "00112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100"

static int parse(const char *text, struct enrol_link *ret)
{
        return enrol_link_parse(bytes_text(text), ret);
}

static void test_a_link_is_taken_apart(void **state)
{
        struct enrol_link link;

        (void)state;
        assert_int_equal(parse("pannier://store.example:8443/ABCD-1234?ca=" HEX_64, &link), 0);
        assert_string_equal(link.host, "store.example");
        assert_int_equal(link.port, 8443);
        assert_string_equal(link.code, "ABCD-1234");
        assert_int_equal(link.fingerprint[1], 0x11);
        assert_int_equal(link.fingerprint[16], 0xff);
        assert_int_equal(parse("pannier://[::1]:1/x?ca=" HEX_64, &link), 0);
        assert_string_equal(link.host, "[::1]");
}

static void test_a_link_that_is_wrong_or_cut_off_is_refused_without_showing_its_code(void **state)
{
        static const char *const texts[] = {
                "",
                "https://store.example:8443/SECRET?ca=" HEX_64,
                "pannier://store.example/SECRET?ca=" HEX_64,
                "pannier://store.example:0/SECRET?ca=" HEX_64,
                "pannier://store.example:65536/SECRET?ca=" HEX_64,
                "pannier://store.example:8443/SECRET",
                "pannier://store.example:8443/SECRET?ca=0011",
                "pannier://store.example:8443/SECRET?ca=" HEX_64 "0",
                "pannier://store.example:8443/?ca=" HEX_64,
                "pannier://store.example:8443/SECRET/x?ca=" HEX_64,
                "pannier://user@store.example:8443/SECRET?ca=" HEX_64,
                "pannier://:8443/SECRET?ca=" HEX_64,
                "pannier://store.example:8443/SECRET?ca=x" HEX_64,
        };
        struct enrol_link link;

        (void)state;
        for (size_t i = 0; i < COUNT(texts); i++) {
                assert_int_equal(parse(texts[i], &link), PANNIER_E_INVALID);
                assert_null(strstr(error_detail(), "SECRET"));
        }
}

static void test_every_prefix_of_a_link_is_refused(void **state)
{
        static const char text[] = "pannier://store.example:8443/CODE?ca=" HEX_64;
        struct enrol_link link;

        (void)state;
        for (size_t size = 0; size < sizeof(text) - 1; size++)
                assert_int_equal(enrol_link_parse(BYTES(text, size), &link), PANNIER_E_INVALID);
}

static void wrap(uint8_t tag, struct buffer *content, struct buffer *out)
{
        buffer_append_byte(out, tag);
        if (content->size >= 128) {
                buffer_append_byte(out, 0x82);
                buffer_append_byte(out, (uint8_t)(content->size >> 8));
        }
        buffer_append_byte(out, (uint8_t)content->size);
        buffer_append(out, buffer_view(content));
        buffer_reset(content);
}

/* A certs-only envelope of RFC 5652 around two certificates (whose inside nobody looks at here). */
static void make_bundle(size_t certificate_size, struct buffer *out)
{
        static const uint8_t signed_data[] = {0x06, 9,    0x2a, 0x86, 0x48, 0x86,
                                              0xf7, 0x0d, 0x01, 0x07, 0x02};
        static const uint8_t front[] = {0x02, 1, 1, 0x31, 0, 0x30, 0};
        CLEANUP(buffer_deinit) struct buffer a = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer b = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer list = BUFFER_INIT;

        for (int i = 0; i < 2; i++) {
                for (size_t k = 0; k < certificate_size; k++)
                        buffer_append_byte(&a, (uint8_t)(k + (size_t)i));
                wrap(0x30, &a, &list);
        }
        wrap(0xa0, &list, &b);
        buffer_append(&a, BYTES(front, sizeof(front)));
        buffer_append(&a, buffer_view(&b));
        buffer_reset(&b);
        wrap(0x30, &a, &b);
        wrap(0xa0, &b, &a);
        buffer_append(&b, BYTES(signed_data, sizeof(signed_data)));
        buffer_append(&b, buffer_view(&a));
        wrap(0x30, &b, out);
}

static void test_certificates_come_out_of_their_envelope(void **state)
{
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer scratch = BUFFER_INIT;
        struct bytes certificates[EST_CERTIFICATE_MAX];

        (void)state;
        make_bundle(300, &der);
        est_request_encode(buffer_view(&der), &text); /* base64 in lines, as EST sends it */
        assert_int_equal(est_certificates_decode(buffer_view(&text), &scratch, certificates), 2);
        assert_int_equal(certificates[0].size, 304);
        assert_int_equal(certificates[1].data[4], 1);
}

static void test_a_broken_envelope_is_refused_wherever_it_breaks(void **state)
{
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer scratch = BUFFER_INIT;
        struct bytes certificates[EST_CERTIFICATE_MAX];

        (void)state;
        make_bundle(40, &der);
        for (size_t size = 0; size < der.size; size++) {
                buffer_reset(&text);
                base64_encode(BYTES(der.data, size), &text);
                assert_true(est_certificates_decode(buffer_view(&text), &scratch, certificates) <
                            0);
        }
        assert_int_equal(est_certificates_decode(bytes_text("!!!!"), &scratch, certificates),
                         PANNIER_E_MALFORMED);
        assert_int_equal(est_certificates_decode(bytes_text("MIA="), &scratch, certificates),
                         PANNIER_E_MALFORMED);
}

static void test_a_state_folder_is_private_and_taken_once(void **state)
{
        CLEANUP(identity_freep) struct identity *identity = NULL;
        struct identity *other = NULL;
        uint8_t caseload[CASELOAD_KEY_SIZE];
        char path[IDENTITY_PATH_MAX + 16];
        struct stat facts;

        assert_int_equal(identity_open(unit_path(state, "device"), &identity), 0);
        assert_false(identity->enrolled);
        assert_int_equal(identity_open(unit_path(state, "device"), &other), PANNIER_E_BUSY);
        assert_int_equal(identity_make_key(identity), 0);
        assert_int_equal(stat(identity->key_path, &facts), 0);
        assert_int_equal(facts.st_mode & 0777, 0600);
        identity_path(identity, "caseload.key", path);
        assert_int_equal(stat(path, &facts), 0);
        assert_int_equal(facts.st_mode & 0777, 0600);
        assert_int_equal(stat(unit_path(state, "device"), &facts), 0);
        assert_int_equal(facts.st_mode & 0777, 0700);
        memcpy(caseload, identity->caseload, sizeof(caseload));
        uint8_t key[PUBLIC_KEY_SIZE], again[PUBLIC_KEY_SIZE];
        private_key_public(identity->key, key);
        identity = identity_free(identity);
        assert_int_equal(identity_open(unit_path(state, "device"), &identity), 0);
        assert_memory_equal(caseload, identity->caseload, sizeof(caseload));
        assert_int_equal(identity_make_key(identity), 0); /* the one that is there */
        private_key_public(identity->key, again);
        assert_memory_equal(key, again, sizeof(key));
}

static void test_renewal_is_due_at_two_thirds_or_a_little_earlier(void **state)
{
        const int64_t day = 86400000;
        struct certificate_facts facts = {.not_before_ms = 0, .not_after_ms = 60 * day};

        (void)state;
        for (uint32_t random = 0; random < 5000; random += 7) {
                int64_t at_ms = enrol_renew_at_ms(&facts, random);
                assert_true(at_ms > 33 * day && at_ms <= 40 * day);
        }
        assert_int_not_equal(enrol_renew_at_ms(&facts, 1), enrol_renew_at_ms(&facts, 2));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_link_is_taken_apart),
                cmocka_unit_test(
                        test_a_link_that_is_wrong_or_cut_off_is_refused_without_showing_its_code),
                cmocka_unit_test(test_every_prefix_of_a_link_is_refused),
                cmocka_unit_test(test_certificates_come_out_of_their_envelope),
                cmocka_unit_test(test_a_broken_envelope_is_refused_wherever_it_breaks),
                cmocka_unit_test_setup_teardown(test_a_state_folder_is_private_and_taken_once,
                                                unit_folder_make, unit_folder_remove),
                cmocka_unit_test(test_renewal_is_due_at_two_thirds_or_a_little_earlier),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
