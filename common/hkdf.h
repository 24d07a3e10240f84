/*
 * HMAC-SHA256 (RFC 2104) and HKDF (RFC 5869), on top of crypto_sha256(): the same for every crypto library.
 */
#ifndef COMMON_HKDF_H
#define COMMON_HKDF_H

#include "common/crypto.h"

enum { HKDF_EXPAND_MAX = 255 * HASH_SIZE };

/* hmac_sha256() - of several runs of bytes behind each other, eight at most */
void hmac_sha256(struct bytes key, const struct bytes *parts, size_t count, uint8_t ret[HASH_SIZE]);

/* hkdf_extract() - HMAC under the salt; an empty salt is HASH_SIZE zeros; @parts as for hmac_sha256() */
void hkdf_extract(struct bytes salt, const struct bytes *parts, size_t count,
                  uint8_t ret[HASH_SIZE]);

/* hkdf_expand() - @size bytes, at most HKDF_EXPAND_MAX; @parts of the info behind each other, six at most */
void hkdf_expand(const uint8_t key[HASH_SIZE], const struct bytes *parts, size_t count, void *ret,
                 size_t size);

#endif
