/*
 * Open addressing with linear probing, at most half full; a party that has left is taken out by moving back those that were put behind it.
 * The hash has a random key, so that nobody can choose addresses that all fall into one place.
 */
#include "store/crowd.h"

#include "common/crypto.h"
#include "common/error.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>

struct slot {
        struct crowd_key key;
        unsigned count; /* 0: unused */
};

struct crowd {
        pthread_mutex_t lock;
        uint64_t seed;
        size_t party_max, party_count, mask;
        struct slot *slots;
};

int crowd_new(size_t party_max, struct crowd **ret)
{
        CLEANUP(crowd_freep) struct crowd *crowd = calloc(1, sizeof(*crowd));
        size_t size = 16;

        if (!crowd)
                return FAIL(PANNIER_E_MEMORY, "crowd");
        (void)pthread_mutex_init(&crowd->lock, NULL);
        while (size < 2 * party_max)
                size *= 2;
        crowd->party_max = party_max;
        crowd->mask = size - 1;
        crowd->slots = calloc(size, sizeof(*crowd->slots));
        if (!crowd->slots)
                return FAIL(PANNIER_E_MEMORY, "crowd");
        crypto_random(&crowd->seed, sizeof(crowd->seed));
        *ret = TAKE(crowd);
        return 0;
}

struct crowd *crowd_free(struct crowd *crowd)
{
        if (!crowd)
                return NULL;
        (void)pthread_mutex_destroy(&crowd->lock);
        free(crowd->slots);
        free(crowd);
        return NULL;
}

/* The finalizer of MurmurHash3 (public domain, Austin Appleby). */
static uint64_t mix(uint64_t value)
{
        value = (value ^ value >> 33) * UINT64_C(0xff51afd7ed558ccd);
        value = (value ^ value >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
        return value ^ value >> 33;
}

static size_t home_of(const struct crowd *crowd, const struct crowd_key *key)
{
        uint64_t words[2];

        memcpy(words, key->bytes, sizeof(words));
        return (size_t)mix(mix(words[0] ^ crowd->seed) ^ words[1]) & crowd->mask;
}

/* Where the key is, or where it would go. */
static size_t place_of(const struct crowd *crowd, const struct crowd_key *key)
{
        size_t at = home_of(crowd, key);

        while (crowd->slots[at].count && memcmp(&crowd->slots[at].key, key, sizeof(*key)) != 0)
                at = (at + 1) & crowd->mask;
        return at;
}

/* Close the gap at @at: whoever could not have its home because of it moves up. */
static void take_out(struct crowd *crowd, size_t at)
{
        size_t next = at;

        crowd->party_count--;
        for (;;) {
                size_t home;

                next = (next + 1) & crowd->mask;
                if (!crowd->slots[next].count)
                        break;
                home = home_of(crowd, &crowd->slots[next].key);
                if (((next - home) & crowd->mask) < ((next - at) & crowd->mask))
                        continue; /* its home lies behind the gap */
                crowd->slots[at] = crowd->slots[next];
                at = next;
        }
        crowd->slots[at] = (struct slot){0};
}

bool crowd_enter(struct crowd *crowd, const struct crowd_key *key, unsigned max)
{
        struct slot *slot;
        bool entered;

        (void)pthread_mutex_lock(&crowd->lock);
        slot = &crowd->slots[place_of(crowd, key)];
        entered = slot->count < max && (slot->count || crowd->party_count < crowd->party_max);
        if (entered && !slot->count) {
                slot->key = *key;
                crowd->party_count++;
        }
        slot->count += entered;
        (void)pthread_mutex_unlock(&crowd->lock);
        return entered;
}

void crowd_leave(struct crowd *crowd, const struct crowd_key *key)
{
        size_t at;

        (void)pthread_mutex_lock(&crowd->lock);
        at = place_of(crowd, key);
        if (crowd->slots[at].count && --crowd->slots[at].count == 0)
                take_out(crowd, at);
        (void)pthread_mutex_unlock(&crowd->lock);
}

unsigned crowd_count(struct crowd *crowd, const struct crowd_key *key)
{
        unsigned count;

        (void)pthread_mutex_lock(&crowd->lock);
        count = crowd->slots[place_of(crowd, key)].count;
        (void)pthread_mutex_unlock(&crowd->lock);
        return count;
}

struct crowd_key crowd_key_of_address(const char *address)
{
        static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
        struct crowd_key key = {0};
        uint8_t bytes[16];

        if (inet_pton(AF_INET, address, bytes) == 1) {
                key.bytes[8] = 4;
                memcpy(key.bytes + 12, bytes, 4);
        } else if (inet_pton(AF_INET6, address, bytes) == 1) {
                bool is_mapped = memcmp(bytes, mapped, sizeof(mapped)) == 0;

                key.bytes[8] = is_mapped ? 4 : 6;
                if (is_mapped)
                        memcpy(key.bytes + 12, bytes + 12, 4);
                else
                        memcpy(key.bytes, bytes, 8);
        }
        return key;
}
