#include "common/crypto.h"
#include "common/error.h"
#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <string.h>

static struct bytes from_hex(const char *digits, struct buffer *out)
{
        buffer_reset(out);
        unit_hex(digits, out);
        return buffer_view(out);
}

/* FIPS 180-2 appendix B, and the empty message of NIST's SHA256ShortMsg.rsp. */
static void test_sha256_gives_the_published_hashes(void **state)
{
        static const struct {
                const char *message, *hash;
        } vectors[] = {
                {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
                {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        };
        CLEANUP(buffer_deinit) struct buffer want = BUFFER_INIT;
        uint8_t hash[HASH_SIZE];

        (void)state;
        for (size_t i = 0; i < COUNT(vectors); i++) {
                crypto_sha256(bytes_text(vectors[i].message), hash);
                assert_bytes(BYTES(hash, HASH_SIZE), from_hex(vectors[i].hash, &want));
        }
}

static void test_parts_hash_as_if_they_were_one(void **state)
{
        const struct bytes parts[] = {bytes_text("a"), BYTES_NONE, bytes_text("bc"), BYTES_NONE};
        uint8_t whole[HASH_SIZE], split[HASH_SIZE];

        (void)state;
        crypto_sha256(bytes_text("abc"), whole);
        crypto_sha256_parts(parts, COUNT(parts), split);
        assert_memory_equal(whole, split, HASH_SIZE);
        crypto_sha256(BYTES_NONE, whole);
        crypto_sha256_parts(NULL, 0, split);
        assert_memory_equal(whole, split, HASH_SIZE);
}

/* McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 13 to 16 (AES-256, 96-bit IV). */
static const struct {
        const char *key, *nonce, *clear, *associated, *sealed;
} gcm[] = {
        {"0000000000000000000000000000000000000000000000000000000000000000",
         "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
        {"0000000000000000000000000000000000000000000000000000000000000000",
         "000000000000000000000000", "00000000000000000000000000000000", "",
         "cea7403d4d606b6e074ec5d3baf39d18 d0d1c8a799996bf0265b98b5d48ab919"},
        {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
         "cafebabefacedbaddecaf888",
         "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e244"
         "9a6b525b16aedf5aa0de657ba637b391aafd255",
         "",
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b105"
         "6828838c5f61e6393ba7a0abcc9f662898015ad b094dac5d93471bdec1a502270e3cc6c"},
        {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
         "cafebabefacedbaddecaf888",
         "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e244"
         "9a6b525b16aedf5aa0de657ba637b39",
         "feedfacedeadbeeffeedfacedeadbeefabaddad2",
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b105"
         "6828838c5f61e6393ba7a0abcc9f662 76fc6ece0f4e1768cddf8853bb2d551b"},
};

static void test_aes_256_gcm_gives_the_published_ciphertexts_and_opens_them(void **state)
{
        (void)state;
        for (size_t i = 0; i < COUNT(gcm); i++) {
                CLEANUP(buffer_deinit) struct buffer key = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer nonce = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer associated = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer sealed = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

                unit_hex(gcm[i].key, &key);
                unit_hex(gcm[i].nonce, &nonce);
                unit_hex(gcm[i].clear, &clear);
                unit_hex(gcm[i].associated, &associated);
                unit_hex(gcm[i].sealed, &sealed);
                buffer_append_text(&out, "in front");
                assert_int_equal(crypto_aead_seal(key.data, nonce.data, buffer_view(&associated),
                                                  buffer_view(&clear), &out),
                                 0);
                assert_memory_equal(out.data, "in front", 8);
                assert_bytes(BYTES(out.data + 8, out.size - 8), buffer_view(&sealed));
                buffer_reset(&out);
                assert_int_equal(crypto_aead_open(key.data, nonce.data, buffer_view(&associated),
                                                  buffer_view(&sealed), &out),
                                 0);
                assert_bytes(buffer_view(&out), buffer_view(&clear));
        }
}

static void test_one_changed_bit_anywhere_keeps_a_seal_shut(void **state)
{
        uint8_t key[AEAD_KEY_SIZE] = {1}, nonce[AEAD_NONCE_SIZE] = {2}, associated[6] = {3};
        CLEANUP(buffer_deinit) struct buffer sealed = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        struct {
                uint8_t *data;
                size_t size;
        } parts[] = {{key, sizeof(key)},
                     {nonce, sizeof(nonce)},
                     {associated, sizeof(associated)},
                     {NULL, 0}};

        (void)state;
        assert_int_equal(crypto_aead_seal(key, nonce, BYTES(associated, sizeof(associated)),
                                          bytes_text("a secret"), &sealed),
                         0);
        parts[3].data = sealed.data;
        parts[3].size = sealed.size;
        buffer_append_text(&out, "kept");
        for (size_t p = 0; p < COUNT(parts); p++)
                for (size_t bit = 0; bit < 8 * parts[p].size; bit++) {
                        parts[p].data[bit / 8] ^= (uint8_t)(1u << bit % 8);
                        assert_int_equal(crypto_aead_open(key, nonce,
                                                          BYTES(associated, sizeof(associated)),
                                                          buffer_view(&sealed), &out),
                                         PANNIER_E_CRYPTO);
                        assert_text(buffer_view(&out), "kept");
                        parts[p].data[bit / 8] ^= (uint8_t)(1u << bit % 8);
                }
        for (size_t size = 0; size < sealed.size; size++)
                assert_int_equal(crypto_aead_open(key, nonce, BYTES(associated, sizeof(associated)),
                                                  BYTES(sealed.data, size), &out),
                                 PANNIER_E_CRYPTO);
        assert_int_equal(crypto_aead_open(key, nonce, BYTES(associated, sizeof(associated)),
                                          buffer_view(&sealed), &out),
                         0);
        assert_text(buffer_view(&out), "kepta secret");
}

/* RFC 6979 appendix A.2.5: P-256 with SHA-256. */
static const char rfc6979_point[] =
        "04 60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
static const struct {
        const char *message, *signature;
} rfc6979[] = {
        {"sample", "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                   "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
        {"test", "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
                 "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
};

static struct public_key *public_from(const char *point_hex)
{
        CLEANUP(buffer_deinit) struct buffer point = BUFFER_INIT;
        struct public_key *key = NULL;

        unit_hex(point_hex, &point);
        assert_int_equal(point.size, PUBLIC_KEY_SIZE);
        assert_int_equal(public_key_from_point(point.data, &key), 0);
        return key;
}

static void test_published_signatures_are_good_and_only_over_their_message(void **state)
{
        CLEANUP(public_key_freep) struct public_key *key = public_from(rfc6979_point);

        (void)state;
        for (size_t i = 0; i < COUNT(rfc6979); i++) {
                CLEANUP(buffer_deinit) struct buffer signature = BUFFER_INIT;

                unit_hex(rfc6979[i].signature, &signature);
                assert_int_equal(
                        public_key_verify(key, bytes_text(rfc6979[i].message), signature.data), 0);
                assert_int_equal(
                        public_key_verify(key, bytes_text(rfc6979[1 - i].message), signature.data),
                        PANNIER_E_CRYPTO);
                for (size_t bit = 0; bit < 8 * signature.size; bit++) {
                        signature.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
                        assert_int_equal(public_key_verify(key, bytes_text(rfc6979[i].message),
                                                           signature.data),
                                         PANNIER_E_CRYPTO);
                        signature.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
                }
        }
}

/* Numbers that no signature has: 0, the order n of the group, and all bits set. */
static void test_signatures_outside_of_the_group_are_refused(void **state)
{
        static const char *const halves[] = {
                "0000000000000000000000000000000000000000000000000000000000000000",
                "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
                "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                "0000000000000000000000000000000000000000000000000000000000000001",
        };
        CLEANUP(public_key_freep) struct public_key *key = public_from(rfc6979_point);

        (void)state;
        for (size_t r = 0; r < COUNT(halves); r++)
                for (size_t s = 0; s < COUNT(halves); s++) {
                        CLEANUP(buffer_deinit) struct buffer signature = BUFFER_INIT;

                        unit_hex(halves[r], &signature);
                        unit_hex(halves[s], &signature);
                        assert_int_equal(
                                public_key_verify(key, bytes_text("sample"), signature.data),
                                PANNIER_E_CRYPTO);
                }
}

static void test_what_is_no_point_of_the_curve_is_no_key(void **state)
{
        CLEANUP(buffer_deinit) struct buffer point = BUFFER_INIT;
        struct public_key *key = NULL;

        (void)state;
        unit_hex(rfc6979_point, &point);
        point.data[64] ^= 1;
        assert_int_equal(public_key_from_point(point.data, &key), PANNIER_E_CRYPTO);
        point.data[64] ^= 1;
        point.data[0] = 6; /* the hybrid form of X9.62 */
        assert_int_equal(public_key_from_point(point.data, &key), PANNIER_E_CRYPTO);
        memset(point.data, 0, point.size);
        assert_int_equal(public_key_from_point(point.data, &key), PANNIER_E_CRYPTO);
        point.data[0] = 4;
        assert_int_equal(public_key_from_point(point.data, &key), PANNIER_E_CRYPTO);
        assert_null(key);
}

static void test_own_signatures_verify_and_differ_from_key_to_key(void **state)
{
        CLEANUP(private_key_freep) struct private_key *one = NULL;
        CLEANUP(private_key_freep) struct private_key *two = NULL;
        CLEANUP(public_key_freep) struct public_key *public = NULL;
        uint8_t point[PUBLIC_KEY_SIZE], other[PUBLIC_KEY_SIZE], signature[SIGNATURE_SIZE];

        (void)state;
        assert_int_equal(private_key_generate(&one), 0);
        assert_int_equal(private_key_generate(&two), 0);
        private_key_public(one, point);
        private_key_public(two, other);
        assert_memory_not_equal(point, other, sizeof(point));
        assert_int_equal(public_key_from_point(point, &public), 0);
        public_key_point(public, other);
        assert_memory_equal(point, other, sizeof(point));
        for (int i = 0; i < 300;
             i++) { /* enough to meet halves with leading zeros and with high bits */
                struct bytes message = BYTES(&i, sizeof(i));

                assert_int_equal(private_key_sign(one, message, signature), 0);
                assert_int_equal(public_key_verify(public, message, signature), 0);
        }
        assert_int_equal(private_key_sign(two, bytes_text("x"), signature), 0);
        assert_int_equal(public_key_verify(public, bytes_text("x"), signature), PANNIER_E_CRYPTO);
}

static void test_a_key_survives_its_pem(void **state)
{
        CLEANUP(private_key_freep) struct private_key *key = NULL;
        CLEANUP(private_key_freep) struct private_key *back = NULL;
        CLEANUP(buffer_wipe) struct buffer pem = BUFFER_INIT;
        uint8_t before[PUBLIC_KEY_SIZE], after[PUBLIC_KEY_SIZE];

        (void)state;
        assert_int_equal(private_key_generate(&key), 0);
        assert_int_equal(private_key_to_pem(key, &pem), 0);
        assert_memory_equal(pem.data, "-----BEGIN PRIVATE KEY-----\n", 28);
        assert_int_equal(private_key_from_pem(buffer_view(&pem), &back), 0);
        private_key_public(key, before);
        private_key_public(back, after);
        assert_memory_equal(before, after, sizeof(before));
}

/* A private key in PEM as another program would write it; @cipher NULL: not locked. */
static void foreign_key(const char *curve, const EVP_CIPHER *cipher, struct buffer *out)
{
        EVP_PKEY *pkey = EVP_EC_gen(curve);
        BIO *bio = BIO_new(BIO_s_mem());
        char password[] = "x", *data = NULL;
        long size;

        assert_non_null(pkey);
        assert_true(PEM_write_bio_PKCS8PrivateKey(bio, pkey, cipher, cipher ? password : NULL,
                                                  cipher ? 1 : 0, NULL, NULL));
        size = BIO_get_mem_data(bio, &data);
        buffer_append(out, BYTES(data, (size_t)size));
        (void)BIO_free(bio);
        EVP_PKEY_free(pkey);
}

static void test_keys_of_another_curve_locked_keys_and_rubbish_are_refused(void **state)
{
        static const char *const rubbish[] = {
                "", "rubbish", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"};
        CLEANUP(buffer_deinit) struct buffer pem = BUFFER_INIT;
        struct private_key *key = NULL;

        (void)state;
        for (size_t i = 0; i < COUNT(rubbish); i++)
                assert_int_equal(private_key_from_pem(bytes_text(rubbish[i]), &key),
                                 PANNIER_E_CRYPTO);
        foreign_key("P-384", NULL, &pem);
        assert_int_equal(private_key_from_pem(buffer_view(&pem), &key), PANNIER_E_CRYPTO);
        buffer_reset(&pem);
        foreign_key("P-256", EVP_aes_128_cbc(), &pem); /* must not ask at the terminal either */
        assert_int_equal(private_key_from_pem(buffer_view(&pem), &key), PANNIER_E_CRYPTO);
        assert_null(key);
        buffer_reset(&pem);
        foreign_key("P-256", NULL, &pem);
        assert_int_equal(private_key_from_pem(buffer_view(&pem), &key), 0);
        (void)private_key_free(key);
}

static void *sign_often(void *context)
{
        const struct private_key *key = context;
        CLEANUP(public_key_freep) struct public_key *public = NULL;
        uint8_t point[PUBLIC_KEY_SIZE], signature[SIGNATURE_SIZE];
        uintptr_t bad = 0;

        private_key_public(key, point);
        if (public_key_from_point(point, &public) < 0)
                return context;
        for (uint32_t i = 0; i < 200; i++) {
                bad += private_key_sign(key, BYTES(&i, sizeof(i)), signature) != 0;
                bad += public_key_verify(public, BYTES(&i, sizeof(i)), signature) != 0;
        }
        return bad ? context : NULL;
}

static void test_threads_may_share_a_key(void **state)
{
        CLEANUP(private_key_freep) struct private_key *key = NULL;
        pthread_t threads[4];

        (void)state;
        assert_int_equal(private_key_generate(&key), 0);
        for (size_t i = 0; i < COUNT(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, sign_often, key), 0);
        for (size_t i = 0; i < COUNT(threads); i++) {
                void *bad = NULL;

                assert_int_equal(pthread_join(threads[i], &bad), 0);
                assert_null(bad);
        }
}

static void test_random_bytes_fill_all_of_what_was_asked_for(void **state)
{
        CLEANUP(buffer_deinit) struct buffer buffer = BUFFER_INIT;
        const size_t size = (3 << 20) + 7; /* more than the library takes in one call */
        uint8_t *data = buffer_reserve(&buffer, size);
        uint32_t counts[256] = {0};

        (void)state;
        assert_non_null(data);
        memset(data, 0, size);
        crypto_random(data, size);
        for (size_t i = 0; i < size; i++)
                counts[data[i]]++;
        for (size_t i = 0; i < COUNT(counts); i++)
                assert_in_range(counts[i], size / 256 * 9 / 10, size / 256 * 11 / 10);
        assert_memory_not_equal(data + size - 16, data + size - 32, 16);
}

static void test_comparison_and_wiping_do_what_they_say(void **state)
{
        uint8_t a[16] = {1}, b[16] = {1};

        (void)state;
        assert_true(crypto_equal(a, b, 16));
        b[15] = 1;
        assert_false(crypto_equal(a, b, 16));
        assert_true(crypto_equal(a, b, 15));
        assert_true(crypto_equal(a, b, 0));
        crypto_wipe(b, 16);
        memset(a, 0, 16);
        assert_memory_equal(a, b, 16);
        assert_non_null(strstr(crypto_library(), "OpenSSL"));
}

static void test_a_seal_may_be_made_behind_its_own_nonce(void **state)
{
        static const uint8_t zeros[5000];
        uint8_t key[AEAD_KEY_SIZE], nonce[AEAD_NONCE_SIZE];

        (void)state;
        crypto_random(key, sizeof(key));
        for (size_t size = 0; size <= sizeof(zeros);
             size += 100) { /* past each growth of the buffer */
                CLEANUP(buffer_deinit) struct buffer sealed = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer opened = BUFFER_INIT;

                crypto_random(nonce, sizeof(nonce));
                buffer_append(&sealed, BYTES(nonce, sizeof(nonce)));
                assert_int_equal(
                        crypto_aead_seal(key, sealed.data, BYTES_NONE, BYTES(zeros, size), &sealed),
                        0);
                assert_memory_equal(sealed.data, nonce, sizeof(nonce));
                assert_int_equal(crypto_aead_open(key, nonce, BYTES_NONE,
                                                  BYTES(sealed.data + sizeof(nonce),
                                                        sealed.size - sizeof(nonce)),
                                                  &opened),
                                 0);
                assert_true(bytes_equal(buffer_view(&opened), BYTES(zeros, size)));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_seal_may_be_made_behind_its_own_nonce),
                cmocka_unit_test(test_sha256_gives_the_published_hashes),
                cmocka_unit_test(test_parts_hash_as_if_they_were_one),
                cmocka_unit_test(test_aes_256_gcm_gives_the_published_ciphertexts_and_opens_them),
                cmocka_unit_test(test_one_changed_bit_anywhere_keeps_a_seal_shut),
                cmocka_unit_test(test_published_signatures_are_good_and_only_over_their_message),
                cmocka_unit_test(test_signatures_outside_of_the_group_are_refused),
                cmocka_unit_test(test_what_is_no_point_of_the_curve_is_no_key),
                cmocka_unit_test(test_own_signatures_verify_and_differ_from_key_to_key),
                cmocka_unit_test(test_a_key_survives_its_pem),
                cmocka_unit_test(test_keys_of_another_curve_locked_keys_and_rubbish_are_refused),
                cmocka_unit_test(test_threads_may_share_a_key),
                cmocka_unit_test(test_random_bytes_fill_all_of_what_was_asked_for),
                cmocka_unit_test(test_comparison_and_wiping_do_what_they_say),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
