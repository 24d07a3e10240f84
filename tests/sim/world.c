#include "tests/sim/world.h"

#include "tests/sim/check.h"
#include "tests/sim/crypto.h"
#include "tests/sim/host.h"
#include "tests/sim/network.h"
#include "tests/sim/server.h"
#include "tests/sim/work.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { EVENTS_LIMIT = 400000, PARKED_DAYS = 8 };

void world_fail(struct world *world, const char *format, ...)
{
        va_list arguments;

        if (world->violated)
                return;
        world->violated = true;
        va_start(arguments, format);
        (void)vsnprintf(world->violation, sizeof(world->violation), format, arguments);
        va_end(arguments);
        story_tell(&world->story, "VIOLATION", "%s", world->violation);
}

/* ---- life ---- */

/* A machine in place @number with the identity number @identity. */
static struct device *init_machine(struct world *world, size_t number, size_t identity)
{
        const struct template *template = template_get();
        struct device *device = &world->devices[number];
        char mount[24];

        device->world = world;
        device->number = number;
        device->row = template->rows[identity];
        device->key = template->keys[identity];
        memcpy(device->caseload, template->caseload[identity], sizeof(device->caseload));
        device->quality = CLOCK_SYNCHRONISED;
        device->scan = true;
        network_well(&device->link);
        (void)snprintf(mount, sizeof(mount), "d%zu", number);
        disk_vfs_mount(mount, &device->disk);
        return device;
}

static void init_device(struct world *world, size_t number)
{
        const struct template *template = template_get();
        struct device *device = init_machine(world, number, number);

        disk_copy(&template->devices[world->plan.synced >> number & 1][number], &device->disk);
}

struct device *world_add_clone(struct world *world, struct device *of)
{
        if (world->machines > world->plan.devices)
                return NULL;
        world->clone_of = of->number;
        return init_machine(world, world->machines++, of->number);
}

bool world_same(const struct world *world, size_t a, size_t b)
{
        return uuid_equal(&world->devices[a].row.id, &world->devices[b].row.id);
}

bool world_has_clone(const struct world *world, size_t machine)
{
        return world->machines > world->plan.devices && world_same(world, machine, world->clone_of);
}

struct promise *world_promise(struct world *world, const struct uuid *entry,
                              const struct uuid *device, struct bytes body)
{
        struct promise *any = NULL;

        for (size_t i = 0; i < world->machines; i++) {
                struct promise *promise = uuid_equal(&world->devices[i].row.id, device)
                                                  ? ledger_find(&world->ledger, entry, i)
                                                  : NULL;

                if (promise && bytes_equal(promise->body, body))
                        return promise;
                if (promise && !any)
                        any = promise;
        }
        return any;
}

struct promise *world_promise_on(const struct device *device, const struct uuid *entry)
{
        struct world *world = device->world;
        struct promise *own = ledger_find(&world->ledger, entry, device->number);

        return own ? own : world_promise(world, entry, &device->row.id, BYTES_NONE);
}

void world_init(struct world *world, const struct sim_settings *settings)
{
        const struct template *template = template_get();

        memset(world, 0, sizeof(*world));
        world->settings = settings;
        world->now_ms = (int64_t)SIM_EPOCH_S * 1000;
        if (settings->plan)
                world->plan = *settings->plan;
        else
                plan_draw(settings->seed, &world->plan);
        if (compressor_new(&world->compressor) < 0)
                abort();
        story_init(&world->story, settings->story, world->now_ms);
        random_init(&world->engine_random, settings->seed, 2);
        random_init(&world->disk_random, settings->seed, 3);
        random_init(&world->network_random, settings->seed, 4);
        sim_crypto_seed(settings->seed);
        disk_vfs_random(&world->engine_random);
        disk_copy(&template->store, &world->server.disk);
        disk_vfs_mount("store", &world->server.disk);
        for (; world->machines < world->plan.devices; world->machines++)
                init_device(world, world->machines);
        (void)init_machine(world, HOSTILE, IDENTITIES - 1);
        for (uint32_t i = 0; i < SIM_PEOPLE; i++)
                world->people[world->person_count++] = (struct person){.id = sim_id(ID_PERSON, i)};
}

