#include "tests/sim/random.h"

#include <string.h>

static uint64_t splitmix(uint64_t *state)
{
        uint64_t z = (*state += 0x9e3779b97f4a7c15U);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
}

void random_init(struct random *random, uint64_t seed, uint64_t stream)
{
        uint64_t state = seed * 0xd1342543de82ef95U + stream;

        for (size_t i = 0; i < 4; i++)
                random->state[i] = splitmix(&state);
}

static uint64_t rotate(uint64_t x, int by)
{
        return (x << by) | (x >> (64 - by));
}

uint64_t random_next(struct random *random)
{
        uint64_t *s = random->state;
        uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = rotate(s[3], 45);
        return result;
}

uint64_t random_below(struct random *random, uint64_t bound)
{
        return random_next(random) % bound; /* the bias is far below what a history could show */
}

int64_t random_range(struct random *random, int64_t low, int64_t high)
{
        return low + (int64_t)random_below(random, (uint64_t)(high - low) + 1);
}

bool random_chance(struct random *random, uint32_t of_thousand)
{
        return random_below(random, 1000) < of_thousand;
}

void random_fill(struct random *random, void *data, size_t size)
{
        uint8_t *to = data;

        while (size > 0) {
                uint64_t word = random_next(random);
                size_t piece = size < sizeof(word) ? size : sizeof(word);

                memcpy(to, &word, piece);
                to += piece;
                size -= piece;
        }
}
