/*
 * OpenSSL's randomness from a seed: keys, signatures' nonces and the pages' initialisation vectors of SQLCipher are then the
 * same in every run, so that one seed gives the same bytes twice. For the simulator alone.
 *
 * Source: RAND_set_rand_method(3ossl); deprecated in OpenSSL 3, but ahead of every provider where it is set
 */
#ifndef TESTS_SIM_CRYPTO_H
#define TESTS_SIM_CRYPTO_H

#include <stdint.h>

/* sim_crypto_seed() - from here on everything that is drawn follows from @seed */
void sim_crypto_seed(uint64_t seed);

/**
 * sim_crypto_cipher() - databases that are made from here on have an HMAC of SHA-1 on each page, for which processors have
 * instructions. (SHA-512, as on devices, took a tenth of a run. Whether a page was damaged is found by the same code.)
 */
void sim_crypto_cipher(void);

#endif
