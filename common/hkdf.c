#include "common/hkdf.h"

#include <string.h>

enum { BLOCK_SIZE = 64, PARTS_MAX = 8 };

void hmac_sha256(struct bytes key, const struct bytes *parts, size_t count, uint8_t ret[HASH_SIZE])
{
        uint8_t pad[BLOCK_SIZE] = {0}, hashed[HASH_SIZE];
        struct bytes all[PARTS_MAX + 1] = {BYTES(pad, sizeof(pad))};

        if (count > PARTS_MAX)
                abort(); /* our own bug: no caller has so many */
        if (key.size > sizeof(pad))
                crypto_sha256(key, pad);
        else if (key.size)
                memcpy(pad, key.data, key.size);
        for (size_t i = 0; i < sizeof(pad); i++)
                pad[i] ^= 0x36;
        for (size_t i = 0; i < count; i++)
                all[i + 1] = parts[i];
        crypto_sha256_parts(all, count + 1, hashed);
        for (size_t i = 0; i < sizeof(pad); i++)
                pad[i] ^= 0x36 ^ 0x5c;
        all[1] = BYTES(hashed, sizeof(hashed));
        crypto_sha256_parts(all, 2, ret);
        crypto_wipe(pad, sizeof(pad));
        crypto_wipe(hashed, sizeof(hashed));
}

void hkdf_extract(struct bytes salt, const struct bytes *parts, size_t count,
                  uint8_t ret[HASH_SIZE])
{
        hmac_sha256(salt, parts, count, ret); /* a key is filled up with zeros */
}

void hkdf_expand(const uint8_t key[HASH_SIZE], const struct bytes *parts, size_t count, void *ret,
                 size_t size)
{
        uint8_t block[HASH_SIZE], counter = 0, *to = ret;
        struct bytes all[PARTS_MAX];

        if (count > PARTS_MAX - 2 || size > HKDF_EXPAND_MAX)
                abort(); /* our own bug */
        for (size_t i = 0; i < count; i++)
                all[i + 1] = parts[i];
        all[count + 1] = BYTES(&counter, 1);
        while (size > 0) {
                size_t some = size < sizeof(block) ? size : sizeof(block);

                all[0] = counter ? BYTES(block, sizeof(block)) : BYTES_NONE;
                counter++;
                hmac_sha256(BYTES(key, HASH_SIZE), all, count + 2, block);
                memcpy(to, block, some);
                to += some;
                size -= some;
        }
        crypto_wipe(block, sizeof(block));
}
