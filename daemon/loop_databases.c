/* The daemon's databases: opened together, and what is done where one of them is damaged. */
#include "daemon/loop_internal.h"

#include "common/error.h"
#include "common/file.h"
#include "common/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
        DAMAGED_MAX = 9
}; /* damaged outboxes that are kept; somebody has to look after a device that makes more */

static void on_engine_event(void *context, const struct engine_event *event)
{
        struct loop *loop = context;

        if (loop->porter && event->kind == ENGINE_EVENT_PERSON && event->gone)
                porter_left(loop->porter);
        if (loop->api)
                api_event(loop->api, event);
}

static struct engine_options engine_options(struct loop *loop)
{
        const struct identity *identity = loop->identity;

        return (struct engine_options){
                .key = identity->key,
                .device = identity->device,
                .caseload_key = BYTES(identity->caseload, AEAD_KEY_SIZE),
                .ca_certificate = buffer_view(&identity->authority),
                .random = crypto_random,
                .event = on_engine_event,
                .event_context = loop,
        };
}

static int open_once(struct loop *loop, bool rebuild)
{
        CLEANUP(db_freep) struct db *outbox = NULL;
        CLEANUP(db_freep) struct db *replica = NULL;
        char outbox_path[IDENTITY_PATH_MAX + 16], replica_path[IDENTITY_PATH_MAX + 16];
        const struct identity *identity = loop->identity;
        struct engine_options options = engine_options(loop);
        struct engine_now now = loop_now(loop);
        int r;

        identity_path(identity, "outbox.db", outbox_path);
        identity_path(identity, "replica.db", replica_path);
        r = engine_open_databases(outbox_path, replica_path,
                                  BYTES(identity->caseload, CASELOAD_KEY_SIZE), rebuild, &outbox,
                                  &replica);
        if (r < 0)
                return r;
        options.outbox_db = outbox;
        options.replica_db = replica;
        r = engine_new(&options, &now, &loop->engine);
        if (r < 0)
                return r;
        outbox = NULL; /* the engine has taken them */
        replica = NULL;
        return 0;
}

/* ---- a damaged outbox ---- */

static int move_part(const char *path, const char *aside, const char *suffix)
{
        char from[IDENTITY_PATH_MAX + 32], to[IDENTITY_PATH_MAX + 32];

        (void)snprintf(from, sizeof(from), "%s%s", path, suffix);
        (void)snprintf(to, sizeof(to), "%s%s", aside, suffix);
        if (rename(from, to) < 0 && errno != ENOENT)
                return FAIL(PANNIER_E_SYSTEM, "%s cannot be set aside: %s", from, strerror(errno));
        return 0;
}

/* It is kept: somebody may get more out of it than this program does. */
static int set_aside(const char *path)
{
        static const char *const suffixes[] = {"-wal", "-shm", ""};
        char aside[IDENTITY_PATH_MAX + 32];
        int r = 0;

        for (int number = 1; number <= DAMAGED_MAX; number++) {
                (void)snprintf(aside, sizeof(aside), "%s.damaged-%d", path, number);
                if (access(aside, F_OK) == 0)
                        continue;
                for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]) && r == 0; i++)
                        r = move_part(path, aside, suffixes[i]);
                if (r == 0)
                        r = file_flush_folder(path);
                if (r == 0)
                        log_error("the outbox was damaged and lies in %s now: keep that file",
                                  aside);
                return r;
        }
        return FAIL(PANNIER_E_LIMIT, "%d damaged outboxes lie beside %s: its medium is broken",
                    DAMAGED_MAX, path);
}

/* Is it the outbox that is damaged? The replica still has what waited in it, so that one must not be thrown away then. */
static int mend_outbox(struct loop *loop)
{
        char path[IDENTITY_PATH_MAX + 16];
        struct engine_options options = engine_options(loop);
        int r;

        identity_path(loop->identity, "outbox.db", path);
        r = engine_check_outbox(path, &options);
        if (r != PANNIER_E_CORRUPT)
                return r;
        log_failure(LOG_LEVEL_ERROR, r, "the outbox cannot be used");
        r = set_aside(path);
        return r < 0 ? r : 1;
}

static int open_mended(struct loop *loop)
{
        int mended = mend_outbox(loop);
        int r = mended < 0 ? mended : open_once(loop, mended == 0);

        if (r == PANNIER_E_CORRUPT && mended > 0) {
                log_failure(LOG_LEVEL_WARNING, r, "the replica is built anew");
                r = open_once(loop, true);
        }
        return r;
}

int loop_open_engine(struct loop *loop, bool rebuild)
{
        struct engine_link link = loop_link_now(loop);
        struct engine_status status;
        int r = rebuild ? open_mended(loop) : open_once(loop, false);

        if (r == PANNIER_E_CORRUPT && !rebuild) {
                log_failure(LOG_LEVEL_WARNING, r, "the replica is built anew");
                r = open_mended(loop);
        }
        if (r < 0)
                return r;
        struct engine_now now = loop_now(loop);
        if (engine_status(loop->engine, &now, &status) >= 0)
                loop->last_store_ms = status.last_complete_ms;
        engine_set_budgets(loop->engine, &now, loop->options.day_bytes);
        engine_link_changed(loop->engine, &now, &link);
        if (loop->api)
                api_set_engine(loop->api, loop->engine);
        if (loop_open_porter(loop) < 0)
                error_clear();
        return 0;
}
