/* One history for people: told from its beginning, or first made as small as it still fails. */
#include "tests/sim/command.h"

#include "tests/sim/scenario.h"
#include "tests/sim/world.h"

#include <string.h>
#include <sysexits.h>

/* "3,17,44": the places of the steps that stay */
static bool is_kept(const char *only, size_t place)
{
        while (only && *only) {
                char *end;

                if (strtoull(only, &end, 10) == place)
                        return true;
                only = *end == ',' ? end + 1 : "";
        }
        return false;
}

static void keep_only(struct plan *plan, const char *only)
{
        int64_t gap_ms = 0;
        size_t count = 0;

        for (size_t i = 0; i < plan->count; i++) {
                struct step step = plan->steps[i];

                gap_ms += step.after_ms;
                if (!is_kept(only, i))
                        continue;
                step.after_ms = gap_ms;
                gap_ms = 0;
                plan->steps[count++] = step;
        }
        plan->count = count;
}

static void shrink(const struct command *command, const struct sim_request *request,
                   struct plan *plan)
{
        size_t kept[PLAN_STEPS_MAX], before = plan->count;

        run_shrink(request, plan, kept);
        (void)printf("%zu of %zu steps: pannier-sim --replay %llu", plan->count, before,
                     (unsigned long long)command->run.from);
        if (command->run.plant != PLANT_NONE)
                (void)printf(" --plant %s", sim_plant_name(command->run.plant));
        for (size_t i = 0; i < plan->count; i++)
                (void)printf("%s%zu", i ? "," : " --only ", kept[i]);
        (void)printf("\n");
}

int command_replay(const struct command *command)
{
        struct sim_request request = {
                .seed = command->run.from, .plant = command->run.plant, .deep = command->run.deep};
        struct sim_result result;
        struct plan plan;

        if (!command->scenario) {
                plan_draw(request.seed, &plan);
        } else if (!scenario_plan(command->scenario, request.seed, &plan)) {
                (void)fprintf(stderr, "pannier-sim: no such scenario: %s\n", command->scenario);
                return EX_USAGE;
        }
        plan_without(&plan, command->without);
        if (command->only)
                keep_only(&plan, command->only);
        if (command->shrink)
                shrink(command, &request, &plan);
        request.plan = &plan;
        request.story = stdout;
        run_one(&request, &result);
        (void)printf("hash %016llx, %llu events, %llu entries, %llu round trips\n",
                     (unsigned long long)result.hash, (unsigned long long)result.events,
                     (unsigned long long)result.entries, (unsigned long long)result.round_trips);
        (void)printf("seeds 1, violations %d, planted bugs found %d of %d\n",
                     result.violated && command->run.plant == PLANT_NONE,
                     result.violated && command->run.plant != PLANT_NONE,
                     command->run.plant != PLANT_NONE);
        return result.violated != (command->run.plant != PLANT_NONE);
}
