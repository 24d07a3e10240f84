/*
 * What a courier carries: parts of a bundle up, receipts back, and the file that holds them.
 *
 * A part is one request of POST /v1/sync, signed by the device that wrote it and sealed to the store's seal key; the answer is sealed
 * with a secret that only these two have. Whoever carries them learns which device they are of and how large they are, and
 * can change nothing without it being noticed. This module knows no entry and no file system.
 */
#ifndef COMMON_BUNDLE_H
#define COMMON_BUNDLE_H

#include "common/hpke.h"
#include "common/wire.h"

enum {
        BUNDLE_SECRET_SIZE = HPKE_SECRET_SIZE,
        BUNDLE_FILE_MAX = 48 << 20, /* bytes of a file that is read */
};

/* What one part is called. */
struct bundle_name {
        struct uuid device, bundle;
        uint32_t part; /* from 0, below WIRE_BUNDLE_PARTS_MAX */
        bool last;
};

/* bundle_key() - how a seal key is named in clear: SHA-256 of its point */
void bundle_key(const uint8_t point[PUBLIC_KEY_SIZE], uint8_t ret[HASH_SIZE]);

/* bundle_signed_message() - what the device signs for a part: deterministic CBOR of ("bundle", name, seal key, hash of the body) */
void bundle_signed_message(const struct bundle_name *name,
                           const uint8_t seal_point[PUBLIC_KEY_SIZE], struct bytes body,
                           struct buffer *out);

/* ---- the device: parts up ---- */

struct bundle_sender { /* wipe with bundle_sender_wipe(), also for CLEANUP */
        struct uuid device, bundle;
        uint8_t point[PUBLIC_KEY_SIZE];
        uint8_t encapsulated[HPKE_ENCAPSULATED_SIZE];
        struct hpke hpke;
};

/**
 * bundle_sender_init() - begin a bundle
 * @point: the store's seal key
 * @seed:  random, never used for anything else
 */
int bundle_sender_init(struct bundle_sender *sender, const struct uuid *device,
                       const struct uuid *bundle, const uint8_t point[PUBLIC_KEY_SIZE],
                       const uint8_t seed[HPKE_SEED_SIZE]);
void bundle_sender_wipe(struct bundle_sender *sender);

/**
 * bundle_put() - append one part
 * @part: must not come twice with another body
 * @body: of POST /v1/sync
 *
 * Return: 0; PANNIER_E_LIMIT; PANNIER_E_MEMORY; PANNIER_E_CRYPTO
 */
int bundle_put(const struct bundle_sender *sender, const struct private_key *device_key,
               uint32_t part, bool last, struct bytes body, struct buffer *out);

/* bundle_secret() - what opens the receipts of its parts; to be kept with the encapsulated key */
void bundle_secret(const struct bundle_sender *sender, uint8_t ret[BUNDLE_SECRET_SIZE]);

/**
 * bundle_receipts_open() - append the answer that came back
 *
 * Return: 0; PANNIER_E_CRYPTO it is not of this bundle, or was changed; PANNIER_E_MEMORY
 */
int bundle_receipts_open(const struct wire_bundle_receipts *receipts,
                         const uint8_t encapsulated[HPKE_ENCAPSULATED_SIZE],
                         const uint8_t secret[BUNDLE_SECRET_SIZE], struct buffer *out);

/* ---- the store ---- */

struct bundle_reply { /* what an answer is sealed with; wipe with bundle_reply_wipe(), also for CLEANUP */
        struct bundle_name name;
        uint8_t encapsulated[HPKE_ENCAPSULATED_SIZE];
        uint8_t secret[BUNDLE_SECRET_SIZE];
};

void bundle_reply_wipe(struct bundle_reply *reply);

/**
 * bundle_open() - open a part and check that the device signed it
 * @seal_key:   the one that the part names
 * @device_key: of the device that the part names
 * @out:        gets the body; unchanged on failure
 *
 * Return: 0; PANNIER_E_CRYPTO it is not sealed to this key, not signed by this device, or was changed; PANNIER_E_MEMORY
 */
int bundle_open(const struct wire_bundle *bundle, const struct private_key *seal_key,
                const struct public_key *device_key, struct buffer *out, struct bundle_reply *ret);

/* bundle_receipts_put() - append what travels back; @nonce is random, another one each time */
int bundle_receipts_put(const struct bundle_reply *reply,
                        const uint8_t nonce[WIRE_BUNDLE_NONCE_SIZE], struct bytes answer,
                        struct buffer *out);

/* ---- files ---- */

/* bundle_file_begin() - append what a file begins with */
void bundle_file_begin(struct buffer *out);

/**
 * bundle_file_open() - is this such a file? Then read its messages with wire_next()
 * @arena: of the reader
 *
 * Return: 0; PANNIER_E_MALFORMED it is none; PANNIER_E_TOO_NEW it is of a later version
 */
int bundle_file_open(struct bytes file, struct arena *arena, struct wire_reader *ret);

#endif
