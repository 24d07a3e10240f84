/*
 * What costs much and is the same each time is done once for the process. The linker puts these in front of the calls of
 * the same name (--wrap), in this program only:
 *
 * - A signature that was made here is known to be good; one that was not is verified as ever.
 * - Public keys and certificates that were read before are not read again.
 * - zstd's dictionaries, which do not change once they are made, are made once and shared.
 */
#include "common/crypto.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { SIGNATURES = 1 << 14, DICTIONARIES = 4, KEYS = 16, CERTIFICATES = 8 };

/* What the linker calls the ones behind these. */
int __real_private_key_sign(const struct private_key *key, struct bytes message,
                            uint8_t ret[SIGNATURE_SIZE]);
int __real_public_key_verify(const struct public_key *key, struct bytes message,
                             const uint8_t signature[SIGNATURE_SIZE]);
int __real_public_key_from_point(const uint8_t point[PUBLIC_KEY_SIZE], struct public_key **ret);
struct public_key *__real_public_key_free(struct public_key *key);
int __real_crypto_certificate_read(struct bytes der, struct certificate_facts *ret);
int __wrap_public_key_from_point(const uint8_t point[PUBLIC_KEY_SIZE], struct public_key **ret);
struct public_key *__wrap_public_key_free(struct public_key *key);
int __wrap_crypto_certificate_read(struct bytes der, struct certificate_facts *ret);
ZSTD_CDict *__real_ZSTD_createCDict(const void *data, size_t size, int level);
ZSTD_DDict *__real_ZSTD_createDDict(const void *data, size_t size);
int __wrap_private_key_sign(const struct private_key *key, struct bytes message,
                            uint8_t ret[SIGNATURE_SIZE]);
int __wrap_public_key_verify(const struct public_key *key, struct bytes message,
                             const uint8_t signature[SIGNATURE_SIZE]);
ZSTD_CDict *__wrap_ZSTD_createCDict(const void *data, size_t size, int level);
ZSTD_DDict *__wrap_ZSTD_createDDict(const void *data, size_t size);
size_t __wrap_ZSTD_freeCDict(ZSTD_CDict *dictionary);
size_t __wrap_ZSTD_freeDDict(ZSTD_DDict *dictionary);

/* ---- signatures ---- */

static XXH128_hash_t
        made[SIGNATURES]; /* by their hash; a newer one may take an older one's place */

static XXH128_hash_t hash_of(const uint8_t point[PUBLIC_KEY_SIZE], struct bytes message,
                             const uint8_t signature[SIGNATURE_SIZE])
{
        uint8_t head[PUBLIC_KEY_SIZE + SIGNATURE_SIZE];
        XXH128_hash_t hash;

        memcpy(head, point, PUBLIC_KEY_SIZE);
        memcpy(head + PUBLIC_KEY_SIZE, signature, SIGNATURE_SIZE);
        hash = XXH3_128bits(head, sizeof(head));
        return XXH3_128bits_withSeed(message.data, message.size, hash.low64 ^ hash.high64);
}

int __wrap_private_key_sign(const struct private_key *key, struct bytes message,
                            uint8_t ret[SIGNATURE_SIZE])
{
        uint8_t point[PUBLIC_KEY_SIZE];
        XXH128_hash_t hash;
        int r = __real_private_key_sign(key, message, ret);

        if (r < 0)
                return r;
        private_key_public(key, point);
        hash = hash_of(point, message, ret);
        made[hash.low64 % SIGNATURES] = hash;
        return r;
}

int __wrap_public_key_verify(const struct public_key *key, struct bytes message,
                             const uint8_t signature[SIGNATURE_SIZE])
{
        uint8_t point[PUBLIC_KEY_SIZE];
        XXH128_hash_t hash;

        public_key_point(key, point);
        hash = hash_of(point, message, signature);
        if (XXH128_isEqual(made[hash.low64 % SIGNATURES], hash))
                return 0;
        return __real_public_key_verify(key, message, signature);
}

/* ---- keys and certificates ---- */

static struct {
        uint8_t point[PUBLIC_KEY_SIZE];
        struct public_key *key;
} keys[KEYS];

int __wrap_public_key_from_point(const uint8_t point[PUBLIC_KEY_SIZE], struct public_key **ret)
{
        size_t place = 0;
        int r;

        while (place < KEYS && keys[place].key &&
               memcmp(keys[place].point, point, PUBLIC_KEY_SIZE) != 0)
                place++;
        if (place < KEYS && keys[place].key) {
                *ret = keys[place].key;
                return 0;
        }
        r = __real_public_key_from_point(point, ret);
        if (r == 0 && place < KEYS) {
                memcpy(keys[place].point, point, PUBLIC_KEY_SIZE);
                keys[place].key = *ret;
        }
        return r;
}

struct public_key *__wrap_public_key_free(struct public_key *key)
{
        for (size_t i = 0; i < KEYS; i++)
                if (keys[i].key == key)
                        return NULL;
        return __real_public_key_free(key);
}

static struct {
        XXH128_hash_t hash;
        struct certificate_facts facts;
} certificates[CERTIFICATES];

int __wrap_crypto_certificate_read(struct bytes der, struct certificate_facts *ret)
{
        XXH128_hash_t hash = XXH3_128bits(der.data, der.size);
        size_t place = hash.low64 % CERTIFICATES;
        int r = 0;

        if (XXH128_isEqual(certificates[place].hash, hash)) {
                *ret = certificates[place].facts;
                return 0;
        }
        r = __real_crypto_certificate_read(der, ret);
        if (r == 0) {
                certificates[place].hash = hash;
                certificates[place].facts = *ret;
        }
        return r;
}

/* ---- dictionaries ---- */

static struct {
        const void *data; /* of the program, never freed */
        int level;
        ZSTD_CDict *compress;
        ZSTD_DDict *decompress;
} dictionaries[DICTIONARIES];

static size_t place_of(const void *data, int level)
{
        size_t place = 0;

        while (place < DICTIONARIES && dictionaries[place].data &&
               (dictionaries[place].data != data || dictionaries[place].level != level))
                place++;
        if (place == DICTIONARIES)
                abort();
        dictionaries[place].data = data;
        dictionaries[place].level = level;
        return place;
}

ZSTD_CDict *__wrap_ZSTD_createCDict(const void *data, size_t size, int level)
{
        size_t place = place_of(data, level);

        if (!dictionaries[place].compress)
                dictionaries[place].compress = __real_ZSTD_createCDict(data, size, level);
        return dictionaries[place].compress;
}

ZSTD_DDict *__wrap_ZSTD_createDDict(const void *data, size_t size)
{
        size_t place = place_of(data, 0);

        if (!dictionaries[place].decompress)
                dictionaries[place].decompress = __real_ZSTD_createDDict(data, size);
        return dictionaries[place].decompress;
}

size_t __wrap_ZSTD_freeCDict(ZSTD_CDict *dictionary)
{
        (void)dictionary;
        return 0;
}

size_t __wrap_ZSTD_freeDDict(ZSTD_DDict *dictionary)
{
        (void)dictionary;
        return 0;
}
