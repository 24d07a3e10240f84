/*
 * OpenSSL 3 looks an algorithm up by name, under locks, each time one is used without having been fetched; for
 * short messages that costs more than the work. So what is used often is fetched once for the process,
 * and each thread keeps the context it works with.
 */
#include "common/crypto_openssl.h"

#include "common/error.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct {
        EVP_MD *sha256;
        EVP_CIPHER *aes256_gcm;
        pthread_key_t thread;
} fetched; /* constant after the first use */

struct thread_contexts {
        EVP_MD_CTX *md;
        EVP_CIPHER_CTX *cipher;
};

static void thread_contexts_free(void *object)
{
        struct thread_contexts *contexts = object;

        EVP_MD_CTX_free(contexts->md);
        EVP_CIPHER_CTX_free(contexts->cipher);
        free(contexts);
}

static void fetch_all(void)
{
        fetched.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
        fetched.aes256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
        if (!fetched.sha256 || !fetched.aes256_gcm ||
            pthread_key_create(&fetched.thread, thread_contexts_free) != 0) {
                (void)fputs("pannier: OpenSSL has no SHA-256 or no AES-256-GCM\n", stderr);
                abort();
        }
}

/* Never NULL: without memory for two contexts no program of ours can do anything honest. */
static struct thread_contexts *thread_contexts(void)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        struct thread_contexts *contexts;

        (void)pthread_once(&once, fetch_all);
        contexts = pthread_getspecific(fetched.thread);
        if (contexts)
                return contexts;
        contexts = calloc(1, sizeof(*contexts));
        if (contexts) {
                contexts->md = EVP_MD_CTX_new();
                contexts->cipher = EVP_CIPHER_CTX_new();
        }
        if (!contexts || !contexts->md || !contexts->cipher ||
            pthread_setspecific(fetched.thread, contexts) != 0) {
                (void)fputs("pannier: no memory for cryptography\n", stderr);
                abort();
        }
        return contexts;
}

int crypto_openssl_fail(const char *what)
{
        unsigned long code = ERR_peek_last_error();
        const char *reason = code ? ERR_reason_error_string(code) : NULL;
        int r = FAIL(PANNIER_E_CRYPTO, "%s: %s", what, reason ? reason : "refused");

        ERR_clear_error();
        return r;
}

void crypto_sha256(struct bytes data, uint8_t ret[HASH_SIZE])
{
        crypto_sha256_parts(&data, 1, ret);
}

void crypto_sha256_parts(const struct bytes *parts, size_t count, uint8_t ret[HASH_SIZE])
{
        EVP_MD_CTX *md = thread_contexts()->md;
        int good = EVP_DigestInit_ex2(md, fetched.sha256, NULL);

        for (size_t i = 0; i < count; i++)
                good = good && EVP_DigestUpdate(md, parts[i].data, parts[i].size);
        if (!good || !EVP_DigestFinal_ex(md, ret, NULL))
                abort(); /* hashing memory cannot fail; a wrong hash would be worse than no program */
}

struct crypto_hash {
        EVP_MD_CTX *md;
        bool good;
};

int crypto_hash_new(struct crypto_hash **ret)
{
        CLEANUP(crypto_hash_freep) struct crypto_hash *hash = calloc(1, sizeof(*hash));

        (void)thread_contexts(); /* what is fetched once */
        if (!hash)
                return FAIL(PANNIER_E_MEMORY, "no memory for a hash");
        hash->md = EVP_MD_CTX_new();
        hash->good = hash->md && EVP_DigestInit_ex2(hash->md, fetched.sha256, NULL);
        if (!hash->good)
                return FAIL(PANNIER_E_MEMORY, "no memory for a hash");
        *ret = TAKE(hash);
        return 0;
}

void crypto_hash_add(struct crypto_hash *hash, struct bytes data)
{
        hash->good = hash->good && EVP_DigestUpdate(hash->md, data.data, data.size);
}

