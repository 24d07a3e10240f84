/*
 * Draws for the sample locality: seeded, the same on every machine. Never for anything that must be unpredictable.
 */
#ifndef STORE_SAMPLE_DRAW_H
#define STORE_SAMPLE_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct draw {
        uint64_t state;
};

/* draw_next() - 64 bits of SplitMix64 (Steele, Lea, Flood 2014) */
static inline uint64_t draw_next(struct draw *draw)
{
        uint64_t z = (draw->state += 0x9e3779b97f4a7c15u);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
}

/* draw_below() - 0 … limit - 1; the bias of the remainder does not matter here */
static inline uint32_t draw_below(struct draw *draw, uint32_t limit)
{
        return (uint32_t)(draw_next(draw) % limit);
}

/* draw_between() - low … high, both included */
static inline int draw_between(struct draw *draw, int low, int high)
{
        return low + (int)draw_below(draw, (uint32_t)(high - low + 1));
}

/* draw_chance() - true in @percent of 100 draws */
static inline bool draw_chance(struct draw *draw, uint32_t percent)
{
        return draw_below(draw, 100) < percent;
}

/* draw_near() - around @middle, most within @spread: the mean of three draws */
static inline int draw_near(struct draw *draw, int middle, int spread)
{
        int sum = 0;

        for (int i = 0; i < 3; i++)
                sum += draw_between(draw, -2 * spread, 2 * spread);
        return middle + sum / 3;
}

#endif
