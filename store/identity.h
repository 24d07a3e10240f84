/*
 * The store's keys and certificates, read from its folder: the authority, the TLS server, the signing key, the seal key.
 */
#ifndef STORE_IDENTITY_H
#define STORE_IDENTITY_H

#include "common/wire.h"
#include "store/ca.h"
#include "store/tls.h"

enum { IDENTITY_FILE_MAX = 16 << 10 }; /* bytes of a key or certificate file */

struct store_identity {
        struct ca *ca;
        struct private_key *signing_key;
        struct buffer signing_der;
        struct private_key
                *seal_key; /* what is sealed to the store is opened with it; NULL: none yet */
        struct wire_seal_key seal; /* the same for devices, signed */
        struct buffer server_key;  /* PEM */
        struct buffer server_der;
        int64_t server_until_ms; /* end of the server certificate's life */
};

/**
 * identity_make() - keys and certificates in a new folder; those that are there stay
 * @hosts: of the server's certificate
 *
 * A key counts only with its certificate, which is written after it: so this may be interrupted anywhere and run again.
 */
int identity_make(const char *data, const char *name, const char *const *hosts, size_t host_count,
                  int64_t now_ms);

/* identity_load() - PANNIER_E_NOT_FOUND, PANNIER_E_MALFORMED, PANNIER_E_CRYPTO; the detail names the file */
int identity_load(const char *data, struct store_identity **ret);
struct store_identity *store_identity_free(struct store_identity *identity);
DEFINE_FREEP(store_identity)

/* identity_add_seal_key() - make one where there is none: a store of before has none */
int identity_add_seal_key(const char *data);

/* identity_trust() - the trust bundle that devices are given; borrows from @identity */
struct wire_trust identity_trust(const struct store_identity *identity);

/* identity_tls() - what the TLS server needs; borrows from @identity */
struct tls_identity identity_tls(const struct store_identity *identity);

/**
 * identity_renew_server() - a new server certificate where a third of its life is left, or less; the key stays
 *
 * Return: 1 renewed (load the identity again), 0 not due, or an error
 */
int identity_renew_server(const char *data, const struct store_identity *identity,
                          const char *const *hosts, size_t host_count, int64_t now_ms);

/* identity_fingerprint() - SHA-256 of the authority's certificate: what enrolment links carry */
void identity_fingerprint(const struct store_identity *identity, uint8_t ret[HASH_SIZE]);

#endif