void crypto_hash_finish(struct crypto_hash *hash, uint8_t ret[HASH_SIZE])
{
        if (!hash->good || !EVP_DigestFinal_ex(hash->md, ret, NULL) ||
            !EVP_DigestInit_ex2(hash->md, fetched.sha256, NULL))
                abort(); /* as in crypto_sha256(): there is no honest way on */
}

struct crypto_hash *crypto_hash_free(struct crypto_hash *hash)
{
        if (!hash)
                return NULL;
        EVP_MD_CTX_free(hash->md);
        free(hash);
        return NULL;
}

void crypto_random(void *data, size_t size)
{
        uint8_t *to = data;

        while (size > 0) {
                int some = size > 1 << 20 ? 1 << 20 : (int)size;

                if (RAND_bytes(to, some) != 1) {
                        (void)fputs("pannier: the system has no random bytes\n", stderr);
                        abort();
                }
                to += some;
                size -= (size_t)some;
        }
}

bool crypto_equal(const void *a, const void *b, size_t size)
{
        return CRYPTO_memcmp(a, b, size) == 0;
}

void crypto_wipe(void *data, size_t size)
{
        if (size > 0)
                OPENSSL_cleanse(data, size);
}

int crypto_aead_seal(const uint8_t key[AEAD_KEY_SIZE], const uint8_t nonce[AEAD_NONCE_SIZE],
                     struct bytes associated, struct bytes clear, struct buffer *out)
{
        EVP_CIPHER_CTX *cipher = thread_contexts()->cipher;
        uint8_t *to, iv[AEAD_NONCE_SIZE];
        int size = 0, good;

        if (clear.size > BUFFER_LIMIT_MAX || associated.size > BUFFER_LIMIT_MAX)
                return FAIL(PANNIER_E_LIMIT, "%zu bytes are too many to seal", clear.size);
        memcpy(iv, nonce,
               sizeof(iv)); /* it may be the end of @out so far, which moves when it grows */
        to = buffer_reserve(out, clear.size + AEAD_TAG_SIZE);
        if (!to)
                return buffer_check(out);
        good = EVP_EncryptInit_ex2(cipher, fetched.aes256_gcm, key, iv, NULL);
        if (associated.size > 0)
                good = good && EVP_EncryptUpdate(cipher, NULL, &size, associated.data,
                                                 (int)associated.size);
        if (clear.size > 0)
                good = good && EVP_EncryptUpdate(cipher, to, &size, clear.data, (int)clear.size);
        good = good && EVP_EncryptFinal_ex(cipher, to + clear.size, &size) &&
               EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_SIZE, to + clear.size);
        (void)EVP_CIPHER_CTX_reset(cipher); /* the key does not stay behind */
        if (!good)
                return crypto_openssl_fail("AES-256-GCM");
        out->size += clear.size + AEAD_TAG_SIZE;
        return 0;
}

int crypto_aead_open(const uint8_t key[AEAD_KEY_SIZE], const uint8_t nonce[AEAD_NONCE_SIZE],
                     struct bytes associated, struct bytes sealed, struct buffer *out)
{
        EVP_CIPHER_CTX *cipher = thread_contexts()->cipher;
        uint8_t *to, tag[AEAD_TAG_SIZE];
        size_t clear_size;
        int size = 0, good;

