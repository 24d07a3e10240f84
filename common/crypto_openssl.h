/* What the files of the OpenSSL implementation share. Included by common/crypto_openssl*.c and store/tls.c alone. */
#ifndef COMMON_CRYPTO_OPENSSL_H
#define COMMON_CRYPTO_OPENSSL_H

#include "common/crypto.h"

#include <openssl/evp.h>

/* crypto_openssl_fail() - PANNIER_E_CRYPTO with OpenSSL's newest reason; its error queue is empty afterwards */
int crypto_openssl_fail(const char *what);

/* crypto_openssl_pkey() - OpenSSL's view of a key; borrowed */
EVP_PKEY *crypto_openssl_pkey(const struct private_key *key);

/* crypto_openssl_private_key() - takes over @pkey, also where it fails; PANNIER_E_CRYPTO where it is not of P-256 */
int crypto_openssl_private_key(EVP_PKEY *pkey, struct private_key **ret);

/* crypto_openssl_point() - public point of a key, zero where it is not a P-256 key */
void crypto_openssl_point(const EVP_PKEY *pkey, uint8_t ret[PUBLIC_KEY_SIZE]);

#endif
