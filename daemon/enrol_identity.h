/*
 * What makes this machine the device it is: the files of the state folder, all of them for root (or the daemon's user) only.
 *
 *   lock           held while a daemon runs on the folder
 *   caseload.key   key and salt of what the device keeps encrypted; made at the first start
 *   device.key     the device's private key; made when it is enrolled, kept through renewals
 *   device.pem     its certificate
 *   ca.pem         the authority it trusts, and no other
 *   store          the store's address; written last: where it is, the device is enrolled
 *
 * Each file is replaced as a whole: written beside, flushed, renamed, the folder flushed.
 */
#ifndef DAEMON_ENROL_IDENTITY_H
#define DAEMON_ENROL_IDENTITY_H

#include "common/crypto.h"
#include "common/id.h"

enum {
        IDENTITY_PATH_MAX = 512,
        IDENTITY_URL_MAX = 300,
        CASELOAD_KEY_SIZE = 48, /* AEAD_KEY_SIZE bytes of key, 16 of salt */
};

struct identity {
        char folder[IDENTITY_PATH_MAX];
        int lock;
        uint8_t caseload[CASELOAD_KEY_SIZE];
        struct private_key *key;    /* NULL until enrolment begins */
        bool enrolled;              /* what follows counts */
        char url[IDENTITY_URL_MAX]; /* https://host:port */
        struct uuid device;
        struct certificate_facts certificate;
        struct buffer authority; /* DER */
        char key_path[IDENTITY_PATH_MAX + 16], certificate_path[IDENTITY_PATH_MAX + 16];
        char authority_path[IDENTITY_PATH_MAX + 16], pending_path[IDENTITY_PATH_MAX + 16];
};

/**
 * identity_open() - take possession of a state folder, made with mode 0700 where it is missing
 *
 * Return: 0; PANNIER_E_BUSY another daemon has it; PANNIER_E_CORRUPT files that do not fit each other; PANNIER_E_SYSTEM
 */
int identity_open(const char *folder, struct identity **ret);
struct identity *identity_free(struct identity *identity);
DEFINE_FREEP(identity)

/* identity_path() - path of a file in the folder; @ret has IDENTITY_PATH_MAX + 16 bytes; @name at most 15 */
void identity_path(const struct identity *identity, const char *name,
                   char ret[IDENTITY_PATH_MAX + 16]);

/* identity_make_key() - the device's key: the one that is there, or a new one, on disk before it is used */
int identity_make_key(struct identity *identity);

/* identity_pend_authority() - put a checked but not yet proven authority where TLS can read it (pending_path) */
int identity_pend_authority(struct identity *identity, struct bytes der);

/**
 * identity_enrol() - the store gave this certificate: become that device, durably
 *
 * Return: 0; PANNIER_E_CRYPTO the certificate is not for our key or names no device;
 *         PANNIER_E_TAKEN this machine is already another device, whose outbox lies here; PANNIER_E_SYSTEM
 */
int identity_enrol(struct identity *identity, const char *url, struct bytes authority,
                   struct bytes certificate);

/* identity_renew() - a new certificate for the same key and device; returns as identity_enrol() */
int identity_renew(struct identity *identity, struct bytes certificate);

#endif
