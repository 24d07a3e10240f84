#include "store/waiters.h"

#include "common/error.h"

#include <pthread.h>

struct waiters {
        pthread_mutex_t lock;
        struct waiter_list list; /* newest first */
        size_t count;
        uint64_t last_serial;
};

struct waiter *waiter_free(struct waiter *waiter)
{
        if (!waiter)
                return NULL;
        free(waiter->keys);
        free(waiter);
        return NULL;
}

int waiters_new(struct waiters **ret)
{
        struct waiters *waiters = calloc(1, sizeof(*waiters));

        if (!waiters)
                return FAIL(PANNIER_E_MEMORY, "waiters");
        (void)pthread_mutex_init(&waiters->lock, NULL);
        TAILQ_INIT(&waiters->list);
        *ret = waiters;
        return 0;
}

struct waiters *waiters_free(struct waiters *waiters)
{
        if (!waiters)
                return NULL;
        (void)pthread_mutex_destroy(&waiters->lock);
        free(waiters);
        return NULL;
}

static void hand_out(struct waiters *waiters, struct waiter *waiter, struct waiter_list *out)
{
        TAILQ_REMOVE(&waiters->list, waiter, link);
        waiters->count--;
        TAILQ_INSERT_TAIL(out, waiter, link);
}

/* Two ascending lists: do they share a key? */
static bool meets(const struct waiter *waiter, const uint64_t *keys, size_t count)
{
        size_t i = 0, j = 0;

        while (i < waiter->key_count && j < count) {
                if (waiter->keys[i] == keys[j])
                        return true;
                if (waiter->keys[i] < keys[j])
                        i++;
                else
                        j++;
        }
        return false;
}

struct choice {
        bool (*chosen)(const struct waiter *waiter, const struct choice *choice);
        const struct uuid *device;
        uint64_t serial;
        const uint64_t *keys;
        size_t key_count;
        int64_t now_ms;
        const void *call;
};

static void take_chosen(struct waiters *waiters, const struct choice *choice,
                        struct waiter_list *out)
{
        struct waiter *waiter = TAILQ_FIRST(&waiters->list);

        while (waiter) {
                struct waiter *next = TAILQ_NEXT(waiter, link);

                if (choice->chosen(waiter, choice))
                        hand_out(waiters, waiter, out);
                waiter = next;
        }
}

static void take(struct waiters *waiters, const struct choice *choice, struct waiter_list *out)
{
        (void)pthread_mutex_lock(&waiters->lock);
        take_chosen(waiters, choice, out);
        (void)pthread_mutex_unlock(&waiters->lock);
}

static bool of_device(const struct waiter *waiter, const struct choice *choice)
{
        return uuid_equal(&waiter->device, choice->device);
}

static bool of_serial(const struct waiter *waiter, const struct choice *choice)
{
        return waiter->serial == choice->serial;
}

static bool of_call(const struct waiter *waiter, const struct choice *choice)
{
        return waiter->call == choice->call;
}

static bool of_feeds(const struct waiter *waiter, const struct choice *choice)
{
        return meets(waiter, choice->keys, choice->key_count);
}

static bool is_over(const struct waiter *waiter, const struct choice *choice)
{
        return waiter->until_ms <= choice->now_ms;
}

static bool any(const struct waiter *waiter, const struct choice *choice)
{
        (void)waiter, (void)choice;
        return true;
}

void waiters_add(struct waiters *waiters, struct waiter *waiter, uint64_t *ret_serial,
                 struct waiter_list *out)
{
        const struct choice same = {.chosen = of_device, .device = &waiter->device};

        (void)pthread_mutex_lock(&waiters->lock);
        take_chosen(waiters, &same, out);
        *ret_serial = waiter->serial = ++waiters->last_serial;
        TAILQ_INSERT_HEAD(&waiters->list, waiter, link);
        waiters->count++;
        (void)pthread_mutex_unlock(&waiters->lock);
}

void waiters_take(struct waiters *waiters, uint64_t serial, struct waiter_list *out)
{
        const struct choice choice = {.chosen = of_serial, .serial = serial};

        take(waiters, &choice, out);
}

void waiters_take_call(struct waiters *waiters, const void *call, struct waiter_list *out)
{
        const struct choice choice = {.chosen = of_call, .call = call};

        take(waiters, &choice, out);
}

void waiters_touched(struct waiters *waiters, const uint64_t *keys, size_t count,
                     struct waiter_list *out)
{
        const struct choice choice = {.chosen = of_feeds, .keys = keys, .key_count = count};

        take(waiters, &choice, out);
}

void waiters_expired(struct waiters *waiters, int64_t now_ms, struct waiter_list *out)
{
        const struct choice choice = {.chosen = is_over, .now_ms = now_ms};

        take(waiters, &choice, out);
}

void waiters_all(struct waiters *waiters, struct waiter_list *out)
{
        const struct choice choice = {.chosen = any};

        take(waiters, &choice, out);
}

void waiters_each(struct waiters *waiters,
                  void (*visit)(void *context, const struct waiter *waiter), void *context)
{
        const struct waiter *waiter;

        (void)pthread_mutex_lock(&waiters->lock);
        TAILQ_FOREACH(waiter, &waiters->list, link)
        visit(context, waiter);
        (void)pthread_mutex_unlock(&waiters->lock);
}

size_t waiters_count(struct waiters *waiters)
{
        size_t count;

        (void)pthread_mutex_lock(&waiters->lock);
        count = waiters->count;
        (void)pthread_mutex_unlock(&waiters->lock);
        return count;
}
