#include "common/error.h"
#include "common/hkdf.h"
#include "common/hpke.h"
#include "tests/unit/unit.h"

#include <string.h>

static void hex(const char *digits, void *ret, size_t size)
{
        assert_int_equal(bytes_from_hex(bytes_text(digits), ret, size), 0);
}

/* ---- HMAC and HKDF ---- */

static void test_hmac_gives_the_published_codes_also_under_a_long_key(void **state)
{
        uint8_t key[131], code[HASH_SIZE], expected[HASH_SIZE];
        const struct bytes parts[] = {bytes_text("Hi "), bytes_text("There")};
        const struct bytes longer =
                bytes_text("Test Using Larger Than Block-Size Key - Hash Key First");

        (void)state;
        memset(key, 0x0b, 20); /* RFC 4231, test case 1 */
        hmac_sha256(BYTES(key, 20), parts, COUNT(parts), code);
        hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", expected,
            sizeof(expected));
        assert_memory_equal(code, expected, sizeof(code));
        memset(key, 0xaa, sizeof(key)); /* test case 6 */
        hmac_sha256(BYTES(key, sizeof(key)), &longer, 1, code);
        hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", expected,
            sizeof(expected));
        assert_memory_equal(code, expected, sizeof(code));
}

static void test_hkdf_gives_the_published_keys(void **state)
{
        uint8_t material[22], salt[13], info[10], extracted[HASH_SIZE], out[42], expected[42];
        const struct bytes given = BYTES(material, sizeof(material));
        const struct bytes both[] = {BYTES(info, 4), BYTES(info + 4, 6)};

        (void)state;
        memset(material, 0x0b, sizeof(material));
        hex("000102030405060708090a0b0c", salt, sizeof(salt));
        hex("f0f1f2f3f4f5f6f7f8f9", info, sizeof(info));
        hkdf_extract(BYTES(salt, sizeof(salt)), &given, 1, extracted); /* RFC 5869, A.1 */
        hkdf_expand(extracted, both, COUNT(both), out, sizeof(out));
        hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
            expected, sizeof(expected));
        assert_memory_equal(out, expected, sizeof(out));
        hkdf_extract(BYTES_NONE, &given, 1, extracted); /* A.3: neither salt nor info */
        hkdf_expand(extracted, NULL, 0, out, sizeof(out));
        hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
            expected, sizeof(expected));
        assert_memory_equal(out, expected, sizeof(out));
}

/* ---- the key encapsulation: RFC 9180, A.3.1 ---- */

static const char seed_e[] = "4270e54ffd08d79d5928020af4686d8f6b7d35dbe470265f1f5aa22816ce860e";
static const char seed_r[] = "668b37171f1072f3cf12ea8a236a45df23fc13b82af3609ad1e354f6ef817550";
static const char number_e[] = "4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb";
static const char number_r[] = "f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2";
static const char point_e[] = "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac985"
                              "36d7b61a1af4b78e5b7f951"
                              "c0900be863c403ce65c9bfcb9382657222d18c4";
static const char point_r[] = "04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a"
                              "779b4cf969b8a0e539c7f62"
                              "fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0";
static const char info_hex[] = "4f6465206f6e2061204772656369616e2055726e";
static const char clear_hex[] = "4265617574792069732074727574682c20747275746820626561757479";

static void check_key_pair(const char *seed_hex, const char *number_hex, const char *point_hex)
{
        CLEANUP(private_key_freep) struct private_key *derived = NULL;
        CLEANUP(private_key_freep) struct private_key *made = NULL;
        uint8_t seed[HPKE_SEED_SIZE], number[PRIVATE_KEY_SIZE];
        uint8_t expected[PUBLIC_KEY_SIZE], point[PUBLIC_KEY_SIZE];

        hex(seed_hex, seed, sizeof(seed));
        hex(number_hex, number, sizeof(number));
        hex(point_hex, expected, sizeof(expected));
        assert_int_equal(hpke_key_pair(seed, &derived), 0);
        private_key_public(derived, point);
        assert_memory_equal(point, expected, sizeof(point));
        assert_int_equal(private_key_from_number(number, &made), 0);
        private_key_public(made, point);
        assert_memory_equal(point, expected, sizeof(point));
}

static void test_a_seed_makes_the_published_key_pairs(void **state)
{
        (void)state;
        check_key_pair(seed_e, number_e, point_e);
        check_key_pair(seed_r, number_r, point_r);
}

