/* What goes wrong: links, power, disks, clocks. Everything ends by itself after a while, or when the faults stop. */
#include "tests/sim/host.h"
#include "tests/sim/network.h"
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

static void worsen_link(struct world *world, struct device *device, struct random *random,
                        int64_t for_ms)
{
        struct link *link = &device->link;

        network_well(link);
        link->delay_ms = random_range(random, 10, 2000);
        link->spread_ms = random_range(random, 0, 20000); /* so that messages overtake each other */
        link->loss = (uint32_t)random_below(random, 400);
        link->duplicate = (uint32_t)random_below(random, 300);
        link->cut = (uint32_t)random_below(random, 400);
        story_tell(&world->story, device->row.name,
                   "bad link: %lld ms, of 1000 messages %u lost, %u doubled, %u cut",
                   (long long)link->delay_ms, link->loss, link->duplicate, link->cut);
        later(world, EVENT_LINK, device->number, 0,
              for_ms ? for_ms : random_range(random, 10000, 600000));
}

static void cut_off(struct world *world, struct device *device, struct random *random,
                    int64_t for_ms)
{
        uint64_t way = for_ms ? 2 : random_below(random, 3);

        device->link.down_up = way != 1;
        device->link.down_down = way != 0;
        story_tell(&world->story, device->row.name, "nothing gets %s",
                   way == 0   ? "to the store"
                   : way == 1 ? "back from the store"
                              : "through");
        later(world, EVENT_LINK, device->number, 0,
              for_ms                       ? for_ms
              : random_chance(random, 100) ? random_range(random, 3600000, 86400000)
                                           : random_range(random, 10000, 900000));
}

static void cut_power(struct world *world, struct device *device, struct random *random)
{
        uint32_t operations = (uint32_t)random_below(random, 40);
        int64_t off_ms = random_range(random, 1000, 3600000);

        if (!device->engine)
                return;
        if (random_chance(random, 300))
                host_crash(world, device, (enum disk_fate)random_below(random, FATE_COUNT), off_ms);
        else /* in the middle of whatever it does next */
                disk_fail_after(&device->disk, operations, DISK_CUT, false);
}

static void cut_store_power(struct world *world, struct random *random)
{
        int64_t off_ms = random_range(random, 1000, 600000);

        if (!world->server.up)
                return;
        if (random_chance(random, 400))
                server_crash(world, (enum disk_fate)random_below(random, FATE_COUNT), off_ms);
        else
                disk_fail_after(&world->server.disk, (uint32_t)random_below(random, 60), DISK_CUT,
                                false);
}

static void kill_store(struct world *world, struct random *random)
{
        if (!world->server.up)
                return;
        story_tell(&world->story, NULL, "it is killed");
        world->server.disk.mood = DISK_CUT;
        server_stop(world);
        disk_kill(&world->server.disk);
        later(world, EVENT_STORE_ON, 0, world->server.life, random_range(random, 500, 60000));
}

static void fail_disk(struct world *world, struct device *device, struct random *random,
                      enum disk_mood mood)
{
        bool once = random_chance(random, 500);

        story_tell(&world->story, device ? device->row.name : NULL, "the disk %s%s",
                   mood == DISK_FULL ? "is full" : "fails", once ? " once" : "");
        disk_fail_after(device ? &device->disk : &world->server.disk,
                        (uint32_t)random_below(random, 30), mood, once);
        later(world, EVENT_REPAIR, device ? device->number : 0, device == NULL,
              random_range(random, 500, 10000));
}

static void damage_replica(struct world *world, struct device *device, struct random *random)
{
        if (!device->engine)
                return;
        story_tell(&world->story, device->row.name, "its replica is damaged while it is off");
        host_kill(world, device, 1000);
        device->damaged++;
        disk_damage(&device->disk, "replica.db", random);
}

static void move_clock(struct world *world, struct device *device, struct random *random,
                       int64_t how)
{
        switch (how ? (how - 1) * 2 : (int64_t)random_below(random, 3)) {
        case 0: /* the battery of the clock is empty */
                device->wall_offset_ms = 5000 - world->now_ms;
                device->quality = CLOCK_UNSET;
                break;
        case 1:
                device->wall_offset_ms = random_range(random, -7200000, 7200000);
                device->quality = CLOCK_FREE;
                break;
        default:
                device->wall_offset_ms = random_range(random, -2000, 2000);
                device->quality = CLOCK_SYNCHRONISED;
                break;
        }
        story_tell(&world->story, device->row.name, "the clock is now %lld s off",
                   (long long)(device->wall_offset_ms / 1000));
}

void fault_step(struct world *world, struct device *device, const struct step *step)
{
        struct random random;

        random_init(&random, step->draw, 0);
        if (step->kind == STEP_LINK) {
                worsen_link(world, device, &random, step->for_ms);
        } else if (step->kind == STEP_CUT_OFF) {
                cut_off(world, device, &random, step->for_ms);
        } else if (step->kind == STEP_PORTAL) {
                device->link.portal = true;
                story_tell(&world->story, device->row.name, "behind a captive portal");
                later(world, EVENT_LINK, device->number, 0, random_range(&random, 60000, 3600000));
        } else if (step->kind == STEP_REPLAY) {
                network_replay(world, device, random_next(&random));
        } else if (step->kind == STEP_REBOOT) {
                if (!device->engine)
                        return;
                story_tell(&world->story, device->row.name, "power button");
                host_stop(world, device);
                later(world, EVENT_DEVICE_ON, device->number, device->life,
                      random_range(&random, 5000, 3600000));
        } else if (step->kind == STEP_KILL) {
                if (!device->engine)
                        return;
                story_tell(&world->story, device->row.name, "the daemon is killed");
                host_kill(world, device, 1000);
        } else if (step->kind == STEP_POWER) {
                cut_power(world, device, &random);
        } else if (step->kind == STEP_STORE_KILL) {
                kill_store(world, &random);
        } else if (step->kind == STEP_STORE_POWER) {
                cut_store_power(world, &random);
        } else if (step->kind == STEP_DISK_ERROR) {
                fail_disk(world, device, &random, DISK_IO_ERROR);
        } else if (step->kind == STEP_DISK_FULL) {
                fail_disk(world, device, &random, DISK_FULL);
        } else if (step->kind == STEP_STORE_DISK) {
                fail_disk(world, NULL, &random, DISK_IO_ERROR);
        } else if (step->kind == STEP_REPLICA) {
                damage_replica(world, device, &random);
        } else if (step->kind == STEP_CLOCK) {
                move_clock(world, device, &random, step->for_ms);
        }
}
