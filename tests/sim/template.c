/*
 * What every history begins from: a store with a locality, two teams, their staff and a few people, and four devices, each as it
 * comes from enrolment and as it is after its first sync. Made once for a process, on disks of its own, and copied.
 */
#include "store/ca.h"
#include "tests/sim/crypto.h"
#include "tests/sim/host.h"
#include "tests/sim/network.h"
#include "tests/sim/pool.h"
#include "tests/sim/server.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define BEGIN_MS ((int64_t)SIM_EPOCH_S * 1000)

enum { ID_LOCALITY = 1, ID_EPOCH, ID_DEVICE, ID_STAFF, ID_ORGANISATION, ID_MEMBERSHIP, ID_TEAM };

static void must(int r, const char *what)
{
        if (r >= 0)
                return;
        (void)fprintf(stderr, "pannier-sim: %s: %s\n", what, error_detail());
        abort();
}

struct uuid sim_id(uint8_t kind, uint32_t number)
{
        struct uuid id = {{0x01, 0x90, 0, 0, 0, kind, 0x70, 0, 0x80, 0, 0, 0}};

        for (int i = 0; i < 4; i++)
                id.bytes[12 + i] = (uint8_t)(number >> (8 * (3 - i)));
        return id;
}

/* ---- trust ---- */

static void make_trust(struct template *template)
{
        struct ca *ca = NULL;
        uint8_t point[PUBLIC_KEY_SIZE];
        struct ca_wish wish = {.profile = CA_PROFILE_SIGNING,
                               .common_name = "signing",
                               .public_key = point,
                               .not_before_ms = BEGIN_MS - 1000,
                               .not_after_ms = BEGIN_MS + CA_LIFE_SIGNING_MS};

        must(private_key_generate(&template->signing_key), "a signing key");
        private_key_public(template->signing_key, point);
        must(ca_create("Simulated authority", BEGIN_MS, &template->ca_key, &template->ca_der),
             "a CA");
        must(ca_open(buffer_view(&template->ca_key), buffer_view(&template->ca_der), &ca), "a CA");
        must(ca_issue(ca, &wish, &template->signing_der), "a signing certificate");
        ca_free(ca);
        template->settings = (struct exchange_settings){
                .signing_key = template->signing_key,
                .trust = {.version = 1,
                          .ca = buffer_view(&template->ca_der),
                          .signing = buffer_view(&template->signing_der)},
                .policy = {.version = 1,
                           .poll_s = 600,
                           .poll_max_s = 6 * 3600}, /* a weekend costs few polls */
                .environment = NHS_ENVIRONMENT_TEST,
        };
}

/* Which teams a device is given: one, the other, or both. */
static bool has_team(size_t device, size_t team)
{
        return device == 3 || (device == 2) == (team == 1);
}

static void make_devices(struct template *template, struct storage *storage)
{
        for (uint32_t i = 0; i < IDENTITIES; i++) {
                struct device_row *row = &template->rows[i];

                *row = (struct device_row){.id = sim_id(ID_DEVICE, i + 1),
                                           .locality = template->locality,
                                           .state = DEVICE_ACTIVE,
                                           .ceiling = i == 1 ? CLASS_BASIC : CLASS_CLINICAL,
                                           .created_ms = BEGIN_MS};
                (void)snprintf(row->name, sizeof(row->name), "tablet %u", i + 1);
                must(private_key_generate(&template->keys[i]), "a device's key");
                crypto_random(template->caseload[i], sizeof(template->caseload[i]));
                private_key_public(template->keys[i], row->public_key);
                must(storage->ops->device_put(storage, row), "a device");
                for (size_t team = 0; team < TEAMS; team++)
                        if (has_team(i, team))
                                must(storage->ops->grant_put(
                                             storage, &row->id,
                                             &(struct scope){SCOPE_TEAM, template->teams[team]}),
                                     "a grant");
        }
}

/* ---- reference data and people ---- */

static void put_staff(struct world *world, const struct uuid *id, const char *name,
                      const char *role, const struct uuid *team, uint32_t number)
{
        struct uuid membership = sim_id(ID_MEMBERSHIP, number);

        must(server_put(world, sim_type("staff"), id, NULL,
                        (struct sim_field[]){{"name", name, NULL, 0}, {"role", role, NULL, 0}}, 2),
             "a member of staff");
        must(server_put(world, sim_type("membership"), &membership, NULL,
                        (struct sim_field[]){{"staff", NULL, id, 0}, {"team", NULL, team, 0}}, 2),
             "a membership");
}