static void test_both_sides_come_to_the_published_secret(void **state)
{
        CLEANUP(private_key_freep) struct private_key *key = NULL;
        uint8_t seed[HPKE_SEED_SIZE], point[PUBLIC_KEY_SIZE], expected_point[PUBLIC_KEY_SIZE];
        uint8_t encapsulated[HPKE_ENCAPSULATED_SIZE];
        uint8_t secret[HPKE_SECRET_SIZE], expected[HPKE_SECRET_SIZE];

        (void)state;
        hex(seed_e, seed, sizeof(seed));
        hex(point_r, point, sizeof(point));
        hex(point_e, expected_point, sizeof(expected_point));
        hex("c0d26aeab536609a572b07695d933b589dcf363ff9d93c93adea537aeabb8cb8", expected,
            sizeof(expected));
        assert_int_equal(hpke_encapsulate(point, seed, encapsulated, secret), 0);
        assert_memory_equal(encapsulated, expected_point, sizeof(encapsulated));
        assert_memory_equal(secret, expected, sizeof(secret));
        hex(seed_r, seed, sizeof(seed));
        assert_int_equal(hpke_key_pair(seed, &key), 0);
        memset(secret, 0, sizeof(secret));
        assert_int_equal(hpke_decapsulate(key, encapsulated, secret), 0);
        assert_memory_equal(secret, expected, sizeof(secret));
}

static void test_numbers_that_are_no_key_and_points_off_the_curve_are_refused(void **state)
{
        CLEANUP(private_key_freep) struct private_key *key = NULL;
        uint8_t number[PRIVATE_KEY_SIZE] = {0}, secret[HPKE_SECRET_SIZE];
        uint8_t point[PUBLIC_KEY_SIZE], bad[PUBLIC_KEY_SIZE];

        (void)state;
        assert_int_equal(private_key_from_number(number, &key), PANNIER_E_CRYPTO);
        /* the order of the group */
        hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", number,
            sizeof(number));
        assert_int_equal(private_key_from_number(number, &key), PANNIER_E_CRYPTO);
        number[31]--;
        assert_int_equal(private_key_from_number(number, &key), 0);
        hex(point_r, point, sizeof(point));
        for (size_t i = 0; i < sizeof(point); i++) {
                memcpy(bad, point, sizeof(bad));
                bad[i] ^= 1;
                assert_int_equal(hpke_decapsulate(key, bad, secret), PANNIER_E_CRYPTO);
        }
        memset(bad, 0, sizeof(bad));
        assert_int_equal(hpke_decapsulate(key, bad, secret), PANNIER_E_CRYPTO);
}

/* ---- the whole suite ---- */

/*
 * The RFC prints this suite's key encapsulation (A.3) with another cipher. So this message was sealed for the key above by an
 * implementation that shares nothing with ours: Suite(P256, HKDF_SHA256, AES_256_GCM) of pyca/cryptography 48.
 */
static const char foreign_point[] = "04f1af3dba1bb42c6b9ea790507e6ce2dcad2471437792ec92a41759849683"
                                    "4b2f27a685f44b5dc86e8b53851f6"
                                    "c88dbffbc589379cbe22cc54aaf4523bcba1a33";
static const char foreign_sealed[] = "2747012be75f420911e0d11b91836e371c10bc8e498adc9deafafc42816b4"
                                     "dd07804ae5800ff7ce62845c65afd";

static void test_what_another_implementation_sealed_is_opened(void **state)
{
        CLEANUP(private_key_freep) struct private_key *key = NULL;
        CLEANUP(hpke_wipe) struct hpke hpke = {0};
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        uint8_t number[PRIVATE_KEY_SIZE], encapsulated[HPKE_ENCAPSULATED_SIZE];
        uint8_t info[sizeof(info_hex) / 2], clear[sizeof(clear_hex) / 2];
        uint8_t sealed[sizeof(foreign_sealed) / 2];

        (void)state;
        hex(number_r, number, sizeof(number));
        hex(foreign_point, encapsulated, sizeof(encapsulated));
        hex(info_hex, info, sizeof(info));
        hex(clear_hex, clear, sizeof(clear));
        hex(foreign_sealed, sealed, sizeof(sealed));
        assert_int_equal(private_key_from_number(number, &key), 0);
        assert_int_equal(hpke_receiver(key, encapsulated, BYTES(info, sizeof(info)), &hpke), 0);
        assert_int_equal(hpke_open(&hpke, 0, BYTES_NONE, BYTES(sealed, sizeof(sealed)), &out), 0);
        assert_int_equal(out.size, sizeof(clear));
        assert_memory_equal(out.data, clear, sizeof(clear));
}

