/*
 * Older states of disks that come back: the store's, from a backup or because a virtual machine was set back; a device's; and a
 * card that is cloned, so that two machines go by one identity.
 */
#include "store/epoch.h"
#include "tests/sim/host.h"
#include "tests/sim/server.h"
#include "tests/sim/work.h"

static void later(struct world *world, enum event_kind kind, size_t device, uint64_t number,
                  int64_t after_ms)
{
        queue_put(&world->queue, &(struct event){.at_ms = world->now_ms + after_ms,
                                                 .kind = kind,
                                                 .device = device,
                                                 .number = number});
}

/* ---- the store ---- */

static void copy_store(struct world *world)
{
        disk_snapshot(&world->server.disk, &world->server.image);
        world->server.has_image = true;
        story_tell(&world->story, NULL, "it is copied");
}

/* What `pannier-store restore` does with it, but for the journal: here nobody kept one. */
static void begin_epoch(struct world *world, struct random *random)
{
        const struct uuid *locality = &template_get()->locality;
        const struct storage_locality *state;
        struct storage *storage = NULL;
        uint8_t seed[HASH_SIZE];
        int r = storage_sqlite_open("/store/store.db", false, &storage);

        random_fill(random, seed, sizeof(seed));
        if (r == 0)
                r = storage->ops->begin(storage, locality, 1);
        if (r == 0) {
                state = storage->ops->locality(storage, locality);
                r = epoch_begin(storage, locality, state->position - 1, 0, seed, world->now_ms);
                if (r >= 0)
                        r = storage->ops->commit(storage);
                else
                        storage->ops->rollback(storage);
        }
        storage_free(storage);
        if (r < 0)
                world_fail(world, "a restored store cannot begin an epoch: %s", error_detail());
}

static void restore_store(struct world *world, struct random *random, int64_t how)
{
        const struct template *template = template_get();
        struct server *server = &world->server;
        bool told = how ? how == 2 : random_chance(random, 500);

        if (!server->up)
                return;
        story_tell(&world->story, NULL, "it is restored as it was %s%s",
                   server->has_image ? "when it was copied" : "in the beginning",
                   told ? "" : ", and nobody tells it");
        server->disk.mood = DISK_CUT;
        server_stop(world);
        disk_copy(server->has_image ? &server->image : &template->store, &server->disk);
        server->histories++;
        if (told)
                begin_epoch(world, random);
        later(world, EVENT_STORE_ON, 0, server->life, random_range(random, 1000, 600000));
}

/* ---- devices ---- */

static void copy_device(struct world *world, struct device *device)
{
        disk_snapshot(&device->disk, &device->image);
        device->has_image = true;
        story_tell(&world->story, device->row.name, "its card is copied");
}

static void turn_off(struct world *world, struct device *device, int64_t off_ms)
{
        host_off(device);
        later(world, EVENT_DEVICE_ON, device->number, device->life, off_ms);
}

static void restore_device(struct world *world, struct device *device, struct random *random)
{
        const struct template *template = template_get();
        size_t identity = device->number < world->plan.devices ? device->number : world->clone_of;
        const struct disk *image =
                device->has_image
                        ? &device->image
                        : &template->devices[world->plan.synced >> identity & 1][identity];

        if (!device->engine)
                return;
        story_tell(&world->story, device->row.name, "its card is set back to the copy");
        turn_off(world, device, random_range(random, 1000, 600000));
        disk_copy(image, &device->disk);
        device->double_life = device->restored = device->scan = true;
        device->rebuild =
                true; /* of an older replica the store believes that it erased what it has */
}

static void clone_device(struct world *world, struct device *device, struct random *random)
{
        struct device *clone = device->engine ? world_add_clone(world, device) : NULL;

        if (!clone)
                return;
        story_tell(&world->story, device->row.name,
                   "its card is cloned: from now on there are two of it");
        disk_snapshot(&device->disk, &clone->disk);
        clone->double_life = device->double_life = true;
        clone->allowed = device->allowed;
        clone->rebuild = true;
        later(world, EVENT_DEVICE_ON, clone->number, clone->life, random_range(random, 0, 60000));
}

void image_step(struct world *world, struct device *device, const struct step *step)
{
        struct random random;

        random_init(&random, step->draw, 0);
        if (step->kind == STEP_STORE_IMAGE)
                copy_store(world);
        else if (step->kind == STEP_STORE_BACK)
                restore_store(world, &random, step->for_ms);
        else if (step->kind == STEP_IMAGE)
                copy_device(world, device);
        else if (step->kind == STEP_BACK)
                restore_device(world, device, &random);
        else if (step->kind == STEP_CLONE)
                clone_device(world, device, &random);
}
