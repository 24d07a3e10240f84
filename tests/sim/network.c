#include "tests/sim/network.h"

enum { TIMEOUT_MS = 30000, NOBODY = 0 /* number of an exchange that no device waits for */ };

void network_well(struct link *link)
{
        *link = (struct link){.delay_ms = 20, .spread_ms = 30};
}

static bool chance(struct world *world, uint32_t of_thousand)
{
        return of_thousand > 0 && random_chance(&world->network_random, of_thousand);
}

static int64_t delay(struct world *world, const struct link *link)
{
        return link->delay_ms + random_range(&world->network_random, 0, link->spread_ms);
}

static void send(struct world *world, enum event_kind kind, size_t device, uint64_t exchange,
                 struct bytes body)
{
        struct event event = {
                .at_ms = world->now_ms + delay(world, &world->devices[device].link),
                .kind = kind,
                .device = device,
                .number = exchange,
        };

        buffer_append(&event.message, body);
        queue_put(&world->queue, &event);
}

static void fail(struct world *world, size_t device, uint64_t exchange,
                 enum exchange_failure failure, int64_t after_ms)
{
        if (exchange == NOBODY)
                return;
        queue_put(&world->queue, &(struct event){.at_ms = world->now_ms + after_ms,
                                                 .kind = EVENT_FAILURE,
                                                 .device = device,
                                                 .number = exchange,
                                                 .detail = failure});
}

static void keep_for_replay(struct device *device, struct bytes body)
{
        struct buffer *kept = &device->replay[device->replay_count++ % REPLAY_MAX];

        buffer_reset(kept);
        buffer_append(kept, body);
}

void network_request(struct world *world, struct device *device, struct bytes body)
{
        const struct link *link = &device->link;

        keep_for_replay(device, body);
        queue_put(&world->queue, &(struct event){.at_ms = world->now_ms + TIMEOUT_MS,
                                                 .kind = EVENT_TIMEOUT,
                                                 .device = device->number,
                                                 .number = device->exchange});
        if (link->portal) {
                fail(world, device->number, device->exchange, EXCHANGE_CAPTIVE_PORTAL, 50);
                return;
        }
        if (link->down_up || chance(world, link->loss))
                return;
        if (chance(world,
                   link->cut)) { /* half of a body is no request: the store never hears of it */
                fail(world, device->number, device->exchange, EXCHANGE_OFFLINE, delay(world, link));
                return;
        }
        send(world, EVENT_REQUEST, device->number, device->exchange, body);
        if (chance(world, link->duplicate))
                send(world, EVENT_REQUEST, device->number, NOBODY, body);
}

void network_replay(struct world *world, struct device *device, uint64_t which)
{
        size_t count = device->replay_count < REPLAY_MAX ? device->replay_count : REPLAY_MAX;

        if (count > 0)
                send(world, EVENT_REQUEST, device->number, NOBODY,
                     buffer_view(&device->replay[which % count]));
}

void network_strange(struct world *world, struct device *device, struct bytes body)
{
        send(world, EVENT_REQUEST, device->number, NOBODY, body);
}

void network_answer(struct world *world, size_t number, uint64_t exchange, struct bytes body)
{
        const struct link *link = &world->devices[number].link;

        if (exchange == NOBODY || link->down_down || chance(world, link->loss))
                return;
        if (chance(world, link->cut)) {
                /* the client sees a body that is shorter than announced, or a proxy has hidden that */
                if (chance(world, 500))
                        fail(world, number, exchange, EXCHANGE_OFFLINE, delay(world, link));
                else
                        send(world, EVENT_ANSWER, number, exchange,
                             BYTES(body.data, random_below(&world->network_random, body.size)));
                return;
        }
        send(world, EVENT_ANSWER, number, exchange, body);
}

void network_failure(struct world *world, size_t number, uint64_t exchange,
                     enum exchange_failure failure)
{
        const struct link *link = &world->devices[number].link;

        if (!link->down_down && !chance(world, link->loss))
                fail(world, number, exchange, failure, delay(world, link));
}

void network_broken(struct world *world, size_t number, uint64_t exchange)
{
        fail(world, number, exchange, EXCHANGE_OFFLINE, 100);
}