struct pair {
        struct private_key *key;
        struct hpke sender, receiver;
};

static void pair_init(struct pair *pair, const char *info, const char *other_info)
{
        uint8_t seed[HPKE_SEED_SIZE], point[PUBLIC_KEY_SIZE];
        uint8_t encapsulated[HPKE_ENCAPSULATED_SIZE];

        assert_int_equal(private_key_generate(&pair->key), 0);
        private_key_public(pair->key, point);
        crypto_random(seed, sizeof(seed));
        assert_int_equal(hpke_sender(point, bytes_text(info), seed, encapsulated, &pair->sender),
                         0);
        assert_int_equal(
                hpke_receiver(pair->key, encapsulated, bytes_text(other_info), &pair->receiver), 0);
}

static void pair_deinit(struct pair *pair)
{
        (void)private_key_free(pair->key);
}

static void test_messages_are_opened_in_any_order_and_under_their_number_only(void **state)
{
        CLEANUP(pair_deinit) struct pair pair = {0};
        CLEANUP(buffer_deinit) struct buffer sealed = BUFFER_INIT, out = BUFFER_INIT;
        const uint64_t numbers[] = {UINT64_MAX, 0, 256, 1};

        (void)state;
        pair_init(&pair, "one", "one");
        for (size_t i = 0; i < COUNT(numbers); i++) {
                buffer_reset(&sealed);
                buffer_reset(&out);
                assert_int_equal(hpke_seal(&pair.sender, numbers[i], bytes_text("aad"),
                                           bytes_text("visit"), &sealed),
                                 0);
                assert_int_equal(hpke_open(&pair.receiver, numbers[i] ^ 1, bytes_text("aad"),
                                           buffer_view(&sealed), &out),
                                 PANNIER_E_CRYPTO);
                assert_int_equal(hpke_open(&pair.receiver, numbers[i], bytes_text("aaD"),
                                           buffer_view(&sealed), &out),
                                 PANNIER_E_CRYPTO);
                assert_int_equal(hpke_open(&pair.receiver, numbers[i], bytes_text("aad"),
                                           buffer_view(&sealed), &out),
                                 0);
                assert_true(bytes_equal(buffer_view(&out), bytes_text("visit")));
        }
}

static void test_another_purpose_or_another_key_opens_nothing(void **state)
{
        CLEANUP(pair_deinit) struct pair pair = {0};
        CLEANUP(pair_deinit) struct pair other = {0};
        CLEANUP(buffer_deinit) struct buffer sealed = BUFFER_INIT, out = BUFFER_INIT;

        (void)state;
        pair_init(&pair, "one", "two");
        pair_init(&other, "one", "one");
        assert_int_equal(hpke_seal(&pair.sender, 0, BYTES_NONE, bytes_text("visit"), &sealed), 0);
        assert_int_equal(hpke_open(&pair.receiver, 0, BYTES_NONE, buffer_view(&sealed), &out),
                         PANNIER_E_CRYPTO);
        assert_int_equal(hpke_open(&other.receiver, 0, BYTES_NONE, buffer_view(&sealed), &out),
                         PANNIER_E_CRYPTO);
        assert_int_equal(out.size, 0);
}

static void test_both_sides_export_the_same_secret_and_another_one_for_each_context(void **state)
{
        CLEANUP(pair_deinit) struct pair pair = {0};
        uint8_t there[HPKE_SECRET_SIZE], here[HPKE_SECRET_SIZE];

        (void)state;
        pair_init(&pair, "one", "one");
        hpke_export(&pair.sender, bytes_text("receipts"), here);
        hpke_export(&pair.receiver, bytes_text("receipts"), there);
        assert_memory_equal(here, there, sizeof(here));
        hpke_export(&pair.receiver, bytes_text("receiptS"), there);
        assert_memory_not_equal(here, there, sizeof(here));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hmac_gives_the_published_codes_also_under_a_long_key),
                cmocka_unit_test(test_hkdf_gives_the_published_keys),
                cmocka_unit_test(test_a_seed_makes_the_published_key_pairs),
                cmocka_unit_test(test_both_sides_come_to_the_published_secret),
                cmocka_unit_test(test_numbers_that_are_no_key_and_points_off_the_curve_are_refused),
                cmocka_unit_test(test_what_another_implementation_sealed_is_opened),
                cmocka_unit_test(test_messages_are_opened_in_any_order_and_under_their_number_only),
                cmocka_unit_test(test_another_purpose_or_another_key_opens_nothing),
                cmocka_unit_test(
                        test_both_sides_export_the_same_secret_and_another_one_for_each_context),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
