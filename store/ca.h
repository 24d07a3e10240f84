/*
 * The device authority: makes itself, and issues the certificates of the store's server, of its signing key and of devices.
 *
 * Everything is P-256 with SHA-256. Certificates are DER, private keys PKCS#8 in PEM. The module knows neither
 * files nor who may have a certificate; it writes what it is told.
 */
#ifndef STORE_CA_H
#define STORE_CA_H

#include "common/crypto.h"
#include "common/id.h"

enum {
        CA_HOST_MAX = 16,             /* names and addresses in one server certificate */
        CA_NAME_MAX = 64,             /* bytes of a common name (RFC 5280, ub-common-name) */
        CA_REQUEST_MAX = 8 << 10,     /* bytes of a PKCS#10 request in DER */
        CA_URI_DEVICE_SIZE = 20 + 37, /* "urn:pannier:device:", a UUID and NUL */
};

/* Lives of the certificates. A device renews at two thirds; the store renews its own server certificate. */
#define CA_LIFE_AUTHORITY_MS ((int64_t)7300 * 86400000)
#define CA_LIFE_SIGNING_MS   ((int64_t)3650 * 86400000)
#define CA_LIFE_SERVER_MS    ((int64_t)365 * 86400000)
#define CA_LIFE_DEVICE_MS    ((int64_t)60 * 86400000)
#define CA_BACKDATE_MS       ((int64_t)5 * 60000) /* a device's clock may be a little behind */

struct ca; /* an authority that can issue: its key and its certificate */

/**
 * ca_create() - make an authority
 * @name:    its common name, UTF-8, at most CA_NAME_MAX bytes
 * @ret_key: gets the private key in PEM; wipe the buffer
 * @ret_der: gets the self-signed certificate
 */
int ca_create(const char *name, int64_t now_ms, struct buffer *ret_key, struct buffer *ret_der);

/**
 * ca_open() - an authority from what ca_create() made
 *
 * Return: 0; PANNIER_E_MALFORMED not a key or certificate; PANNIER_E_CRYPTO the two do not belong together
 */
int ca_open(struct bytes key_pem, struct bytes der, struct ca **ret);
struct ca *ca_free(struct ca *ca);
DEFINE_FREEP(ca)

/* ca_certificate() - the authority's certificate, borrowed */
struct bytes ca_certificate(const struct ca *ca);

enum ca_profile {
        CA_PROFILE_SERVER, /* the TLS server: server authentication, `hosts` as names and addresses */
        CA_PROFILE_SIGNING, /* receipts and heads: document signing, no use in TLS */
        CA_PROFILE_DEVICE,  /* a device: client authentication, its id as URI */
};

struct ca_wish {
        enum ca_profile profile;
        const char *common_name;   /* UTF-8, at most CA_NAME_MAX bytes */
        const char *const *hosts;  /* CA_PROFILE_SERVER: DNS names and IP addresses */
        size_t host_count;         /* 1 … CA_HOST_MAX */
        struct uuid device;        /* CA_PROFILE_DEVICE */
        const uint8_t *public_key; /* PUBLIC_KEY_SIZE bytes: whom it certifies */
        int64_t not_before_ms, not_after_ms;
};

/**
 * ca_issue() - one certificate; appends its DER to @out
 *
 * It never outlives the authority's own certificate.
 *
 * Return: 0; PANNIER_E_INVALID a host or name cannot stand in a certificate; PANNIER_E_CRYPTO
 */
int ca_issue(const struct ca *ca, const struct ca_wish *wish, struct buffer *out);

/* ca_issued() - 0 where @der is a certificate that this authority signed, else PANNIER_E_CRYPTO; dates are not judged */
int ca_issued(const struct ca *ca, struct bytes der);

/**
 * ca_request_read() - the public key of a PKCS#10 request, after its own signature was checked
 * @ret_public_key: PUBLIC_KEY_SIZE bytes
 *
 * What the request says about names is not read: the store knows what the device is called.
 *
 * Return: 0; PANNIER_E_MALFORMED no request, or something behind it; PANNIER_E_LIMIT;
 *         PANNIER_E_CRYPTO no P-256 key, or a signature that is not of this key
 */
int ca_request_read(struct bytes der, uint8_t ret_public_key[PUBLIC_KEY_SIZE]);

/* ca_bundle() - certificates as the certs-only PKCS#7 that EST answers with (RFC 7030 §4.1.3); appends DER to @out */
int ca_bundle(const struct bytes *certificates, size_t count, struct buffer *out);

/* ca_device_uri() - urn:pannier:device:<uuid> */
void ca_device_uri(const struct uuid *device, char ret[CA_URI_DEVICE_SIZE]);

/* ca_device_from_uri() - the other way; PANNIER_E_INVALID for any other URI */
int ca_device_from_uri(const char *uri, struct uuid *ret);

#endif
