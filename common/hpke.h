/*
 * HPKE (RFC 9180), base mode: sealing to whoever holds a P-256 key. DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
 *
 * One encapsulation makes a context on each side. Under it any number of messages is sealed, each with a number of its own
 * that must never be used twice; they may be opened in any order. hpke_export() gives both sides a secret that nobody else has.
 *
 * Base mode does not say who sealed: what is inside has to be signed.
 */
#ifndef COMMON_HPKE_H
#define COMMON_HPKE_H

#include "common/crypto.h"

enum {
        HPKE_SEED_SIZE = 32, /* random bytes that make a key pair */
        HPKE_ENCAPSULATED_SIZE = PUBLIC_KEY_SIZE,
        HPKE_SECRET_SIZE = HASH_SIZE,
};

struct hpke { /* wipe with hpke_wipe(), also for CLEANUP */
        uint8_t key[AEAD_KEY_SIZE];
        uint8_t nonce[AEAD_NONCE_SIZE];
        uint8_t exporter[HPKE_SECRET_SIZE];
};

void hpke_wipe(struct hpke *hpke);

/* hpke_key_pair() - the key pair that a seed makes (RFC 9180, 7.1.3); the seed is as secret as the key */
int hpke_key_pair(const uint8_t seed[HPKE_SEED_SIZE], struct private_key **ret);

/**
 * hpke_encapsulate() - the part of sealing that needs no message: a secret for whoever holds the key of @point
 * @seed: random, never used for anything else
 */
int hpke_encapsulate(const uint8_t point[PUBLIC_KEY_SIZE], const uint8_t seed[HPKE_SEED_SIZE],
                     uint8_t ret_encapsulated[HPKE_ENCAPSULATED_SIZE],
                     uint8_t ret_secret[HPKE_SECRET_SIZE]);
/* hpke_decapsulate() - the same secret; PANNIER_E_CRYPTO where @encapsulated is no point of the curve */
int hpke_decapsulate(const struct private_key *key,
                     const uint8_t encapsulated[HPKE_ENCAPSULATED_SIZE],
                     uint8_t ret_secret[HPKE_SECRET_SIZE]);

/**
 * hpke_sender() - SetupBaseS: a context to seal with
 * @info: what it is for; both sides must name the same
 */
int hpke_sender(const uint8_t point[PUBLIC_KEY_SIZE], struct bytes info,
                const uint8_t seed[HPKE_SEED_SIZE],
                uint8_t ret_encapsulated[HPKE_ENCAPSULATED_SIZE], struct hpke *ret);
/* hpke_receiver() - SetupBaseR: the context to open with */
int hpke_receiver(const struct private_key *key, const uint8_t encapsulated[HPKE_ENCAPSULATED_SIZE],
                  struct bytes info, struct hpke *ret);

/* hpke_seal() - message @number, which is never used again under this context; appends to @out */
int hpke_seal(const struct hpke *hpke, uint64_t number, struct bytes associated, struct bytes clear,
              struct buffer *out);
/* hpke_open() - PANNIER_E_CRYPTO where anything of it differs (out unchanged) */
int hpke_open(const struct hpke *hpke, uint64_t number, struct bytes associated,
              struct bytes sealed, struct buffer *out);

/* hpke_export() - a secret of both sides, another one for each @context (RFC 9180, 5.3) */
void hpke_export(const struct hpke *hpke, struct bytes context, uint8_t ret[HPKE_SECRET_SIZE]);

#endif
