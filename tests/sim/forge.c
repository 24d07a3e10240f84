/*
 * A request as somebody writes it who has a device's key and keeps to no rule of ours: the signatures are good, and what they
 * stand for is made up. Ids that others have used, people of other teams, authors at will, bases that nobody was shown, numbers that
 * do not follow each other.
 */
#include "tests/sim/forge.h"

#include "common/body.h"
#include "common/compress.h"
#include "tests/sim/fields.h"

#include <stdio.h>
#include <string.h>

enum { FORGED_MAX = 3 };

struct forging {
        struct world *world;
        struct random *random;
        struct body_codec *codec;
        struct uuid device, incarnation;
        uint8_t lane, head[HASH_SIZE];
        uint64_t seq;
        struct buffer headers[FORGED_MAX], bodies[FORGED_MAX];
        struct wire_entry entries[FORGED_MAX];
        char text[48];
};

/* An id that somebody has used: the two may be judged in either order, which a store that comes back may change. */
static struct uuid some_id(struct forging *forging)
{
        const struct ledger *ledger = &forging->world->ledger;

        if (ledger->count > 0 && !plan_has(&forging->world->plan, STEP_STORE_BACK) &&
            random_chance(forging->random, 300))
                return ledger->promises[random_below(forging->random, ledger->count)].id;
        return sim_id(ID_FORGED, ++forging->world->next_forged);
}

static uint16_t nurses_role(void)
{
        struct sim_changes changes;

        sim_changes_make(sim_type("staff"),
                         (struct sim_field[]){{"role", "community_nurse", NULL, 0}}, 1, &changes);
        return (uint16_t)changes.items[0].value.integer;
}

static void draw_body(struct forging *forging, uint32_t person, struct entry_body *ret)
{
        const struct template *template = template_get();
        struct random *random = forging->random;

        *ret = (struct entry_body){
                .person = forging->world->people[person].id,
                .base_locality = template->locality,
                .author = random_chance(random, 700) ? template->nurses[0]
                                                     : forging->world->people[person].id,
                .role = random_chance(random, 700) ? nurses_role()
                                                   : (uint16_t)random_below(random, 12),
                .recorded_ms = forging->world->now_ms + random_range(random, -1000000, 1000000),
                .boot_id = 1,
                .quality = CLOCK_SYNCHRONISED,
                .catalogue_version = (uint32_t)random_below(random, 4),
        };
        if (random_chance(random, 400)) /* else it says that nothing was seen */
                ret->base = (struct position){random_below(random, 3), random_below(random, 60)};
}

static void forge_entry(struct forging *forging, size_t index)
{
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        struct entry_header header = {.device = forging->device,
                                      .incarnation = forging->incarnation,
                                      .lane = forging->lane,
                                      .seq = forging->seq + index,
                                      .id = some_id(forging),
                                      .locality = template_get()->locality};
        uint32_t person = (uint32_t)random_below(forging->random, forging->world->person_count);
        struct sim_changes changes;
        struct entry_body body;
        bool creates = random_chance(forging->random, 500);

        draw_body(forging, person, &body);
        (void)snprintf(forging->text, sizeof(forging->text), SIM_MARK "%03u forged %u", person,
                       forging->world->next_forged);
        body.operation = creates ? ENTRY_CREATE : ENTRY_EDIT;
        body.type = sim_type(creates ? "alert" : "person")->number;
        body.record = creates ? header.id : body.person;
        if (creates)
                sim_changes_make(sim_type("alert"),
                                 (struct sim_field[]){{"category", "dog", NULL, 0},
                                                      {"text", forging->text, NULL, 0}},
                                 2, &changes);
        else
                sim_changes_make(sim_type("person"),
                                 (struct sim_field[]){{"phone", forging->text, NULL, 0}}, 1,
                                 &changes);
        body.changes = changes.items;
        body.change_count = changes.count;
        entry_header_encode(&header, &forging->headers[index]);
        entry_body_encode(&body, &header, &clear);
        (void)body_pack(forging->codec, buffer_view(&clear), &forging->bodies[index]);
        forging->entries[index] = (struct wire_entry){
                .header = buffer_view(&forging->headers[index]),
                .body = buffer_view(&forging->bodies[index]),
        };
        entry_chain(forging->head, forging->entries[index].header, forging->entries[index].body,
                    forging->head);
}

static void put_run(struct forging *forging, size_t count, struct buffer *out)
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;
        struct wire_run run = {.incarnation = forging->incarnation,
                               .lane = forging->lane,
                               .first = forging->seq,
                               .entries = forging->entries,
                               .entries_count = count};

        for (size_t i = 0; i < count; i++)
                forge_entry(forging, i);
        entry_head_message(&forging->device, &forging->incarnation, forging->lane,
                           forging->seq + count - 1, forging->head, &message);
        (void)private_key_sign(template_get()->keys[IDENTITIES - 1], buffer_view(&message),
                               run.signature);
        wire_put_run(&run, out);
}

void forge_request(struct world *world, struct random *random, struct buffer *out)
{
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        struct forging forging = {.world = world,
                                  .random = random,
                                  .device = world->devices[HOSTILE].row.id,
                                  .incarnation = sim_id(ID_FORGED, world->next_forged),
                                  .lane = (uint8_t)random_below(random, LANE_COUNT),
                                  .seq = random_chance(random, 800) ? 1 : random_below(random, 9)};
        const struct wire_device_hello hello = {
                .protocol = WIRE_PROTOCOL,
                .catalogue = 1,
                .incarnation = forging.incarnation,
                .now_ms = world->now_ms,
                .waiting = random_below(random, 9),
        };

        if (body_codec_new(&forging.codec) < 0)
                return;
        wire_put_device_hello(&hello, &clear);
        put_run(&forging, 1 + random_below(random, FORGED_MAX), &clear);
        buffer_reset(out);
        (void)compress_message(world->compressor, buffer_view(&clear), out);
        body_codec_free(forging.codec);
        for (size_t i = 0; i < FORGED_MAX; i++) {
                buffer_deinit(&forging.headers[i]);
                buffer_deinit(&forging.bodies[i]);
        }
}
