/*
 * What the link may carry today, as the engine keeps it: the budget lies in outbox.db, since the replica may be built anew on the
 * very day on which that costs most. It is written when a twentieth of it was spent since, not at each exchange.
 */
#include "daemon/engine_internal.h"

static const int64_t day_ms = INT64_C(24) * 60 * 60 * 1000;

int engine_budget_load(struct engine *engine, const struct engine_now *now)
{
        CLEANUP(buffer_deinit) struct buffer kept = BUFFER_INIT;
        int r = outbox_meta_get(engine->outbox, OUTBOX_META_BUDGET, &kept);

        if (r > 0 && budget_decode(&engine->budget, buffer_view(&kept)) < 0)
                error_clear(); /* of another version: a budget is no reason not to start */
        /* not at midnight: a whole town would come at once */
        engine->resume_jitter_ms = engine_random(engine) % RESUME_JITTER_MS;
        engine_budget_apply(engine, now);
        return r < 0 ? r : 0;
}

void engine_budget_apply(struct engine *engine, const struct engine_now *now)
{
        enum budget_level level =
                BUDGET_ALL; /* a device that has nobody yet is of no use to anybody */
        int64_t resume_ms;

        budget_turn(&engine->budget, engine_day(engine, now));
        resume_ms = (engine->budget.day + 1) * day_ms + engine->resume_jitter_ms -
                    engine_floor(engine, now);
        if (replica_fact(engine->replica, FACT_COMPLETE_MS) > 0)
                level = budget_level(&engine->budget, engine->link.kind, engine->link.metered);
        schedule_level(&engine->schedule, level, now->boot_ms + resume_ms);
}

void engine_budget_keep(struct engine *engine)
{
        CLEANUP(buffer_deinit) struct buffer kept = BUFFER_INIT;

        if (!budget_unkept(&engine->budget, engine->link.kind, engine->link.metered))
                return;
        budget_encode(&engine->budget, &kept);
        if (buffer_check(&kept) < 0 ||
            outbox_meta_put(engine->outbox, OUTBOX_META_BUDGET, buffer_view(&kept)) < 0)
                error_clear(); /* what cannot be written here fails louder where it is somebody's work */
}

void engine_set_budgets(struct engine *engine, const struct engine_now *now,
                        const uint64_t day_bytes[LINK_KIND_COUNT])
{
        memcpy(engine->budget.own_bytes, day_bytes, sizeof(engine->budget.own_bytes));
        engine_budget_apply(engine, now);
}

void engine_link_spent(struct engine *engine, const struct engine_now *now, uint64_t bytes)
{
        budget_turn(&engine->budget, engine_day(engine, now));
        budget_spend(&engine->budget, engine->link.kind, bytes);
        engine_budget_apply(engine, now);
        engine_budget_keep(engine);
}

void engine_link_changed(struct engine *engine, const struct engine_now *now,
                         const struct engine_link *link)
{
        engine->link = *link;
        schedule_link(&engine->schedule, now->boot_ms, link->up, link->metered,
                      engine_random(engine));
        engine_budget_apply(engine, now);
}

/* ---- what waits ---- */

int engine_waiting(struct engine *engine, uint64_t ret_first[LANE_COUNT])
{
        int r = 0;

        for (uint8_t lane = 0; lane < LANE_COUNT && r >= 0; lane++)
                r = outbox_first_waiting(engine->outbox, lane, &ret_first[lane]);
        return r;
}

void engine_note_waiting(struct engine *engine, uint64_t ret_first[LANE_COUNT])
{
        if (engine_waiting(engine, ret_first) < 0) {
                error_clear(); /* then it is asked for as if there were work */
                memset(ret_first, 0, LANE_COUNT * sizeof(*ret_first));
                schedule_waiting(&engine->schedule, true, true);
                return;
        }
        schedule_waiting(&engine->schedule, ret_first[LANE_ROUTINE] != 0,
                         ret_first[LANE_URGENT] != 0);
}

void engine_link_status(const struct engine *engine, const struct engine_now *now,
                        struct engine_link_status *ret)
{
        const struct schedule *schedule = &engine->schedule;
        int64_t patience_ms = schedule_patience_ms(schedule);

        *ret = (struct engine_link_status){
                .link = engine->link,
                .limit_bytes =
                        budget_limit(&engine->budget, engine->link.kind, engine->link.metered),
                .spent_bytes = engine->budget.spent[engine->link.kind],
                .level = schedule->level,
                .news_waits = engine->news_waits,
                .progress = progress_state(&engine->progress),
        };
        if (schedule->level != BUDGET_ALL)
                ret->resume_ms = now->wall_ms + (schedule->resume_ms - now->boot_ms);
        if (patience_ms > now->boot_ms)
                ret->patience_ms = now->wall_ms + (patience_ms - now->boot_ms);
}
