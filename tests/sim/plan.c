#include "tests/sim/plan.h"

#include "tests/sim/world.h"

static const struct {
        const char *name;
        uint32_t weight;
        enum step_class class;
} steps[STEP_KIND_COUNT] = {
#define PLAN_STEP(symbol, name, weight, class) {name, weight, class},
        PLAN_STEPS(PLAN_STEP)
#undef PLAN_STEP
};

const char *step_name(enum step_kind kind)
{
        return steps[kind].name;
}

enum step_class step_class(enum step_kind kind)
{
        return steps[kind].class;
}

const char *step_class_name(enum step_class class)
{
        static const char *const names[STEP_CLASS_COUNT] = {
                [CLASS_WORK] = "work",       [CLASS_OPERATOR] = "operator",
                [CLASS_NETWORK] = "network", [CLASS_REPLAY] = "replay",
                [CLASS_POWER] = "power",     [CLASS_STORE] = "store",
                [CLASS_DISK] = "disk",       [CLASS_CLOCK] = "clock",
                [CLASS_IMAGE] = "image",     [CLASS_HOSTILE] = "hostile"};

        return names[class];
}

static enum step_kind draw_kind(struct random *random, uint32_t off)
{
        uint32_t sum = 0, at;
        size_t kind = 0;

        for (size_t i = 0; i < STEP_KIND_COUNT; i++)
                if (!(off >> steps[i].class & 1))
                        sum += steps[i].weight;
        at = (uint32_t)random_below(random, sum);
        for (;; kind++) {
                if (off >> steps[kind].class & 1)
                        continue;
                if (at < steps[kind].weight)
                        return (enum step_kind)kind;
                at -= steps[kind].weight;
        }
}

/* Mostly seconds, so that things meet; now and then a shift, a night, a long weekend. */
static int64_t draw_gap(struct random *random)
{
        switch (random_below(random, 40)) {
        case 0:
                return random_range(random, 600000, 7200000);
        case 1:
                return random_chance(random, 200) ? random_range(random, 28800000, 259200000)
                                                  : random_range(random, 60000, 600000);
        case 2:
        case 3:
        case 4:
        case 5:
        case 6:
        case 7:
                return random_range(random, 5000, 60000);
        default:
                return random_range(random, 0, 3000);
        }
}

enum { BUSY_STEPS = 8 };

void plan_draw(uint64_t seed, struct plan *ret)
{
        struct random random;
        uint32_t off = 0;
        int busy = 0;

        random_init(&random, seed, 1);
        *ret = (struct plan){.devices = 1 + random_below(&random, DEVICES)};
        ret->synced = (uint8_t)(random_next(&random) | random_next(&random));
        ret->count = (size_t)random_range(&random, 8, 70);
        /* a history with everything in it hides what one with little in it shows: classes are left out at random */
        for (size_t class = CLASS_OPERATOR; class < STEP_CLASS_COUNT; class ++)
                if (random_chance(&random, 350))
                        off |= 1U << class;
        for (size_t i = 0; i < ret->count; i++) {
                ret->steps[i] = (struct step){
                        .after_ms = draw_gap(&random),
                        .kind = draw_kind(&random, off),
                        .device = random_below(&random, ret->devices),
                        .draw = random_next(&random),
                };
                /* while a store is brought back people go on, and what they see is of a history that is gone */
                if (busy > 0 && random_chance(&random, 600))
                        ret->steps[i].kind = STEP_EDIT;
                busy = ret->steps[i].kind == STEP_STORE_BACK ? BUSY_STEPS : busy - (busy > 0);
        }
}

void plan_without(struct plan *plan, uint32_t classes)
{
        size_t count = 0;

        for (size_t i = 0; i < plan->count; i++)
                if (!(classes >> steps[plan->steps[i].kind].class & 1))
                        plan->steps[count++] = plan->steps[i];
        plan->count = count;
}

bool plan_has(const struct plan *plan, enum step_kind kind)
{
        for (size_t i = 0; i < plan->count; i++)
                if (plan->steps[i].kind == kind)
                        return true;
        return false;
}