static void put_reference(struct world *world, struct template *template)
{
        static const char *const names[TEAMS] = {"East", "West"};

        must(server_begin(world), "a commit");
        must(server_put(world, sim_type("organisation"), &template->organisation, NULL,
                        (struct sim_field[]){{"name", "Trust", NULL, 0}}, 1),
             "an organisation");
        for (uint32_t i = 0; i < TEAMS; i++) {
                must(server_put(world, sim_type("team"), &template->teams[i], NULL,
                                (struct sim_field[]){
                                        {"name", names[i], NULL, 0},
                                        {"organisation", NULL, &template->organisation, 0}},
                                2),
                     "a team");
                put_staff(world, &template->nurses[i], "Nurse", "community_nurse",
                          &template->teams[i], 2 * i + 1);
                put_staff(world, &template->coordinators[i], "Coordinator", "coordinator",
                          &template->teams[i], 2 * i + 2);
        }
        server_end(world, 0);
}

static void put_people(struct world *world, const struct template *template)
{
        must(server_begin(world), "a commit");
        for (uint32_t i = 0; i < SIM_PEOPLE; i++) {
                struct uuid person = sim_id(ID_PERSON, i), assignment = sim_id(ID_ASSIGNMENT, i);
                char name[32];

                (void)snprintf(name, sizeof(name), SIM_MARK "%03u", i);
                must(server_put(world, sim_type("person"), &person, &person,
                                (struct sim_field[]){{"family", name, NULL, 0},
                                                     {"given", "Ann", NULL, 0},
                                                     {"birth_date", NULL, NULL, -10000}},
                                3),
                     "a person");
                must(server_put(world, sim_type("assignment"), &assignment, &person,
                                (struct sim_field[]){{"team", NULL, &template->teams[i % TEAMS], 0},
                                                     {"tier", "high_impact", NULL, 0},
                                                     {"status", "active", NULL, 0}},
                                3),
                     "an assignment");
        }
        server_end(world, 0);
}

/* ---- making it ---- */

static void first_syncs(struct world *world, struct template *template)
{
        struct event event;

        for (size_t i = 0; i < DEVICES; i++) {
                struct device *device = &world->devices[i];

                host_boot(world, device);
                while (device->completed == 0 && queue_take(&world->queue, &event))
                        world_handle(world, &event);
                host_stop(world, device);
                disk_copy(&device->disk, &template->devices[1][i]);
        }
}

static void make(struct template *template)
{
        static const struct plan nothing = {.devices = DEVICES};
        static const struct sim_settings settings = {.plan = &nothing};
        struct world *world = sim_alloc(sizeof(*world));
        struct uuid epoch = sim_id(ID_EPOCH, 1);
        enum sim_plant plant = sim_plant_active();
        struct storage *storage = NULL;

        sim_plant_switch(PLANT_NONE);
        (void)mallopt(M_TRIM_THRESHOLD, 1 << 30); /* what a history gave back the next one takes */
        (void)mallopt(M_MMAP_THRESHOLD, 1 << 30);
        pool_install();
        disk_vfs_init();
        sim_crypto_cipher();
        sim_crypto_seed(1);
        template->locality = sim_id(ID_LOCALITY, 1);
        template->organisation = sim_id(ID_ORGANISATION, 1);
        for (uint32_t i = 0; i < TEAMS; i++) {
                template->teams[i] = sim_id(ID_TEAM, i + 1);
                template->nurses[i] = sim_id(ID_STAFF, 2 * i + 1);
                template->coordinators[i] = sim_id(ID_STAFF, 2 * i + 2);
        }
        make_trust(template);
        disk_vfs_mount("store", &template->store);
        must(storage_sqlite_open("/store/store.db", false, &storage), "the store");
        must(storage->ops->locality_add(storage, &template->locality, &epoch, BEGIN_MS),
             "a locality");
        make_devices(template, storage);
        storage_free(storage);

        world_init(world, &settings);
        must(server_start(world), "the store");
        put_reference(world, template);
        put_people(world, template);
        for (size_t i = 0; i < DEVICES; i++) { /* databases that are made and empty */
                host_boot(world, &world->devices[i]);
                host_stop(world, &world->devices[i]);
                disk_copy(&world->devices[i].disk, &template->devices[0][i]);
        }
        first_syncs(world, template);
        server_stop(world);
        disk_copy(&world->server.disk, &template->store);
        must(world->violated ? PANNIER_E_INTERNAL : 0, world->violation);
        world_deinit(world);
        free(world);
        sim_plant_switch(plant);
}

const struct template *template_get(void)
{
        static struct template template;
        static bool made;

        if (!made) {
                made = true; /* what makes it looks at it too */
                make(&template);
        }
        return &template;
}
