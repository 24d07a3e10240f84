/*
 * The cryptography a device needs, independent of the library; crypto_<library>.c implements all of it.
 *
 * P-256 with SHA-256, AES-256-GCM. Signatures are 64 bytes, r then s, big endian. Certificates and requests are DER.
 * Every failure of the library is PANNIER_E_CRYPTO with its words as detail.
 */
#ifndef COMMON_CRYPTO_H
#define COMMON_CRYPTO_H

#include "common/bytes.h"

enum {
        HASH_SIZE = 32,
        SIGNATURE_SIZE = 64,
        PUBLIC_KEY_SIZE = 65,  /* uncompressed point */
        PRIVATE_KEY_SIZE = 32, /* its number, big endian */
        AGREED_SIZE = 32,      /* what two keys agree on */
        AEAD_KEY_SIZE = 32,
        AEAD_NONCE_SIZE = 12,
        AEAD_TAG_SIZE = 16,
        CERTIFICATE_SIZE_MAX = 16 << 10, /* bytes of DER */
        PKCS7_SIZE_MAX = 256 << 10,
};

void crypto_sha256(struct bytes data, uint8_t ret[HASH_SIZE]);
/* crypto_sha256_parts() - hash of several runs of bytes behind each other */
void crypto_sha256_parts(const struct bytes *parts, size_t count, uint8_t ret[HASH_SIZE]);
/* The same over bytes that come piece by piece. */
struct crypto_hash;
int crypto_hash_new(struct crypto_hash **ret);
void crypto_hash_add(struct crypto_hash *hash, struct bytes data);
/* crypto_hash_finish() - the hash of everything since it was made, or since the last finish */
void crypto_hash_finish(struct crypto_hash *hash, uint8_t ret[HASH_SIZE]);
struct crypto_hash *crypto_hash_free(struct crypto_hash *hash);
DEFINE_FREEP(crypto_hash)
/* crypto_random() - fill with unpredictable bytes; ends the program where the system has none */
void crypto_random(void *data, size_t size);
/* crypto_equal() - constant-time comparison */
bool crypto_equal(const void *a, const void *b, size_t size);
/* crypto_wipe() - overwrite; not optimised away */
void crypto_wipe(void *data, size_t size);

/**
 * crypto_aead_seal() - AES-256-GCM; appends ciphertext and tag to @out
 *
 * @nonce may lie in @out, in front of what is appended.
 */
int crypto_aead_seal(const uint8_t key[AEAD_KEY_SIZE], const uint8_t nonce[AEAD_NONCE_SIZE],
                     struct bytes associated, struct bytes clear, struct buffer *out);
/* crypto_aead_open() - appends the clear text to @out; PANNIER_E_CRYPTO where the tag does not fit (out unchanged) */
int crypto_aead_open(const uint8_t key[AEAD_KEY_SIZE], const uint8_t nonce[AEAD_NONCE_SIZE],
                     struct bytes associated, struct bytes sealed, struct buffer *out);

struct private_key; /* a P-256 key pair; may be shared by threads */

int private_key_generate(struct private_key **ret);
int private_key_from_pem(struct bytes pem, struct private_key **ret);
int private_key_to_pem(const struct private_key *key,
                       struct buffer *out); /* PKCS#8; wipe the buffer */
void private_key_public(const struct private_key *key, uint8_t ret[PUBLIC_KEY_SIZE]);
int private_key_sign(const struct private_key *key, struct bytes message,
                     uint8_t ret[SIGNATURE_SIZE]);
/* private_key_from_number() - PANNIER_E_CRYPTO where it is zero, or not below the order of the group */
int private_key_from_number(const uint8_t number[PRIVATE_KEY_SIZE], struct private_key **ret);
/**
 * private_key_agree() - ECDH: the x coordinate that both sides come to (RFC 9180: DH())
 * @point: the other side's; whether it is on the curve is checked
 *
 * A secret to be hashed (common/hpke.h), never a key as it is. PANNIER_E_CRYPTO
 */
int private_key_agree(const struct private_key *key, const uint8_t point[PUBLIC_KEY_SIZE],
                      uint8_t ret[AGREED_SIZE]);
struct private_key *private_key_free(struct private_key *key);
DEFINE_FREEP(private_key)

struct public_key; /* parsed once, verified with many times; may be shared by threads */

int public_key_from_point(const uint8_t point[PUBLIC_KEY_SIZE], struct public_key **ret);
void public_key_point(const struct public_key *key, uint8_t ret[PUBLIC_KEY_SIZE]);
/* public_key_verify() - 0, or PANNIER_E_CRYPTO where the signature is not of this key over this message */
int public_key_verify(const struct public_key *key, struct bytes message,
                      const uint8_t signature[SIGNATURE_SIZE]);
struct public_key *public_key_free(struct public_key *key);
DEFINE_FREEP(public_key)

/**
 * crypto_certificate_request() - PKCS#10 request in DER, signed by @key
 * @common_name: UTF-8
 * @uri:         subject alternative name, such as urn:pannier:device:<uuid>; may be NULL
 */
int crypto_certificate_request(const struct private_key *key, const char *common_name,
                               const char *uri, struct buffer *out);

struct certificate_facts {
        uint8_t public_key[PUBLIC_KEY_SIZE]; /* zero where it is not a P-256 key */
        int64_t not_before_ms, not_after_ms;
        char uri[128]; /* first URI of the subject alternative name, "" if none */
        char common_name[128];
        uint8_t fingerprint[HASH_SIZE]; /* SHA-256 of the DER */
        bool authority;                 /* its basic constraints say that it is one of a CA */
};

/* crypto_certificate_read() - facts of one X.509 certificate in DER; PANNIER_E_MALFORMED */
int crypto_certificate_read(struct bytes der, struct certificate_facts *ret);

/**
 * crypto_certificate_verify() - was @certificate issued by @issuer, and are both valid at @now_ms?
 * @issuer:      certificate of a CA in DER, trusted by whoever calls
 * @certificate: in DER
 *
 * Checks the issuer's CA flag, names, signature and both validity periods. Not revocation: that is the store's row.
 *
 * Return: 0; PANNIER_E_CRYPTO with what is wrong; PANNIER_E_MALFORMED
 */
int crypto_certificate_verify(struct bytes issuer, struct bytes certificate, int64_t now_ms);

/**
 * crypto_pkcs7_read() - the certificates of a certs-only PKCS#7 in DER (RFC 7030 §4.1.3, before its base64)
 * @visit: gets each certificate's DER, borrowed during the call; returns 0 to go on, anything else ends the walk
 *
 * Return: 0; what @visit returned; PANNIER_E_MALFORMED
 */
int crypto_pkcs7_read(struct bytes der, int (*visit)(void *context, struct bytes der),
                      void *context);

/* crypto_pkcs7_write() - certs-only PKCS#7 in DER of @count certificates in DER */
int crypto_pkcs7_write(const struct bytes *certificates, size_t count, struct buffer *out);

/* PEM: one block of @label ("CERTIFICATE", …) to and from DER; decode takes the first such block of @pem */
int crypto_pem_decode(struct bytes pem, const char *label, struct buffer *out);
void crypto_pem_encode(struct bytes der, const char *label, struct buffer *out);

/**
 * crypto_tls_judge_at() - have a TLS library judge certificates as of a given time
 * @tls_context: the library's own object, as libcurl hands it out (SSL_CTX of OpenSSL)
 */
int crypto_tls_judge_at(void *tls_context, int64_t now_ms);

/* crypto_library() - name and version, for status and doctor */
const char *crypto_library(void);

#endif