        if (sealed.size < AEAD_TAG_SIZE)
                return FAIL(PANNIER_E_CRYPTO, "sealed bytes are shorter than their tag");
        if (sealed.size > BUFFER_LIMIT_MAX || associated.size > BUFFER_LIMIT_MAX)
                return FAIL(PANNIER_E_LIMIT, "%zu bytes are too many to open", sealed.size);
        clear_size = sealed.size - AEAD_TAG_SIZE;
        memcpy(tag, sealed.data + clear_size, sizeof(tag));
        to = buffer_reserve(out, clear_size);
        if (!to)
                return buffer_check(out);
        good = EVP_DecryptInit_ex2(cipher, fetched.aes256_gcm, key, nonce, NULL);
        if (associated.size > 0)
                good = good && EVP_DecryptUpdate(cipher, NULL, &size, associated.data,
                                                 (int)associated.size);
        if (clear_size > 0)
                good = good && EVP_DecryptUpdate(cipher, to, &size, sealed.data, (int)clear_size);
        good = good && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_SIZE, tag) &&
               EVP_DecryptFinal_ex(cipher, to + clear_size, &size);
        (void)EVP_CIPHER_CTX_reset(cipher);
        if (!good) {
                crypto_wipe(to,
                            clear_size); /* what was not proven genuine is not left lying about */
                ERR_clear_error();
                return FAIL(PANNIER_E_CRYPTO,
                            "sealed bytes are not under this key, or were changed");
        }
        out->size += clear_size;
        return 0;
}

/* A key and a context that was initialised once. Several threads may hold one key, so it is used under a lock. */
struct key {
        EVP_PKEY *pkey;
        EVP_PKEY_CTX *context;
        pthread_mutex_t lock;
};

struct private_key {
        struct key *key;
};

struct public_key {
        struct key *key;
};

static struct key *key_free(struct key *key)
{
        if (!key)
                return NULL;
        EVP_PKEY_CTX_free(key->context);
        EVP_PKEY_free(key->pkey);
        (void)pthread_mutex_destroy(&key->lock);
        free(key);
        return NULL;
}
DEFINE_FREEP(key)

static void pkey_freep(EVP_PKEY **pkey)
{
        EVP_PKEY_free(*pkey);
}

static void biop(BIO **bio)
{
        (void)BIO_free(*bio);
}

static bool is_p256(const EVP_PKEY *pkey)
{
        char group[32] = "";

        return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC &&
               EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) &&
               strcmp(group, "prime256v1") == 0;
}

/* @init: EVP_PKEY_sign_init or EVP_PKEY_verify_init. Takes over @pkey. */
static int key_new(EVP_PKEY **pkey, int (*init)(EVP_PKEY_CTX *context), struct key **ret)
{
        CLEANUP(key_freep) struct key *key = calloc(1, sizeof(*key));

        if (!key)
                return FAIL(PANNIER_E_MEMORY, "no memory for a key");
        (void)pthread_mutex_init(&key->lock, NULL);
        if (!is_p256(*pkey))
                return FAIL(PANNIER_E_CRYPTO, "not a P-256 key");
        if (!EVP_PKEY_set_utf8_string_param(*pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                            "uncompressed"))
                return crypto_openssl_fail("P-256 key");
        key->context = EVP_PKEY_CTX_new_from_pkey(NULL, *pkey, NULL);
        if (!key->context || init(key->context) != 1)
                return crypto_openssl_fail("P-256 key");
        key->pkey = TAKE(*pkey);
        *ret = TAKE(key);
        return 0;
}

static int private_key_new(EVP_PKEY **pkey, struct private_key **ret)
{
        CLEANUP(private_key_freep) struct private_key *key = calloc(1, sizeof(*key));
        int r;

        if (!key)
                return FAIL(PANNIER_E_MEMORY, "no memory for a key");
        r = key_new(pkey, EVP_PKEY_sign_init, &key->key);
        if (r < 0)
                return r;
        *ret = TAKE(key);
        return 0;
}

int crypto_openssl_private_key(EVP_PKEY *pkey, struct private_key **ret)
{
        CLEANUP(pkey_freep) EVP_PKEY *taken = pkey;

        return private_key_new(&taken, ret);
}

int private_key_generate(struct private_key **ret)
{
        CLEANUP(pkey_freep) EVP_PKEY *pkey = EVP_EC_gen("P-256");

        if (!pkey)
                return crypto_openssl_fail("making a P-256 key");
        return private_key_new(&pkey, ret);
}

