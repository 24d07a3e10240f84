/* Planted bugs: each is to be found, first with the seeds that are known to find it, then with fresh ones. */
#include "tests/sim/command.h"

#include "tests/sim/world.h"

#include <string.h>

enum { KNOWN_MAX = 8 };

struct hunt {
        const struct command *command;
        enum sim_plant plant;
        uint64_t tried;
        bool found;
};

/* Lines: a plant's name, a blank, a seed. */
static size_t known_seeds(const char *path, enum sim_plant plant, uint64_t ret[KNOWN_MAX])
{
        FILE *file = path ? fopen(path, "re") : NULL;
        char line[128];
        size_t count = 0;

        while (file && fgets(line, sizeof(line), file) && count < KNOWN_MAX) {
                char *blank = strchr(line, ' ');

                if (!blank)
                        continue;
                *blank = '\0';
                if (strcmp(line, sim_plant_name(plant)) == 0)
                        ret[count++] = strtoull(blank + 1, NULL, 10);
        }
        if (file)
                (void)fclose(file);
        return count;
}

static bool note(void *context, const struct sim_result *result)
{
        struct hunt *hunt = context;

        hunt->tried++;
        if (!result->violated)
                return false;
        hunt->found = true;
        (void)printf("%s: found by seed %llu after %llu: %s\n", sim_plant_name(hunt->plant),
                     (unsigned long long)result->seed, (unsigned long long)hunt->tried,
                     result->violation);
        return true;
}

static int hunt_one(struct hunt *hunt)
{
        uint64_t known[KNOWN_MAX];
        struct run_many run = hunt->command->run;
        size_t count = known_seeds(hunt->command->known, hunt->plant, known);
        int64_t r = 0;

        run.plant = hunt->plant;
        if (count > 0) {
                struct run_many first = run;

                first.seeds = known;
                first.count = count;
                r = run_many(&first, note, hunt);
        }
        /* with known seeds, fresh ones are looked for only where somebody asked for them */
        if (r >= 0 && !hunt->found && (count == 0 || hunt->command->seeds_given))
                r = run_many(&run, note, hunt);
        if (r >= 0 && !hunt->found)
                (void)printf("%s: not found by %llu seeds\n", sim_plant_name(hunt->plant),
                             (unsigned long long)hunt->tried);
        return r < 0 ? (int)r : hunt->found;
}

int command_plants(const struct command *command, size_t *ret_looked_for)
{
        int found = 0;

        *ret_looked_for = 0;
        for (enum sim_plant plant = PLANT_NONE + 1; plant < PLANT_COUNT; plant++) {
                struct hunt hunt = {.command = command, .plant = plant};
                int r;

                if (!command->all_plants && plant != command->run.plant)
                        continue;
                r = hunt_one(&hunt);
                if (r < 0)
                        return r;
                ++*ret_looked_for;
                found += r;
        }
        return found;
}
