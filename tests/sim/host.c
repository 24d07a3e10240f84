#include "tests/sim/host.h"

#include "tests/sim/check.h"
#include "tests/sim/network.h"

#include <stdio.h>

enum { REOPEN_MS = 1000, TURN_MS = 1 };

static void plan_event(struct world *world, const struct device *device, enum event_kind kind,
                       int64_t after_ms, uint64_t number)
{
        queue_put(&world->queue, &(struct event){.at_ms = world->now_ms + after_ms,
                                                 .kind = kind,
                                                 .device = device->number,
                                                 .number = number});
}

struct engine_now host_now(const struct world *world, const struct device *device)
{
        int64_t wall_ms = world->now_ms + device->wall_offset_ms;

        return (struct engine_now){
                .wall_ms = wall_ms,
                .boot_ms = world->now_ms - device->boot_began_ms,
                .boot_id = device->boot_id,
                .quality = device->quality,
        };
}

static void arm(struct world *world, struct device *device)
{
        int64_t deadline_ms = engine_deadline(device->engine);
        int64_t now_ms = world->now_ms - device->boot_began_ms;

        device->timer++;
        if (deadline_ms == INT64_MAX)
                return;
        plan_event(world, device, EVENT_TIMER, deadline_ms > now_ms ? deadline_ms - now_ms : 0,
                   device->timer);
}

/* ---- life ---- */

static void note_engine_event(void *context, const struct engine_event *event)
{
        check_event(context, event);
}

/* The engine has no context for its randomness, as pannierd's has none. */
static struct random *drawing;

static void draw_random(void *data, size_t size)
{
        random_fill(drawing, data, size);
}

static int open_engine(struct world *world, struct device *device, bool rebuild)
{
        struct db *outbox = NULL, *replica = NULL;
        struct engine_now now = host_now(world, device);
        const struct template *template = template_get();
        struct engine_options options = {
                .key = device->key,
                .device = device->row.id,
                .caseload_key = BYTES(device->caseload, AEAD_KEY_SIZE),
                .ca_certificate = buffer_view(&template->ca_der),
                .environment = NHS_ENVIRONMENT_TEST,
                .random = draw_random,
                .event = note_engine_event,
                .event_context = device,
        };
        char paths[2][DISK_NAME_MAX];
        int r;

        drawing = &world->engine_random;
        (void)snprintf(paths[0], sizeof(paths[0]), "/d%zu/outbox.db", device->number);
        (void)snprintf(paths[1], sizeof(paths[1]), "/d%zu/replica.db", device->number);
        r = engine_open_databases(paths[0], paths[1], BYTES(device->caseload, 48), rebuild, &outbox,
                                  &replica);
        if (r < 0)
                return r;
        options.outbox_db = outbox;
        options.replica_db = replica;
        r = engine_new(&options, &now, &device->engine);
        if (r < 0) {
                db_free(outbox);
                db_free(replica);
        }
        return r;
}

static void start_daemon(struct world *world, struct device *device)
{
        struct engine_now now = host_now(world, device);
        int r = open_engine(world, device, device->rebuild);

        if (r == PANNIER_E_CORRUPT && !device->rebuild) {
                story_tell(&world->story, device->row.name, "the replica is damaged: %s",
                           error_detail());
                r = open_engine(world, device, true);
        }
        if (r < 0) {
                story_tell(&world->story, device->row.name, "cannot open its databases: %s",
                           error_detail());
                if (r != PANNIER_E_STORAGE)
                        world_fail(world, "%s cannot start: %s", device->row.name, error_detail());
                if (device->disk.mood == DISK_CUT)
                        host_called(world, device, r);
                else
                        plan_event(world, device, EVENT_DEVICE_OPEN, REOPEN_MS, device->life);
                return;
        }
        device->rebuild = false;
        device->phase = HOST_IDLE;
        engine_link_changed(device->engine, &now, &(struct engine_link){.up = true});
        check_started(world, device);
        host_called(world, device, 0);
}

static void end_daemon(struct device *device)
{
        device->engine = engine_free(device->engine);
        device->phase = HOST_OFF;
        device->exchange = 0; /* whatever comes is for nobody */
        device->life++;
        device->timer++;
}

void host_boot(struct world *world, struct device *device)
{
        device->boot_began_ms = world->now_ms - 5000;
        device->boot_id = random_next(&world->engine_random) >> 32 | 1;
        start_daemon(world, device);
}

void host_stop(struct world *world, struct device *device)
{
        end_daemon(device);
        if (device->disk.mood == DISK_CUT)
                host_crash(world, device, FATE_DROPPED, 60000);
}

void host_off(struct device *device)
{
        device->disk.mood = DISK_CUT; /* closing must not write anything any more */
        end_daemon(device);
}

void host_kill(struct world *world, struct device *device, int64_t after_ms)
{
        device->disk.mood = DISK_CUT; /* closing must not write anything any more */
        end_daemon(device);
        disk_kill(&device->disk);
        plan_event(world, device, EVENT_DEVICE_OPEN, after_ms, device->life);
}

void host_crash(struct world *world, struct device *device, enum disk_fate fate, int64_t after_ms)
{
        story_tell(&world->story, device->row.name, "power is cut; unsynced writes are %s",
                   disk_fate_name(fate));
        device->disk.mood = DISK_CUT;
        end_daemon(device);
        disk_crash(&device->disk, fate, &world->disk_random);
        plan_event(world, device, EVENT_DEVICE_ON, after_ms, device->life);
}

