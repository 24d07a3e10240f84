/*
 * How many of something each party has at once: connections of a device, of an address. A table of fixed size, safe from any
 * thread. It knows nothing of time: whoever enters leaves.
 */
#ifndef STORE_CROWD_H
#define STORE_CROWD_H

#include "common/id.h"

struct crowd;

struct crowd_key { /* a device's id, or network_key() of an address */
        uint8_t bytes[sizeof(struct uuid)];
};

/* crowd_new() - @party_max: parties that are counted at once */
int crowd_new(size_t party_max, struct crowd **ret);
struct crowd *crowd_free(struct crowd *crowd);
DEFINE_FREEP(crowd)

/* crowd_enter() - one more of @key, unless it has @max already, or there are too many parties; false: it was not counted */
bool crowd_enter(struct crowd *crowd, const struct crowd_key *key, unsigned max);

/* crowd_leave() - once for each crowd_enter() that was true */
void crowd_leave(struct crowd *crowd, const struct crowd_key *key);

/* crowd_count() - how many it has now */
unsigned crowd_count(struct crowd *crowd, const struct crowd_key *key);

/* crowd_key_of_address() - a network: an IPv4 address, the /64 of an IPv6 address; anything else is one party */
struct crowd_key crowd_key_of_address(const char *address);

#endif
