/*
 * Which feeds got a row in a commit: noted by standing in front of a connection's table of functions.
 *
 * For the long poll: whoever waits for one of those feeds is woken. Nothing else of the store has to know of it.
 */
#ifndef STORE_WATCH_H
#define STORE_WATCH_H

#include "store/storage.h"

struct watch;

/* One feed and class, as a number: what waiters are compared by. */
static inline uint64_t watch_key(uint64_t feed, enum catalogue_class class)
{
        return feed << 2 | (uint64_t) class;
}

/**
 * watch_new() - stand in front of @storage, which must live until watch_free()
 */
int watch_new(struct storage *storage, struct watch **ret);
struct watch *watch_free(struct watch *watch);
DEFINE_FREEP(watch)

/**
 * watch_take() - the keys of all feeds that got a row since the last call, ascending, each once
 * @ret_unknown: feeds were made that nobody can have been waiting for by number, or memory was short: look at everybody
 * @ret_count:   of what is returned
 *
 * Rows that were rolled back may be among them: a wake too many does no harm.
 *
 * Return: borrowed until the next write on the storage; NULL where there are none
 */
const uint64_t *watch_take(struct watch *watch, size_t *ret_count, bool *ret_unknown);

#endif
