/*
 * A seeded generator: everything a simulated history draws comes from here. Each theme (network, disk, staff, …) has a
 * stream of its own, so that what is turned off in one theme while a seed is shrunk does not change the others.
 *
 * Source: splitmix64 for the seeding, xoshiro256** for the stream (Blackman and Vigna, https://prng.di.unimi.it/)
 */
#ifndef TESTS_SIM_RANDOM_H
#define TESTS_SIM_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
        uint64_t state[4];
};

/* random_init() - the stream number @stream of @seed */
void random_init(struct random *random, uint64_t seed, uint64_t stream);
uint64_t random_next(struct random *random);
/* random_below() - 0 … @bound - 1; @bound at least 1 */
uint64_t random_below(struct random *random, uint64_t bound);
/* random_range() - @low … @high, both included */
int64_t random_range(struct random *random, int64_t low, int64_t high);
/* random_chance() - true in @of_thousand of 1000 cases */
bool random_chance(struct random *random, uint32_t of_thousand);
void random_fill(struct random *random, void *data, size_t size);

#endif