void world_deinit(struct world *world)
{
        for (size_t i = 0; i < MACHINES; i++) {
                struct device *device = &world->devices[i];
                char mount[24];

                device->engine = engine_free(device->engine);
                for (size_t k = 0; k < REPLAY_MAX; k++)
                        buffer_deinit(&device->replay[k]);
                (void)snprintf(mount, sizeof(mount), "d%zu", i);
                disk_vfs_mount(mount, NULL);
                disk_deinit(&device->disk);
                disk_deinit(&device->image);
        }
        server_stop(world);
        disk_vfs_mount("store", NULL);
        disk_deinit(&world->server.disk);
        disk_deinit(&world->server.image);
        disk_vfs_random(NULL);
        queue_deinit(&world->queue);
        ledger_deinit(&world->ledger);
        compressor_free(world->compressor);
}

/* ---- events ---- */

static void plan_next(struct world *world, size_t index)
{
        if (index < world->plan.count)
                queue_put(&world->queue, &(struct event){.at_ms = world->now_ms +
                                                                  world->plan.steps[index].after_ms,
                                                         .kind = EVENT_PLAN,
                                                         .number = index});
}

static void take_step(struct world *world, size_t index)
{
        const struct step *step = &world->plan.steps[index];
        struct device *device = &world->devices[step->device];

        if (world->machines > world->plan.devices && step->device == world->clone_of &&
            step->draw % 2) /* who has the tablet in hand does not know that there are two */
                device = &world->devices[world->plan.devices];
        switch (step_class(step->kind)) {
        case CLASS_WORK:
                staff_step(world, device, step);
                break;
        case CLASS_OPERATOR:
                operator_step(world, device, step);
                break;
        case CLASS_NETWORK:
        case CLASS_REPLAY:
        case CLASS_POWER:
        case CLASS_STORE:
        case CLASS_DISK:
        case CLASS_CLOCK:
        case STEP_CLASS_COUNT:
                fault_step(world, device, step);
                break;
        case CLASS_IMAGE:
                image_step(world, device, step);
                break;
        case CLASS_HOSTILE:
                hostile_step(world, step);
                break;
        }
        plan_next(world, index + 1);
}

static void start_store(struct world *world, const struct event *event)
{
        if (event->number != world->server.life || world->server.up)
                return;
        if (server_start(world) == 0) {
                check_server_started(world);
                return;
        }
        queue_put(&world->queue, &(struct event){.at_ms = world->now_ms + 5000,
                                                 .kind = EVENT_STORE_ON,
                                                 .number = world->server.life});
}

static void dispatch(struct world *world, struct event *event)
{
        switch (event->kind) {
        case EVENT_PLAN:
                take_step(world, event->number);
                break;
        case EVENT_REQUEST:
                server_request(world, event);
                break;
        case EVENT_COMMIT:
                server_commit(world, event);
                break;
        case EVENT_REPLY:
                server_reply(world, event);
                break;
        case EVENT_EXPIRE:
                server_expire(world, event);
                break;
        case EVENT_STORE_ON:
                start_store(world, event);
                break;
        case EVENT_LINK:
                network_well(&world->devices[event->device].link);
                break;
        case EVENT_REPAIR:
                disk_repair(event->number ? &world->server.disk
                                          : &world->devices[event->device].disk);
                break;
        case EVENT_TIMER:
        case EVENT_STEP:
        case EVENT_AGAIN:
        case EVENT_TIMEOUT:
        case EVENT_ANSWER:
        case EVENT_FAILURE:
        case EVENT_DEVICE_ON:
        case EVENT_DEVICE_OPEN:
        case EVENT_KIND_COUNT:
                host_event(world, event);
                break;
        }
}

