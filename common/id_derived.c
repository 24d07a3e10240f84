/* Apart from id.c, since it needs the cryptographic library and libpannier does without one. */
#include "common/crypto.h"
#include "common/id.h"

#include <string.h>

struct uuid uuid_derived(const char *name, const struct uuid *id, struct bytes extra)
{
        const struct bytes parts[] = {
                bytes_text("pannier:"),
                BYTES(name, strlen(name) + 1), /* its NUL ends it: names cannot run into ids */
                BYTES(id->bytes, sizeof(id->bytes)),
                extra,
        };
        uint8_t hash[HASH_SIZE];
        struct uuid derived;

        crypto_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), hash);
        memcpy(derived.bytes, hash, sizeof(derived.bytes));
        derived.bytes[6] = (uint8_t)(0x80 | (derived.bytes[6] & 0x0f)); /* version 8 */
        derived.bytes[8] = (uint8_t)(0x80 | (derived.bytes[8] & 0x3f)); /* variant */
        return derived;
}