/* OpenSSL would ask at the terminal for the password of an encrypted key. */
// NOLINTNEXTLINE(readability-non-const-parameter): the form is OpenSSL's
static int no_password(char *to, int size, int writing, void *context)
{
        (void)to, (void)size, (void)writing, (void)context;
        return -1;
}

static int reading_bio(struct bytes data, BIO **ret)
{
        if (data.size > BUFFER_LIMIT_MAX)
                return FAIL(PANNIER_E_LIMIT, "%zu bytes are too many", data.size);
        *ret = BIO_new_mem_buf(data.size > 0 ? (const void *)data.data : "", (int)data.size);
        return *ret ? 0 : FAIL(PANNIER_E_MEMORY, "no memory for a BIO");
}

int private_key_from_pem(struct bytes pem, struct private_key **ret)
{
        CLEANUP(pkey_freep) EVP_PKEY *pkey = NULL;
        CLEANUP(biop) BIO *bio = NULL;
        int r = reading_bio(pem, &bio);

        if (r < 0)
                return r;
        pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
        if (!pkey)
                return crypto_openssl_fail("private key in PEM");
        return private_key_new(&pkey, ret);
}

int private_key_to_pem(const struct private_key *key, struct buffer *out)
{
        CLEANUP(biop) BIO *bio = BIO_new(BIO_s_secmem());
        char *data = NULL;
        long size;

        if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, key->key->pkey, NULL, NULL, 0, NULL, NULL))
                return crypto_openssl_fail("writing a private key");
        size = BIO_get_mem_data(bio, &data);
        buffer_append(out, BYTES(data, (size_t)size));
        return buffer_check(out);
}

static void key_point(const struct key *key, uint8_t ret[PUBLIC_KEY_SIZE])
{
        size_t size = 0;

        if (!EVP_PKEY_get_octet_string_param(key->pkey, OSSL_PKEY_PARAM_PUB_KEY, ret,
                                             PUBLIC_KEY_SIZE, &size) ||
            size != PUBLIC_KEY_SIZE)
                abort(); /* key_new() made sure of the curve and of the form */
}

void private_key_public(const struct private_key *key, uint8_t ret[PUBLIC_KEY_SIZE])
{
        key_point(key->key, ret);
}

enum { SIGNATURE_DER_MAX = 72 };

static void signature_freep(ECDSA_SIG **signature)
{
        ECDSA_SIG_free(*signature);
}

static int signature_from_der(const uint8_t *der, size_t size, uint8_t ret[SIGNATURE_SIZE])
{
        CLEANUP(signature_freep) ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)size);
        const int half = SIGNATURE_SIZE / 2;

        if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature), ret, half) != half ||
            BN_bn2binpad(ECDSA_SIG_get0_s(signature), ret + half, half) != half)
                return crypto_openssl_fail("ECDSA signature");
        return 0;
}

/* INTEGER of a 32-byte big-endian number: no leading zeros, but one where the high bit would make it negative. */
static uint8_t *der_integer(uint8_t *to, const uint8_t number[SIGNATURE_SIZE / 2])
{
        size_t skip = 0, size, zero;

        while (skip < SIGNATURE_SIZE / 2 - 1 && number[skip] == 0)
                skip++;
        size = SIGNATURE_SIZE / 2 - skip;
        zero = number[skip] >> 7;
        *to++ = V_ASN1_INTEGER;
        *to++ = (uint8_t)(size + zero);
        if (zero)
                *to++ = 0;
        memcpy(to, number + skip, size);
        return to + size;
}

static size_t signature_to_der(const uint8_t signature[SIGNATURE_SIZE],
                               uint8_t ret[SIGNATURE_DER_MAX])
{
        uint8_t *end = der_integer(ret + 2, signature);

        end = der_integer(end, signature + SIGNATURE_SIZE / 2);
        ret[0] = V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED;
        ret[1] = (uint8_t)(end - ret - 2);
        return (size_t)(end - ret);
}

