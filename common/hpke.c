/* The names of the steps are those of RFC 9180; numbers of the suite: kem 0x0010, kdf 0x0001, aead 0x0002. */
#include "common/hpke.h"

#include "common/error.h"
#include "common/hkdf.h"

#include <string.h>

static const uint8_t version[] = {'H', 'P', 'K', 'E', '-', 'v', '1'};
static const uint8_t suite_kem[] = {'K', 'E', 'M', 0x00, 0x10};
static const uint8_t suite_hpke[] = {'H', 'P', 'K', 'E', 0x00, 0x10, 0x00, 0x01, 0x00, 0x02};

#define SUITE_KEM  BYTES(suite_kem, sizeof(suite_kem))
#define SUITE_HPKE BYTES(suite_hpke, sizeof(suite_hpke))

enum { MODE_BASE = 0, CONTEXT_SIZE = 1 + 2 * HASH_SIZE };

static void labeled_extract(struct bytes suite, struct bytes salt, const char *label,
                            struct bytes material, uint8_t ret[HASH_SIZE])
{
        const struct bytes parts[] = {BYTES(version, sizeof(version)), suite, bytes_text(label),
                                      material};

        hkdf_extract(salt, parts, sizeof(parts) / sizeof(parts[0]), ret);
}

static void labeled_expand(struct bytes suite, const uint8_t key[HASH_SIZE], const char *label,
                           struct bytes info, void *ret, size_t size)
{
        const uint8_t length[] = {(uint8_t)(size >> 8), (uint8_t)size};
        const struct bytes parts[] = {BYTES(length, sizeof(length)),
                                      BYTES(version, sizeof(version)), suite, bytes_text(label),
                                      info};

        hkdf_expand(key, parts, sizeof(parts) / sizeof(parts[0]), ret, size);
}

void hpke_wipe(struct hpke *hpke)
{
        crypto_wipe(hpke, sizeof(*hpke));
}

int hpke_key_pair(const uint8_t seed[HPKE_SEED_SIZE], struct private_key **ret)
{
        uint8_t extracted[HASH_SIZE], number[PRIVATE_KEY_SIZE];
        int r = PANNIER_E_CRYPTO;

        labeled_extract(SUITE_KEM, BYTES_NONE, "dkp_prk", BYTES(seed, HPKE_SEED_SIZE), extracted);
        /* a number that is no key is so rare that nobody has seen one, but the next one takes its place */
        for (unsigned counter = 0; counter < 256 && r == PANNIER_E_CRYPTO; counter++) {
                const uint8_t byte = (uint8_t)counter;

                error_clear();
                labeled_expand(SUITE_KEM, extracted, "candidate", BYTES(&byte, 1), number,
                               sizeof(number));
                r = private_key_from_number(number, ret);
        }
        crypto_wipe(extracted, sizeof(extracted));
        crypto_wipe(number, sizeof(number));
        return r;
}

static void extract_and_expand(const uint8_t agreed[AGREED_SIZE],
                               const uint8_t encapsulated[PUBLIC_KEY_SIZE],
                               const uint8_t point[PUBLIC_KEY_SIZE],
                               uint8_t ret_secret[HPKE_SECRET_SIZE])
{
        uint8_t context[2 * PUBLIC_KEY_SIZE], extracted[HASH_SIZE];

        memcpy(context, encapsulated, PUBLIC_KEY_SIZE);
        memcpy(context + PUBLIC_KEY_SIZE, point, PUBLIC_KEY_SIZE);
        labeled_extract(SUITE_KEM, BYTES_NONE, "eae_prk", BYTES(agreed, AGREED_SIZE), extracted);
        labeled_expand(SUITE_KEM, extracted, "shared_secret", BYTES(context, sizeof(context)),
                       ret_secret, HPKE_SECRET_SIZE);
        crypto_wipe(extracted, sizeof(extracted));
}

int hpke_encapsulate(const uint8_t point[PUBLIC_KEY_SIZE], const uint8_t seed[HPKE_SEED_SIZE],
                     uint8_t ret_encapsulated[HPKE_ENCAPSULATED_SIZE],
                     uint8_t ret_secret[HPKE_SECRET_SIZE])
{
        CLEANUP(private_key_freep) struct private_key *key = NULL;
        uint8_t agreed[AGREED_SIZE];
        int r = hpke_key_pair(seed, &key);

        if (r == 0)
                r = private_key_agree(key, point, agreed);
        if (r < 0)
                return r;
        private_key_public(key, ret_encapsulated);
        extract_and_expand(agreed, ret_encapsulated, point, ret_secret);
        crypto_wipe(agreed, sizeof(agreed));
        return 0;
}

