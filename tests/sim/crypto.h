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

#endif
