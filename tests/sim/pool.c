#include "tests/sim/pool.h"

#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
        STEP = 16,
        SMALL_MAX = 8192, /* what is larger comes from malloc() */
        CLASSES = SMALL_MAX / STEP + 1,
        CHUNK = 1 << 18,
};

union piece { /* in front of what SQLite gets: its size, in a place that keeps alignment */
        size_t size;
        union piece *next; /* while it is free */
        _Alignas(16) char alignment[16];
};

static union piece *unused[CLASSES];
static char *chunk;
static size_t chunk_left;

static int round_up(int size)
{
        return (size + STEP - 1) / STEP * STEP;
}

static union piece *cut(size_t size)
{
        union piece *piece;

        size += sizeof(*piece);
        if (chunk_left < size) { /* the rest is given up: it is less than one piece */
                chunk = malloc(CHUNK);
                chunk_left = chunk ? CHUNK : 0;
                if (!chunk)
                        return NULL;
        }
        piece = (union piece *)(void *)chunk;
        chunk += size;
        chunk_left -= size;
        return piece;
}

static void *take(int size)
{
        size_t rounded = (size_t)round_up(size), class = rounded / STEP;
        union piece *piece;

        if (rounded > SMALL_MAX) {
                piece = malloc(sizeof(*piece) + rounded);
        } else if (unused[class]) {
                piece = unused[class];
                unused[class] = piece->next;
        } else {
                piece = cut(rounded);
        }
        if (!piece)
                return NULL;
        piece->size = rounded;
        return piece + 1;
}

static void give(void *memory)
{
        union piece *piece = (union piece *)memory - 1;
        size_t class = piece->size / STEP;

        if (piece->size > SMALL_MAX) {
                free(piece);
                return;
        }
        piece->next = unused[class];
        unused[class] = piece;
}

static int size_of(void *memory)
{
        return (int)((union piece *)memory - 1)->size;
}

static void *change(void *memory, int size)
{
        void *larger;

        if (size <= size_of(memory))
                return memory;
        larger = take(size);
        if (!larger)
                return NULL;
        memcpy(larger, memory, (size_t)size_of(memory));
        give(memory);
        return larger;
}

static int begin(void *context)
{
        (void)context;
        return SQLITE_OK;
}

static void end(void *context)
{
        (void)context;
}

void pool_install(void)
{
        static const sqlite3_mem_methods methods = {
                .xMalloc = take,
                .xFree = give,
                .xRealloc = change,
                .xSize = size_of,
                .xRoundup = round_up,
                .xInit = begin,
                .xShutdown = end,
        };

        if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
                abort();
}