void host_called(struct world *world, struct device *device, int result)
{
        if (device->disk.mood == DISK_CUT) {
                host_crash(world, device,
                           (enum disk_fate)random_below(&world->disk_random, FATE_COUNT),
                           random_range(&world->disk_random, 1000, 600000));
                return;
        }
        if (!device->engine)
                return;
        if (result == PANNIER_E_STORAGE || result == PANNIER_E_CORRUPT) {
                story_tell(&world->story, device->row.name, "%s: %s", pannier_error_name(result),
                           error_detail());
                device->rebuild = device->rebuild || result == PANNIER_E_CORRUPT;
                device->phase = HOST_OFF;
                device->timer++;
                plan_event(world, device, EVENT_DEVICE_OPEN,
                           result == PANNIER_E_CORRUPT ? 0 : REOPEN_MS, device->life);
                return;
        }
        arm(world, device);
}

/* ---- exchanges ---- */

static void begin_request(struct world *world, struct device *device)
{
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        struct engine_now now = host_now(world, device);
        int r = engine_exchange_request(device->engine, &now, &body);

        device->exchange = ++world->exchanges;
        if (r >= 0) {
                device->phase = HOST_SENDING;
                story_mix(&world->story, buffer_view(&body));
                network_request(world, device, buffer_view(&body));
                world->round_trips++;
        } else {
                story_tell(&world->story, device->row.name, "cannot make a request: %s: %s",
                           pannier_error_name(r), error_detail());
                device->phase = HOST_IDLE;
        }
        host_called(world, device, r);
}

static void go_on(struct world *world, struct device *device, int next)
{
        struct engine_now now = host_now(world, device);

        device->phase = HOST_IDLE;
        story_mix_number(&world->story, (uint64_t)(int64_t)next);
        switch (next) {
        case EXCHANGE_STEP:
                device->phase = HOST_STEPPING;
                plan_event(world, device, EVENT_STEP, TURN_MS, device->life);
                break;
        case EXCHANGE_AGAIN:
                device->phase = HOST_STEPPING;
                plan_event(world, device, EVENT_AGAIN, TURN_MS, device->life);
                break;
        case EXCHANGE_DONE:
                story_tell(&world->story, device->row.name, "exchange %llu is done",
                           (unsigned long long)device->exchange);
                device->completed++;
                device->ended++;
                check_completed(world, device, &now);
                break;
        case EXCHANGE_STOP:
                story_tell(&world->story, device->row.name, "exchange %llu stops: %s (%s)",
                           (unsigned long long)device->exchange,
                           exchange_failure_name(device->engine->session.failure), error_detail());
                device->ended++;
                check_stopped(world, device);
                break;
        default:
                break;
        }
        host_called(world, device, next);
}

static void take_answer(struct world *world, struct device *device, struct bytes body)
{
        struct engine_now now = host_now(world, device);

        story_mix(&world->story, body);
        go_on(world, device, engine_exchange_answer(device->engine, &now, body));
}

static void take_failure(struct world *world, struct device *device, enum exchange_failure failure)
{
        struct engine_now now = host_now(world, device);

        story_tell(&world->story, device->row.name, "exchange %llu failed: %s",
                   (unsigned long long)device->exchange, exchange_failure_name(failure));
        device->phase = HOST_IDLE;
        device->ended++;
        engine_exchange_failed(device->engine, &now, failure, 0);
        host_called(world, device, 0);
}

static void tick(struct world *world, struct device *device)
{
        struct engine_now now = host_now(world, device);
        int r = engine_tick(device->engine, &now);

        check_tick(world, device, r);
        if (r == ENGINE_EXCHANGE && device->phase == HOST_IDLE)
                begin_request(world, device);
        else
                host_called(world, device, r);
}

static void open_again(struct world *world, struct device *device)
{
        if (device->engine)
                end_daemon(device);
        if (device->disk.mood == DISK_CUT)
                host_called(world, device, 0);
        else
                start_daemon(world, device);
}

void host_event(struct world *world, struct event *event)
{
        struct device *device = &world->devices[event->device];
        struct engine_now now = host_now(world, device);
        bool mine = event->number == device->life;
        bool waits = device->phase == HOST_SENDING && event->number == device->exchange;

        if (event->kind == EVENT_DEVICE_ON && mine && !device->engine)
                host_boot(world, device);
        else if (event->kind == EVENT_DEVICE_OPEN && mine)
                open_again(world, device);
        else if (!device->engine)
                return;
        else if (event->kind == EVENT_TIMER && event->number == device->timer)
                tick(world, device);
        else if (event->kind == EVENT_STEP && mine && device->phase == HOST_STEPPING)
                go_on(world, device, engine_exchange_step(device->engine, &now));
        else if (event->kind == EVENT_AGAIN && mine && device->phase == HOST_STEPPING)
                begin_request(world, device);
        else if (event->kind == EVENT_ANSWER && waits)
                take_answer(world, device, buffer_view(&event->message));
        else if (event->kind == EVENT_FAILURE && waits)
                take_failure(world, device, (enum exchange_failure)event->detail);
        else if (event->kind == EVENT_TIMEOUT && waits)
                take_failure(world, device, EXCHANGE_OFFLINE);
}
