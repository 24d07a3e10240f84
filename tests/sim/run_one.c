#include "tests/sim/run.h"

#include "tests/sim/check.h"
#include "tests/sim/world.h"

#include <string.h>

void run_one(const struct sim_request *request, struct sim_result *ret)
{
        const struct sim_settings settings = {.seed = request->seed,
                                              .plan = request->plan,
                                              .story = request->story,
                                              .deep = request->deep};
        struct world *world;

        (void)template_get(); /* made without a bug in it */
        sim_plant_switch(request->plant);
        world = sim_alloc(sizeof(*world));
        world_init(world, &settings);
        world_run(world);
        if (world->violated && request->story)
                check_tell(world);
        *ret = (struct sim_result){
                .seed = request->seed,
                .hash = world->story.hash,
                .events = world->events,
                .round_trips = world->round_trips,
                .entries = world->ledger.count,
                .violated = world->violated,
        };
        memcpy(ret->violation, world->violation, sizeof(ret->violation));
        world_deinit(world);
        free(world);
        sim_plant_switch(PLANT_NONE);
}

/* ---- shrinking ---- */

struct shrinking {
        struct sim_request request;
        struct plan plan;
        size_t kept[PLAN_STEPS_MAX]; /* places in the first plan */
};

static bool still_fails(const struct shrinking *shrinking)
{
        struct sim_request request = shrinking->request;
        struct sim_result result;

        request.plan = &shrinking->plan;
        request.story = NULL;
        run_one(&request, &result);
        return result.violated;
}

/* Without some steps; @off says which. Stays only where it still fails. */
static bool try_without(struct shrinking *shrinking, const bool *off)
{
        struct shrinking *smaller = sim_alloc(sizeof(*smaller));
        int64_t gap_ms = 0;
        bool fails;

        smaller->request = shrinking->request;
        smaller->plan.devices = shrinking->plan.devices;
        smaller->plan.synced = shrinking->plan.synced;
        for (size_t i = 0; i < shrinking->plan.count; i++) {
                struct step step = shrinking->plan.steps[i];

                gap_ms += step.after_ms; /* what stays, stays at its time */
                if (off[i])
                        continue;
                step.after_ms = gap_ms;
                gap_ms = 0;
                smaller->kept[smaller->plan.count] = shrinking->kept[i];
                smaller->plan.steps[smaller->plan.count++] = step;
        }
        fails = smaller->plan.count < shrinking->plan.count && still_fails(smaller);
        if (fails)
                *shrinking = *smaller;
        free(smaller);
        return fails;
}

static void without_classes(struct shrinking *shrinking)
{
        for (size_t class = 0; class < STEP_CLASS_COUNT; class ++) {
                bool off[PLAN_STEPS_MAX];

                for (size_t i = 0; i < shrinking->plan.count; i++)
                        off[i] = step_class(shrinking->plan.steps[i].kind) ==
                                 (enum step_class) class;
                (void)try_without(shrinking, off);
        }
}

static void without_pieces(struct shrinking *shrinking)
{
        for (size_t piece = PLAN_STEPS_MAX / 2; piece > 0; piece /= 2) {
                size_t end = shrinking->plan.count;

                while (end > 0) { /* from the end: what comes last did the least */
                        size_t first = end > piece ? end - piece : 0;
                        bool off[PLAN_STEPS_MAX];

                        for (size_t i = 0; i < shrinking->plan.count; i++)
                                off[i] = i >= first && i < end;
                        (void)try_without(shrinking, off);
                        end = first;
                }
        }
}

void run_shrink(const struct sim_request *request, struct plan *plan, size_t *ret_kept)
{
        struct shrinking *shrinking = sim_alloc(sizeof(*shrinking));

        shrinking->request = *request;
        shrinking->plan = *plan;
        for (size_t i = 0; i < plan->count; i++)
                shrinking->kept[i] = i;
        if (still_fails(shrinking)) {
                without_classes(shrinking);
                without_pieces(shrinking);
        }
        *plan = shrinking->plan;
        memcpy(ret_kept, shrinking->kept, plan->count * sizeof(*ret_kept));
        free(shrinking);
}
