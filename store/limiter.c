#include "store/limiter.h"

#include "common/error.h"
#include "store/crowd.h"

#include <pthread.h>
#include <string.h>

struct slot {
        struct crowd_key network;
        int64_t debt_ms; /* time until all failures are forgotten, as of `at_ms` */
        int64_t at_ms;   /* 0: unused */
};

struct limiter {
        pthread_mutex_t lock;
        struct limiter_settings settings;
        struct slot *slots;
};

int limiter_new(const struct limiter_settings *settings, struct limiter **ret)
{
        CLEANUP(limiter_freep) struct limiter *limiter = calloc(1, sizeof(*limiter));

        if (!limiter)
                return FAIL(PANNIER_E_MEMORY, "limiter");
        (void)pthread_mutex_init(&limiter->lock, NULL);
        limiter->settings = *settings;
        limiter->slots = calloc(settings->address_count, sizeof(*limiter->slots));
        if (!limiter->slots)
                return FAIL(PANNIER_E_MEMORY, "limiter");
        *ret = TAKE(limiter);
        return 0;
}

struct limiter *limiter_free(struct limiter *limiter)
{
        if (!limiter)
                return NULL;
        (void)pthread_mutex_destroy(&limiter->lock);
        free(limiter->slots);
        free(limiter);
        return NULL;
}

/* The network's slot, or NULL; @ret_free is where it would go: an unused one, or the one longest ago. */
static struct slot *find(struct limiter *limiter, const struct crowd_key *network,
                         struct slot **ret_free)
{
        struct slot *oldest = &limiter->slots[0];

        for (size_t i = 0; i < limiter->settings.address_count; i++) {
                struct slot *slot = &limiter->slots[i];

                if (slot->at_ms && memcmp(&slot->network, network, sizeof(*network)) == 0)
                        return slot;
                if (slot->at_ms < oldest->at_ms)
                        oldest = slot;
        }
        *ret_free = oldest;
        return NULL;
}

static int64_t debt_now(const struct slot *slot, int64_t now_ms)
{
        int64_t debt_ms = slot->debt_ms - (now_ms - slot->at_ms);

        return debt_ms > 0 ? debt_ms : 0;
}

int64_t limiter_wait_ms(struct limiter *limiter, const char *address, int64_t now_ms)
{
        const struct crowd_key network = crowd_key_of_address(address);
        const int64_t allowed_ms =
                (int64_t)(limiter->settings.burst - 1) * limiter->settings.recover_ms;
        struct slot *unused, *slot;
        int64_t wait_ms = 0;

        (void)pthread_mutex_lock(&limiter->lock);
        slot = find(limiter, &network, &unused);
        if (slot)
                wait_ms = debt_now(slot, now_ms) - allowed_ms;
        (void)pthread_mutex_unlock(&limiter->lock);
        return wait_ms > 0 ? wait_ms : 0;
}

void limiter_failed(struct limiter *limiter, const char *address, int64_t now_ms)
{
        const struct crowd_key network = crowd_key_of_address(address);
        const int64_t most_ms = (int64_t)limiter->settings.burst * limiter->settings.recover_ms;
        struct slot *unused, *slot;

        (void)pthread_mutex_lock(&limiter->lock);
        slot = find(limiter, &network, &unused);
        if (!slot) {
                slot = unused;
                *slot = (struct slot){.network = network, .at_ms = now_ms};
        }
        slot->debt_ms = debt_now(slot, now_ms) + limiter->settings.recover_ms;
        if (slot->debt_ms > most_ms)
                slot->debt_ms = most_ms;
        slot->at_ms = now_ms;
        (void)pthread_mutex_unlock(&limiter->lock);
}
