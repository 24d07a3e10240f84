/*
 * What the loop keeps an eye on: which link this is and what it has carried, whether an exchange still gets anywhere, and, for
 * systemd, whether the loop itself turns.
 *
 * An exchange is watched by what it moves, not by its connection: a peer that holds the line and drips bytes, an answer that never
 * comes, applying that does not advance, all end after the same time and are tried anew.
 */
#include "daemon/loop_internal.h"

#include "common/error.h"
#include "common/notify.h"
#include "daemon/loop_kind.h"

#include <stdio.h>

enum { RATE_MIN = 64 }; /* bytes a second: any link that works carries more */

/* ---- the link ---- */

static const enum link_kind kinds[] = {[LOOP_KIND_WIRED] = LINK_WIRED,
                                       [LOOP_KIND_WIFI] = LINK_WIFI,
                                       [LOOP_KIND_MOBILE] = LINK_MOBILE};

struct engine_link loop_link_now(const struct loop *loop)
{
        const struct loop_options *options = &loop->options;
        struct engine_link link = {.up = true};

        link.kind = options->kind == LOOP_KIND_AUTO ? loop_kind("") : kinds[options->kind];
        link.metered = options->metered == LOOP_METERED_AUTO ? link.kind == LINK_MOBILE
                                                             : options->metered == LOOP_METERED_YES;
        return link;
}

void loop_count_link(struct loop *loop)
{
        uint64_t carried = link_carried(loop->link);
        struct engine_now now;

        if (!loop->engine || carried == loop->counted)
                return;
        now = loop_now(loop);
        engine_link_spent(loop->engine, &now, carried - loop->counted);
        loop->counted = carried;
}

/* ---- the exchange ---- */

void loop_watch_exchange(struct loop *loop)
{
        loop->watched_bytes = link_moving(loop->link);
        loop->watched_mark = engine_exchange_mark(loop->engine);
        loop_timer(loop->watch, (int64_t)loop->options.stall_s * 1000);
}

void loop_on_watch(evutil_socket_t fd, short what, void *context)
{
        struct loop *loop = context;
        uint64_t moved;

        (void)fd;
        (void)what;
        if (!loop->engine || loop->phase == LOOP_IDLE)
                return;
        moved = link_moving(loop->link) - loop->watched_bytes;
        if (moved >= (uint64_t)loop->options.stall_s * RATE_MIN ||
            engine_exchange_mark(loop->engine) != loop->watched_mark) {
                loop_watch_exchange(loop);
                return;
        }
        loop_drop_exchange(loop);
        (void)event_del(loop->step);
        (void)snprintf(loop->problem, sizeof(loop->problem),
                       "the exchange got nowhere for %u seconds: it was ended and is tried anew",
                       loop->options.stall_s);
        loop_exchange_failed(loop, EXCHANGE_OFFLINE, 0);
        loop_after_call(loop);
}

/* ---- the loop ---- */

static void on_alive(evutil_socket_t fd, short what, void *context)
{
        struct loop *loop = context;

        (void)fd;
        (void)what;
        (void)notify_send("WATCHDOG=1");
        loop_timer(loop->alive, loop->alive_ms);
}

int loop_watch_new(struct loop *loop)
{
        loop->watch = evtimer_new(loop->base, loop_on_watch, loop);
        loop->alive = evtimer_new(loop->base, on_alive, loop);
        if (!loop->watch || !loop->alive)
                return FAIL(PANNIER_E_MEMORY, "no memory for the loop");
        loop->alive_ms = notify_watchdog_ms();
        if (loop->alive_ms > 0)
                on_alive(-1, 0, loop);
        return 0;
}
