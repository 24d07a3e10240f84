/*
 * The formats of EST (RFC 7030): requests and certificates travel as base64 of DER; certificates come in a PKCS#7
 * "certs-only" envelope (RFC 5652 SignedData without a signer). Pure; bytes of a peer.
 */
#ifndef DAEMON_EST_H
#define DAEMON_EST_H

#include "common/bytes.h"

#define EST_REQUEST_TYPE "application/pkcs10"
#define EST_ANSWER_TYPE  "application/pkcs7-mime"

enum { EST_CERTIFICATE_MAX = 8 }; /* in one answer */

/* est_request_encode() - a PKCS#10 request as simpleenroll takes it */
void est_request_encode(struct bytes der, struct buffer *out);

/**
 * est_certificates_decode() - the certificates of an answer
 * @body:    base64, line breaks allowed
 * @scratch: owns the bytes that ret borrows
 *
 * Return: number of certificates (1 …); PANNIER_E_MALFORMED; PANNIER_E_LIMIT; PANNIER_E_MEMORY
 */
int est_certificates_decode(struct bytes body, struct buffer *scratch,
                            struct bytes ret[EST_CERTIFICATE_MAX]);

#endif