EVP_PKEY *crypto_openssl_pkey(const struct private_key *key)
{
        return key->key->pkey;
}

void crypto_openssl_point(const EVP_PKEY *pkey, uint8_t ret[PUBLIC_KEY_SIZE])
{
        size_t size = 0;

        /* A certificate may hold the short form of the point; nothing of ours writes it. */
        if (!pkey || !is_p256(pkey) ||
            !EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, ret, PUBLIC_KEY_SIZE,
                                             &size) ||
            size != PUBLIC_KEY_SIZE)
                memset(ret, 0, PUBLIC_KEY_SIZE);
}

int private_key_sign(const struct private_key *key, struct bytes message,
                     uint8_t ret[SIGNATURE_SIZE])
{
        uint8_t hash[HASH_SIZE], der[SIGNATURE_DER_MAX];
        size_t size = sizeof(der);
        int good;

        crypto_sha256(message, hash);
        (void)pthread_mutex_lock(&key->key->lock);
        good = EVP_PKEY_sign(key->key->context, der, &size, hash, sizeof(hash));
        (void)pthread_mutex_unlock(&key->key->lock);
        if (good != 1)
                return crypto_openssl_fail("signing");
        return signature_from_der(der, size, ret);
}

struct private_key *private_key_free(struct private_key *key)
{
        if (key) {
                (void)key_free(key->key);
                free(key);
        }
        return NULL;
}

static int public_key_new(EVP_PKEY **pkey, struct public_key **ret)
{
        CLEANUP(public_key_freep) struct public_key *key = calloc(1, sizeof(*key));
        int r;

        if (!key)
                return FAIL(PANNIER_E_MEMORY, "no memory for a key");
        r = key_new(pkey, EVP_PKEY_verify_init, &key->key);
        if (r < 0)
                return r;
        *ret = TAKE(key);
        return 0;
}

static void pkey_ctx_freep(EVP_PKEY_CTX **context)
{
        EVP_PKEY_CTX_free(*context);
}

int public_key_from_point(const uint8_t point[PUBLIC_KEY_SIZE], struct public_key **ret)
{
        CLEANUP(pkey_ctx_freep) EVP_PKEY_CTX *context = NULL;
        CLEANUP(pkey_freep) EVP_PKEY *pkey = NULL;
        char group[] = "prime256v1";
        uint8_t copy[PUBLIC_KEY_SIZE];
        OSSL_PARAM parameters[] = {
                OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group) - 1),
                OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof(copy)),
                OSSL_PARAM_END,
        };

        if (point[0] != POINT_CONVERSION_UNCOMPRESSED)
                return FAIL(PANNIER_E_CRYPTO, "a public key is an uncompressed point");
        memcpy(copy, point, sizeof(copy));
        context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
            EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
                return crypto_openssl_fail("public key");
        return public_key_new(&pkey, ret);
}

void public_key_point(const struct public_key *key, uint8_t ret[PUBLIC_KEY_SIZE])
{
        key_point(key->key, ret);
}

int public_key_verify(const struct public_key *key, struct bytes message,
                      const uint8_t signature[SIGNATURE_SIZE])
{
        uint8_t hash[HASH_SIZE], der[SIGNATURE_DER_MAX];
        size_t size = signature_to_der(signature, der);
        int good;

        crypto_sha256(message, hash);
        (void)pthread_mutex_lock(&key->key->lock);
        good = EVP_PKEY_verify(key->key->context, der, size, hash, sizeof(hash));
        (void)pthread_mutex_unlock(&key->key->lock);
        if (good == 1)
                return 0;
        ERR_clear_error();
        return FAIL(PANNIER_E_CRYPTO, "the signature is not of this key over these bytes");
}

struct public_key *public_key_free(struct public_key *key)
{
        if (key) {
                (void)key_free(key->key);
                free(key);
        }
        return NULL;
}

const char *crypto_library(void)
{
        return OpenSSL_version(OPENSSL_VERSION);
}
