/* What operators and imports do at the store while devices are wherever they are. */
#include "tests/sim/server.h"
#include "tests/sim/work.h"

#include <stdio.h>

static void move_person(struct world *world, struct random *random)
{
        const struct template *template = template_get();
        uint32_t number = (uint32_t)random_below(random, world->person_count);
        size_t team = random_below(random, TEAMS);
        bool in = random_chance(random, 450);
        struct uuid assignment =
                sim_id(ID_ASSIGNMENT, number % TEAMS == team ? number : 1000 + number);
        int r = server_begin(world);

        if (r < 0)
                return;
        r = server_put(world, sim_type("assignment"), &assignment, &world->people[number].id,
                       (struct sim_field[]){{"team", NULL, &template->teams[team], 0},
                                            {"tier", "high_impact", NULL, 0},
                                            {"status", in ? "active" : "ended", NULL, 0}},
                       3);
        story_tell(&world->story, NULL, "person %u is %s team %zu: %s", number,
                   in ? "assigned to" : "taken out of", team + 1, r < 0 ? error_detail() : "done");
        server_end(world, r);
}

static void change_grant(struct world *world, struct device *device, struct random *random)
{
        struct storage *storage = world->server.writer;
        const struct scope scope = {SCOPE_TEAM, template_get()->teams[random_below(random, TEAMS)]};
        bool give = random_chance(random, 550);
        int r;

        if (!world->server.up)
                return;
        r = give ? storage->ops->grant_put(storage, &device->row.id, &scope)
                 : storage->ops->grant_remove(storage, &device->row.id, &scope);
        story_tell(&world->story, NULL, "%s %s a team: %s", device->row.name,
                   give ? "is given" : "loses", r < 0 ? error_detail() : "done");
        if (r < 0)
                server_trouble(world, r);
}

static void import(struct world *world, struct random *random)
{
        const struct sim_record *record;
        char text[48];
        uint32_t number = 0;
        int r;

        if (world->record_count == 0)
                return;
        record = &world->records[random_below(random, world->record_count)];
        if (record->type != sim_type("alert") || server_begin(world) < 0)
                return;
        while (number + 1 < world->person_count &&
               !uuid_equal(&world->people[number].id, &record->person))
                number++;
        (void)snprintf(text, sizeof(text), SIM_MARK "%03u import %u", number, world->next_operator);
        r = server_put(world, record->type, &record->id, &record->person,
                       (struct sim_field[]){{"category", "dog", NULL, 0}, {"text", text, NULL, 0}},
                       2);
        story_tell(&world->story, NULL, "an import changes a record: %s",
                   r < 0 ? error_detail() : "done");
        server_end(world, r);
}

void operator_step(struct world *world, struct device *device, const struct step *step)
{
        struct random random;

        random_init(&random, step->draw, 0);
        if (step->kind == STEP_MOVE)
                move_person(world, &random);
        else if (step->kind == STEP_GRANT)
                change_grant(world, device, &random);
        else if (step->kind == STEP_IMPORT)
                import(world, &random);
}
