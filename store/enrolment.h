/*
 * Enrolment: one-time codes, the certificates they are exchanged for, and who a device is on each request.
 *
 * A code is 80 random bits that an operator hands over with the authority's fingerprint, as a link. The store keeps
 * its hash only. It is used up by the first public key, and stays valid for that key until the device's first
 * exchange, so that a lost answer does not burn it. Every refusal looks the same from outside.
 */
#ifndef STORE_ENROLMENT_H
#define STORE_ENROLMENT_H

#include "store/ca.h"
#include "store/storage.h"
#include "store/tls.h"

enum {
        ENROLMENT_CODE_BITS = 80,
        ENROLMENT_CODE_SIZE = 20, /* XXXX-XXXX-XXXX-XXXX and NUL */
        ENROLMENT_CODE_TEXT_MAX = 64,
        ENROLMENT_LINK_SIZE = 512,
};

#define ENROLMENT_CODE_LIFE_MS     ((int64_t)7 * 86400000)
#define ENROLMENT_CODE_LIFE_MAX_MS ((int64_t)90 * 86400000)
#define ENROLMENT_GRACE_MS                                                                         \
        ((int64_t)90 * 86400000) /* an expired certificate may still be renewed */

/* enrolment_code_text() - 10 random bytes as 16 letters and digits in groups of four (Crockford's base 32) */
void enrolment_code_text(const uint8_t random[ENROLMENT_CODE_BITS / 8],
                         char ret[ENROLMENT_CODE_SIZE]);

/**
 * enrolment_code_hash() - what the store keeps of a code
 * @text: as somebody typed it: either case, O for 0, I or L for 1, dashes and blanks anywhere
 *
 * Return: 0; PANNIER_E_INVALID: no code looks like this
 */
int enrolment_code_hash(struct bytes text, uint8_t ret[HASH_SIZE]);

/**
 * enrolment_link() - pannier://HOST:PORT/CODE?ca=<fingerprint of the authority's certificate>
 * @host: a name or an address; an IPv6 address gets its brackets
 *
 * Return: 0; PANNIER_E_LIMIT
 */
int enrolment_link(const char *host, uint16_t port, const char *code,
                   const uint8_t fingerprint[HASH_SIZE], char ret[ENROLMENT_LINK_SIZE]);

/**
 * enrolment_first() - a certificate for a code
 * @storage:    a writing connection, idle
 * @code:       as received
 * @public_key: of the request
 * @out:        gets the certificate's DER
 * @ret_device: whose it is
 *
 * Durable when it returns.
 *
 * Return: 0; PANNIER_E_REFUSED: code unknown, expired, used by another key, or its device has exchanged already or
 *         is revoked; or an error of storage or ca_issue()
 */
int enrolment_first(struct storage *storage, const struct ca *ca, struct bytes code,
                    const uint8_t public_key[PUBLIC_KEY_SIZE], int64_t now_ms, struct buffer *out,
                    struct uuid *ret_device);

/**
 * enrolment_again() - renew a device's certificate
 * @peer: of the connection: its certificate may have expired, at most ENROLMENT_GRACE_MS ago
 *
 * The key stays: entries that wait on the device are signed with it. A new key needs a new code.
 *
 * Return: 0; PANNIER_E_REFUSED; or an error
 */
int enrolment_again(struct storage *storage, const struct ca *ca, const struct tls_peer *peer,
                    const uint8_t public_key[PUBLIC_KEY_SIZE], int64_t now_ms, struct buffer *out);

/**
 * enrolment_device() - which device does a connection's certificate stand for, now
 * @storage: any connection, idle
 * @late_ms: how long ago the certificate may have expired
 * @ret:     its row
 *
 * To be asked on every request: a session may be resumed, a device revoked, a certificate run out meanwhile.
 *
 * Return: 0; PANNIER_E_REFUSED: no certificate, not now, unknown, another key, not enrolled, revoked; or an error
 */
int enrolment_device(struct storage *storage, const struct tls_peer *peer, int64_t now_ms,
                     int64_t late_ms, struct device_row *ret);

#endif
