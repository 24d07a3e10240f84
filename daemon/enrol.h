/*
 * Enrolment and renewal by EST (RFC 7030): from an enrolment link to a device with a certificate.
 *
 *     pannier://HOST:PORT/CODE?ca=FINGERPRINT
 *
 * The authority's certificate is fetched from a peer that nobody vouches for yet, and counts only where its SHA-256 is
 * the link's fingerprint; the code is sent only over TLS that this certificate proves. The key is made here, is on disk
 * before it is used, and stays the same for every try with the code, so that a lost answer does not burn it.
 */
#ifndef DAEMON_ENROL_H
#define DAEMON_ENROL_H

#include "daemon/enrol_identity.h"
#include "daemon/link.h"

enum { ENROL_CODE_MAX = 128, ENROL_HOST_MAX = 253 };

struct enrol_link {
        char host[ENROL_HOST_MAX + 3]; /* a name, an address; IPv6 in brackets */
        uint16_t port;
        char code[ENROL_CODE_MAX + 1];
        uint8_t fingerprint[HASH_SIZE]; /* SHA-256 of the authority's certificate in DER */
};

/**
 * enrol_link_parse() - read an enrolment link
 *
 * Return: 0, or PANNIER_E_INVALID; the detail says which part is wrong and never shows the code
 */
int enrol_link_parse(struct bytes text, struct enrol_link *ret);

struct enrol; /* one enrolment or renewal at a time */

struct enrol_result {
        int error;                     /* 0, or PANNIER_E_* */
        enum exchange_failure failure; /* where it is PANNIER_E_LINK */
        const char *detail;            /* a sentence for people; "" where it worked */
        int64_t retry_after_ms;        /* the store asked for patience; 0: it did not */
};

typedef void (*enrol_done)(void *context, const struct enrol_result *result);

/* enrol_new() - both outlive it */
int enrol_new(struct link *link, struct identity *identity, struct enrol **ret);
struct enrol *enrol_free(struct enrol *enrol);
DEFINE_FREEP(enrol)

/**
 * enrol_begin() - enrol this device
 * @judge_at_ms: when certificates are judged (link.h)
 *
 * Return: 0 and @done will be called; PANNIER_E_BUSY one is running already; else an error
 */
int enrol_begin(struct enrol *enrol, const struct enrol_link *to, int64_t judge_at_ms,
                enrol_done done, void *context);

/* enrol_renew() - a new certificate for an enrolled device; returns as enrol_begin() */
int enrol_renew(struct enrol *enrol, int64_t judge_at_ms, enrol_done done, void *context);

/**
 * enrol_renew_at_ms() - when to renew: at two thirds of the certificate's life, earlier by up to a tenth of it
 * @random: 0 … UINT32_MAX, so that devices enrolled together do not come together
 */
int64_t enrol_renew_at_ms(const struct certificate_facts *certificate, uint32_t random);

#endif