void world_handle(struct world *world, const struct event *event)
{
        struct event own = *event;

        if (own.at_ms > world->now_ms)
                world->now_ms = own.at_ms;
        world->story.now_ms = world->now_ms;
        story_mix_number(&world->story, (uint64_t)own.kind << 32 | own.device);
        story_mix_number(&world->story, (uint64_t)world->now_ms);
        dispatch(world, &own);
        buffer_deinit(&own.message);
        if (++world->events == EVENTS_LIMIT)
                world_fail(world, "the history does not end");
}

static void run_until(struct world *world, bool (*done)(struct world *world))
{
        struct event event;

        while (!world->violated && !done(world)) {
                if (!queue_take(&world->queue, &event)) {
                        world_fail(world, "nothing is to happen any more");
                        return;
                }
                world_handle(world, &event);
        }
}

/* ---- the end ---- */

static bool plan_is_over(struct world *world)
{
        for (size_t i = 0; i < world->queue.count; i++)
                if (world->queue.events[i].kind == EVENT_PLAN)
                        return false;
        return true;
}

/* The faults stop: links and disks are well from here on, and what is off will come on by itself. */
static void calm_down(struct world *world)
{
        world->calm = true;
        story_tell(&world->story, "world", "the faults stop");
        disk_repair(&world->server.disk);
        for (size_t i = 0; i < world->machines; i++) {
                network_well(&world->devices[i].link);
                disk_repair(&world->devices[i].disk);
        }
}

static bool all_on(struct world *world)
{
        for (size_t i = 0; i < world->machines; i++)
                if (!world->devices[i].engine || world->devices[i].phase != HOST_IDLE)
                        return false;
        return world->server.up;
}

/* One exchange of every device, whatever comes of it. */
static bool round_is_over(struct world *world)
{
        for (size_t i = 0; i < world->machines; i++)
                if (world->devices[i].ended == 0 || world->devices[i].phase != HOST_IDLE)
                        return false;
        return true;
}

static bool one_round(struct world *world, const char **ret_why)
{
        for (size_t i = 0; i < world->machines; i++) {
                struct device *device = &world->devices[i];
                struct engine_now now = host_now(world, device);

                device->ended = 0;
                engine_sync_now(device->engine, &now);
                host_called(world, device, 0);
        }
        run_until(world, round_is_over);
        for (size_t i = 0; i < world->machines && !world->violated; i++)
                if (!check_equal(world, &world->devices[i], ret_why))
                        return false;
        return true;
}

static void prove_equal(struct world *world)
{
        const char *why = "";

        for (int round = 0; round < SIM_LIVENESS && !world->violated; round++)
                if (one_round(world, &why))
                        return;
        world_fail(world, "not equal after %d exchanges without faults: %s", SIM_LIVENESS, why);
}

static bool is_awake(struct world *world)
{
        return world->now_ms >= world->wake_ms;
}

static bool anything_parked(struct world *world)
{
        for (size_t i = 0; i < world->machines; i++)
                if (outbox_counts(world->devices[i].engine->outbox)->states[OUTCOME_PARKED] > 0)
                        return true;
        return false;
}

void world_run(struct world *world)
{
        if (server_start(world) < 0)
                world_fail(world, "the store does not start: %s", error_detail());
        for (size_t i = 0; i < world->plan.devices; i++)
                host_boot(world, &world->devices[i]);
        plan_next(world, 0);
        run_until(world, plan_is_over);
        calm_down(world);
        run_until(world, all_on);
        prove_equal(world);
        if (!world->violated && anything_parked(world)) { /* it is told apart after a week */
                world->wake_ms = world->now_ms + (int64_t)PARKED_DAYS * 86400000;
                run_until(world, is_awake);
                run_until(world, all_on);
                prove_equal(world);
        }
        if (!world->violated)
                check_end(world);
        while (!world->violated && !check_contents(world)) {
                run_until(world, all_on);
                prove_equal(world);
        }
}