int hpke_decapsulate(const struct private_key *key,
                     const uint8_t encapsulated[HPKE_ENCAPSULATED_SIZE],
                     uint8_t ret_secret[HPKE_SECRET_SIZE])
{
        uint8_t agreed[AGREED_SIZE], point[PUBLIC_KEY_SIZE];
        int r = private_key_agree(key, encapsulated, agreed);

        if (r < 0)
                return r;
        private_key_public(key, point);
        extract_and_expand(agreed, encapsulated, point, ret_secret);
        crypto_wipe(agreed, sizeof(agreed));
        return 0;
}

/* KeySchedule() with neither psk nor psk_id; wipes the secret */
static void schedule(uint8_t secret[HPKE_SECRET_SIZE], struct bytes info, struct hpke *ret)
{
        uint8_t context[CONTEXT_SIZE] = {MODE_BASE}, extracted[HASH_SIZE];
        const struct bytes all = BYTES(context, sizeof(context));

        labeled_extract(SUITE_HPKE, BYTES_NONE, "psk_id_hash", BYTES_NONE, context + 1);
        labeled_extract(SUITE_HPKE, BYTES_NONE, "info_hash", info, context + 1 + HASH_SIZE);
        labeled_extract(SUITE_HPKE, BYTES(secret, HPKE_SECRET_SIZE), "secret", BYTES_NONE,
                        extracted);
        labeled_expand(SUITE_HPKE, extracted, "key", all, ret->key, sizeof(ret->key));
        labeled_expand(SUITE_HPKE, extracted, "base_nonce", all, ret->nonce, sizeof(ret->nonce));
        labeled_expand(SUITE_HPKE, extracted, "exp", all, ret->exporter, sizeof(ret->exporter));
        crypto_wipe(extracted, sizeof(extracted));
        crypto_wipe(secret, HPKE_SECRET_SIZE);
}

int hpke_sender(const uint8_t point[PUBLIC_KEY_SIZE], struct bytes info,
                const uint8_t seed[HPKE_SEED_SIZE],
                uint8_t ret_encapsulated[HPKE_ENCAPSULATED_SIZE], struct hpke *ret)
{
        uint8_t secret[HPKE_SECRET_SIZE];
        int r = hpke_encapsulate(point, seed, ret_encapsulated, secret);

        if (r == 0)
                schedule(secret, info, ret);
        return r;
}

int hpke_receiver(const struct private_key *key, const uint8_t encapsulated[HPKE_ENCAPSULATED_SIZE],
                  struct bytes info, struct hpke *ret)
{
        uint8_t secret[HPKE_SECRET_SIZE];
        int r = hpke_decapsulate(key, encapsulated, secret);

        if (r == 0)
                schedule(secret, info, ret);
        return r;
}

/* ComputeNonce() */
static void nonce_of(const struct hpke *hpke, uint64_t number, uint8_t ret[AEAD_NONCE_SIZE])
{
        memcpy(ret, hpke->nonce, AEAD_NONCE_SIZE);
        for (size_t i = 0; i < sizeof(number); i++)
                ret[AEAD_NONCE_SIZE - 1 - i] ^= (uint8_t)(number >> 8 * i);
}

int hpke_seal(const struct hpke *hpke, uint64_t number, struct bytes associated, struct bytes clear,
              struct buffer *out)
{
        uint8_t nonce[AEAD_NONCE_SIZE];

        nonce_of(hpke, number, nonce);
        return crypto_aead_seal(hpke->key, nonce, associated, clear, out);
}

int hpke_open(const struct hpke *hpke, uint64_t number, struct bytes associated,
              struct bytes sealed, struct buffer *out)
{
        uint8_t nonce[AEAD_NONCE_SIZE];

        nonce_of(hpke, number, nonce);
        return crypto_aead_open(hpke->key, nonce, associated, sealed, out);
}

void hpke_export(const struct hpke *hpke, struct bytes context, uint8_t ret[HPKE_SECRET_SIZE])
{
        labeled_expand(SUITE_HPKE, hpke->exporter, "sec", context, ret, HPKE_SECRET_SIZE);
}
