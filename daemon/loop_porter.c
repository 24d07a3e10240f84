/*
 *     IDLE ──▶ ASKING (GET …/state) ──▶ BRINGING (PUT …/n) ──▶ IDLE      an upload, from the first chunk that the store misses
 *       ├────▶ FETCHING (GET …/n) ─────────────────────────▶ IDLE      a download
 *       └────▶ WONDERING (GET …/wanted) ───────────────────▶ IDLE      does the store lack what is kept here?
 *
 * What is to be brought is what lies in outbox.d; the list in memory only knows when each is tried next.
 */
#include "daemon/loop_porter_internal.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/scope.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_TYPE "application/cbor-seq"

enum {
        ANSWER_MAX = 64 << 10,
        LOOK_MS = 60000, /* an entry that has no outcome yet is looked at again by then */
};

/* ---- the list ---- */

static struct load *load_find(const struct porter *porter, const struct uuid *id)
{
        struct load *load;

        TAILQ_FOREACH(load, &porter->loads, link)
        if (uuid_equal(&load->id, id))
                return load;
        return NULL;
}

static struct load *load_add(struct porter *porter, const struct uuid *id, bool again)
{
        struct load *load = load_find(porter, id);

        if (load)
                return load;
        load = calloc(1, sizeof(*load));
        if (!load)
                return NULL; /* it lies in outbox.d: the next start knows it */
        load->id = *id;
        load->again = again;
        TAILQ_INSERT_TAIL(&porter->loads, load, link);
        return load;
}

static void load_drop(struct porter *porter, const struct uuid *id)
{
        struct load *load = load_find(porter, id);

        if (!load)
                return;
        TAILQ_REMOVE(&porter->loads, load, link);
        free(load);
}

static int64_t backoff(uint32_t tries, int64_t max_ms)
{
        int64_t wait_ms = PORTER_RETRY_MS;

        for (uint32_t i = 1; i < tries && wait_ms < max_ms; i++)
                wait_ms *= 2;
        return wait_ms < max_ms ? wait_ms : max_ms;
}

/* It waits for longer and longer, and the others are not held up by it. */
static void load_failed(struct porter *porter, const char *detail, int64_t retry_after_ms)
{
        struct load *load = load_find(porter, &porter->current);
        int64_t wait_ms;

        if (!load)
                return;
        if (load->again) { /* somebody else may have them */
                load_drop(porter, &porter->current);
                return;
        }
        load->tries++;
        wait_ms = backoff(load->tries, PORTER_RETRY_MAX_MS);
        load->due_ms = clock_boot_ms() + (wait_ms > retry_after_ms ? wait_ms : retry_after_ms);
        (void)snprintf(load->detail, sizeof(load->detail), "%s", detail);
        log_info("an attachment was not brought: %s", detail);
        TAILQ_REMOVE(&porter->loads, load, link);
        TAILQ_INSERT_TAIL(&porter->loads, load, link);
}

static void load_never(struct porter *porter, const char *detail)
{
        struct load *load = load_find(porter, &porter->current);

        if (!load)
                return;
        load_failed(porter, detail, 0);
        load = load_find(porter, &porter->current);
        if (load)
                load->never = true;
}

/* ---- transfers ---- */

void porter_spend(struct porter *porter, uint64_t bytes)
{
        int64_t day = scope_day(clock_now_ms());

        if (day != porter->day)
                porter->spent = 0;
        porter->day = day;
        porter->spent += bytes;
}

static bool may_spend(struct porter *porter)
{
        porter_spend(porter, 0);
        return !porter->options.metered(porter->options.context) ||
               porter->spent + ATTACHMENT_CHUNK_SIZE <= PORTER_DAY_MAX;
}

/* Trouble of the link is nobody's fault among the loads: everything waits for it. */
static bool is_link_trouble(const struct link_answer *answer)
{
        switch (answer->failure) {
        case EXCHANGE_OK:
        case EXCHANGE_PROTOCOL:
        case EXCHANGE_REFUSED:
        case EXCHANGE_UPGRADE:
                return answer->status == 403;
        case EXCHANGE_RATE_LIMITED:
        case EXCHANGE_STORE_UNAVAILABLE:
                return answer->status != 429 && answer->status != 507;
        case EXCHANGE_OFFLINE:
        case EXCHANGE_DNS:
        case EXCHANGE_CAPTIVE_PORTAL:
        case EXCHANGE_PROXY:
        case EXCHANGE_TLS_UNTRUSTED:
        case EXCHANGE_CERTIFICATE_EXPIRED:
        case EXCHANGE_CLOCK_WRONG:
        case EXCHANGE_FORKED:
        case EXCHANGE_STORE_BEHIND:
        case EXCHANGE_FAILURE_COUNT:
                break;
        }
        return answer->status == 0 || answer->status >= 500;
}

static bool link_failed(struct porter *porter, const struct link_answer *answer)
{
        int64_t wait_ms;

        if (!is_link_trouble(answer)) {
                porter->link_tries = 0;
                return false;
        }
        porter->link_tries++;
        wait_ms = backoff(porter->link_tries, PORTER_LINK_MAX_MS);
        porter->link_due_ms = clock_boot_ms() +
                              (wait_ms > answer->retry_after_ms ? wait_ms : answer->retry_after_ms);
        return true;
}

int porter_transfer(struct porter *porter, enum porter_state state, const char *path,
                    struct bytes body, const char *wanted_type, size_t answer_max, link_done done)
{
        CLEANUP(buffer_deinit) struct buffer url = BUFFER_INIT;
        struct link_request request = {0};
        int r;

        porter->options.request(porter->options.context, path, &url, &request);
        r = buffer_check(&url);
        if (r < 0)
                return r;
        request.url = (const char *)url.data;
        request.wanted_type = wanted_type;
        request.answer_max = answer_max;
        request.apart = true;
        if (body.size) {
                request.method = "PUT";
                request.media_type = PORTER_CHUNK_TYPE;
                request.body = body;
        }
        r = link_send(porter->options.link, &request, done, porter, &porter->transfer);
        if (r >= 0) {
                porter->state = state;
                porter_spend(porter, body.size);
        }
        return r;
}

/* An error of our own ends the transfer; it is tried again as any other. */
static void own_trouble(struct porter *porter, int error, const char *what)
{
        char detail[PORTER_DETAIL_SIZE];

        (void)snprintf(detail, sizeof(detail), "%s: %s", what, error_detail());
        log_failure(LOG_LEVEL_WARNING, error, "%s", what);
        if (error == PANNIER_E_CORRUPT)
                load_never(porter, detail);
        else
                load_failed(porter, detail, 0);
}

/* ---- up ---- */

/* The store has them: they are kept for as long as their record is here. */
static int settle(struct porter *porter)
{
        const struct load *load = load_find(porter, &porter->current);
        struct satchel *satchel = porter->options.satchel;
        int r;

        if (load && load->again) {
                load_drop(porter, &porter->current);
                return 0;
        }
        r = engine_attachment_keep(porter->engine, &porter->current, porter->key);
        if (r > 0)
                r = satchel_settle(satchel, &porter->current);
        else if (r == 0)
                r = satchel_remove(satchel, SATCHEL_OUT, &porter->current);
        if (r >= 0)
                r = satchel_trim(satchel);
        if (r >= 0)
                load_drop(porter, &porter->current);
        return r;
}

static void bring(struct porter *porter);

/* What the store answers about a load: with its signature, or with what it misses. */
static void take_state(struct porter *porter, const struct link_answer *answer)
{
        uint32_t next = 0;
        int r = engine_attachment_answer(porter->engine, &porter->current, &porter->attachment,
                                         answer->body, &next);

        if (r == 0 && answer->failure == EXCHANGE_OK && next == porter->next &&
            porter->state == PORTER_BRINGING)
                r = FAIL(PANNIER_E_MALFORMED, "the store took a chunk and still misses it");
        if (r < 0) {
                own_trouble(porter, r, "the store's answer");
                return;
        }
        if (r > 0) {
                r = settle(porter);
                if (r < 0)
                        own_trouble(porter, r, "putting an attachment away");
                return;
        }
        porter->next = next;
        if (engine_quiet(porter->engine) && may_spend(porter))
                bring(porter);
}

static void refused(struct porter *porter, const struct link_answer *answer)
{
        char detail[PORTER_DETAIL_SIZE];

        switch (answer->status) {
        case 404:
                load_failed(porter, "the store knows no entry of this device that names it", 0);
                break;
        case 422:
                load_never(porter, "the bytes are not the ones that its entry names");
                break;
        case 429:
                load_failed(porter, "this device has brought enough for today",
                            answer->retry_after_ms);
                break;
        case 507:
                load_failed(porter, "the store has no room for attachments",
                            answer->retry_after_ms);
                break;
        default:
                (void)snprintf(detail, sizeof(detail), "the store refused it: %s", answer->detail);
                load_failed(porter, detail, answer->retry_after_ms);
        }
}

static void on_state(void *context, const struct link_answer *answer)
{
        struct porter *porter = context;
        bool told = answer->failure == EXCHANGE_OK ||
                    (answer->status == 409 && porter->state == PORTER_BRINGING);

        porter->transfer = NULL;
        if (told)
                take_state(porter, answer);
        else if (!link_failed(porter, answer))
                refused(porter, answer);
        if (told)
                porter->link_tries = 0;
        if (!porter->transfer)
                porter->state = PORTER_IDLE;
        porter_step(porter);
}

static void bring(struct porter *porter)
{
        const struct load *load = load_find(porter, &porter->current);
        char path[160], id[UUID_TEXT_SIZE], hex[2 * HASH_SIZE + 1];
        uint8_t hash[HASH_SIZE];
        int r;

        buffer_reset(&porter->chunk);
        r = satchel_read(porter->options.satchel, load && load->again ? SATCHEL_KEPT : SATCHEL_OUT,
                         &porter->current, porter->key, porter->attachment.size, porter->next,
                         &porter->chunk);
        if (r >= 0) {
                crypto_sha256(buffer_view(&porter->chunk), hash);
                bytes_hex(BYTES(hash, HASH_SIZE), hex);
                uuid_format(&porter->current, id);
                (void)snprintf(path, sizeof(path), "/v1/attachments/%s/%u?hash=%s", id,
                               porter->next, hex);
                r = porter_transfer(porter, PORTER_BRINGING, path, buffer_view(&porter->chunk),
                                    ANSWER_TYPE, ANSWER_MAX, on_state);
        }
        buffer_wipe(&porter->chunk);
        if (r < 0)
                own_trouble(porter, r, "reading an attachment");
}

/* 1 it can be brought now; 0 not, or not any more */
static int open_load(struct porter *porter, struct load *load)
{
        enum entry_outcome state = OUTCOME_NONE;
        int r;

        porter->current = load->id;
        if (load->again) {
                r = engine_attachment_key(porter->engine, &load->id, porter->key);
                return r > 0 ? engine_attachment_record(porter->engine, &load->id,
                                                        &porter->attachment)
                             : r;
        }
        r = engine_attachment_entry(porter->engine, &load->id, &state);
        if (r < 0)
                return r;
        if (r > 0 && (state == OUTCOME_NONE || state == OUTCOME_PARKED)) {
                load->due_ms = clock_boot_ms() + LOOK_MS;
                return 0;
        }
        /* an entry that is not in the outbox any more was settled long ago */
        r = satchel_out(porter->options.satchel, &load->id, &porter->attachment, porter->key);
        if (r == 0 && satchel_has(porter->options.satchel, SATCHEL_OUT, &load->id))
                r = satchel_settle(porter->options.satchel, &load->id); /* a crash came between */
        return r;
}

static void begin_load(struct porter *porter, struct load *load)
{
        char path[96], id[UUID_TEXT_SIZE];
        bool again = load->again;
        int r = open_load(porter, load);

        if (r > 0) {
                uuid_format(&porter->current, id);
                (void)snprintf(path, sizeof(path), "/v1/attachments/%s/state", id);
                r = porter_transfer(porter, PORTER_ASKING, path, BYTES_NONE, ANSWER_TYPE,
                                    ANSWER_MAX, on_state);
        } else if (r == 0 && (again || !satchel_has(porter->options.satchel, SATCHEL_OUT,
                                                    &porter->current))) {
                load_drop(porter, &porter->current);
        }
        if (r < 0)
                own_trouble(porter, r, "opening an attachment");
}

/* ---- does the store lack what is kept here? ---- */

static void on_wanted(void *context, const struct link_answer *answer)
{
        struct porter *porter = context;
        struct uuid records[WIRE_WANTED_MAX];
        size_t count = 0;

        porter->transfer = NULL;
        porter->state = PORTER_IDLE;
        if (answer->failure == EXCHANGE_OK) {
                if (engine_attachment_wanted(porter->engine, answer->body, records, &count) < 0)
                        error_clear();
                for (size_t i = 0; i < count; i++)
                        if (satchel_has(porter->options.satchel, SATCHEL_KEPT, &records[i]))
                                (void)load_add(porter, &records[i], true);
        } else {
                (void)link_failed(porter, answer);
        }
        porter_step(porter);
}

static void wonder(struct porter *porter)
{
        porter->wanted_due_ms = clock_boot_ms() + PORTER_WANTED_MS;
        if (porter_transfer(porter, PORTER_WONDERING, "/v1/attachments/wanted", BYTES_NONE,
                            ANSWER_TYPE, ANSWER_MAX, on_wanted) < 0)
                error_clear();
}

/* ---- what is next ---- */

static int clear_keyless(void *context, const struct satchel_file *file)
{
        struct porter *porter = context;
        uint8_t key[AEAD_KEY_SIZE];
        int r = engine_attachment_key(porter->engine, &file->id, key);

        crypto_wipe(key, sizeof(key));
        if (r != 0)
                return r < 0 ? r : 0;
        return satchel_remove(porter->options.satchel, SATCHEL_KEPT, &file->id);
}

/* Without its key a file is noise; it goes because it takes room. */
static void clear_kept(struct porter *porter)
{
        int r = satchel_each(porter->options.satchel, SATCHEL_KEPT, clear_keyless, porter);

        if (r < 0)
                log_failure(LOG_LEVEL_WARNING, r, "clearing kept attachments");
        porter->left = r < 0;
}

static void wake_at(struct porter *porter, int64_t due_ms)
{
        int64_t left_ms = due_ms - clock_boot_ms();
        const struct timeval wait = {.tv_sec = left_ms > 0 ? left_ms / 1000 : 0,
                                     .tv_usec = left_ms > 0 ? (suseconds_t)(left_ms % 1000) * 1000
                                                            : 0};

        (void)evtimer_add(porter->timer, &wait);
}

static struct load *due_load(struct porter *porter, int64_t now_ms, int64_t *ret_due_ms)
{
        struct load *load;

        TAILQ_FOREACH(load, &porter->loads, link)
        {
                if (load->never)
                        continue;
                if (load->due_ms <= now_ms)
                        return load;
                if (load->due_ms < *ret_due_ms)
                        *ret_due_ms = load->due_ms;
        }
        return NULL;
}

void porter_step(struct porter *porter)
{
        int64_t now_ms = clock_boot_ms(), due_ms = now_ms + PORTER_WANTED_MS;

        for (int i = 0; porter->engine && porter->state == PORTER_IDLE && i < 64; i++) {
                struct porter_fetch *fetch = TAILQ_FIRST(&porter->fetches);
                struct load *load;

                if (porter->left)
                        clear_kept(porter);
                if (fetch) {
                        fetch_chunk(porter, fetch);
                        continue;
                }
                if (!engine_quiet(porter->engine) || !may_spend(porter))
                        return; /* porter_look() comes with what changes that */
                if (porter->link_due_ms > now_ms || porter->patience_ms > now_ms) {
                        wake_at(porter, porter->link_due_ms > porter->patience_ms
                                                ? porter->link_due_ms
                                                : porter->patience_ms);
                        return;
                }
                load = due_load(porter, now_ms, &due_ms);
                if (load) {
                        begin_load(porter, load);
                        continue;
                }
                if (now_ms >= porter->wanted_due_ms &&
                    satchel_bytes(porter->options.satchel, SATCHEL_KEPT) > 0) {
                        wonder(porter);
                        continue;
                }
                break;
        }
        if (porter->state == PORTER_IDLE)
                wake_at(porter, due_ms);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
        (void)fd;
        (void)what;
        porter_step(context);
}

void porter_look(struct porter *porter)
{
        struct load *load;

        /* an entry that had no outcome may have one now */
        TAILQ_FOREACH(load, &porter->loads, link)
        if (!load->tries)
                load->due_ms = 0;
        porter_step(porter);
}

void porter_give_way(struct porter *porter)
{
        if (!porter->transfer || porter->state == PORTER_FETCHING || !porter->engine ||
            !engine_waits(porter->engine))
                return;
        link_cancel(porter->options.link, porter->transfer);
        porter->transfer = NULL;
        porter->state = PORTER_IDLE;
}

void porter_network(struct porter *porter)
{
        porter->link_due_ms = 0;
        porter->link_tries = 0;
        porter_look(porter);
}

void porter_left(struct porter *porter)
{
        porter->left = true;
}

/* ---- life ---- */

/* A request that was asked twice with other bytes left other bytes here: they are nobody's. */
static int is_named(void *context, const struct uuid *id, const struct attachment *attachment)
{
        struct porter *porter = context;
        enum entry_outcome state;
        struct attachment named;
        int r = engine_attachment_entry(porter->engine, id, &state);

        if (r <= 0)
                return r;
        r = engine_attachment_named(porter->engine, id, &named);
        if (r <= 0) /* what it names is forgotten here: whatever lies in its place came first */
                return r < 0 ? r : !satchel_has(porter->options.satchel, SATCHEL_OUT, id);
        return memcmp(named.hash, attachment->hash, HASH_SIZE) == 0;
}

static int list_load(void *context, const struct satchel_file *file)
{
        struct porter *porter = context;

        return load_add(porter, &file->id, false) ? 0
                                                  : FAIL(PANNIER_E_MEMORY, "no memory for a list");
}

int porter_set_engine(struct porter *porter, struct engine *engine, int64_t now_ms)
{
        int r;

        if (porter->transfer)
                link_cancel(porter->options.link, porter->transfer);
        porter->transfer = NULL;
        porter->state = PORTER_IDLE;
        porter->engine = engine;
        if (!engine)
                return 0;
        porter->left = true;
        r = satchel_recover(porter->options.satchel, now_ms, is_named, porter);
        return r < 0 ? r : satchel_each(porter->options.satchel, SATCHEL_OUT, list_load, porter);
}

void porter_add(struct porter *porter, const struct uuid *id)
{
        (void)load_add(porter, id, false);
}

struct satchel *porter_satchel(struct porter *porter)
{
        return porter->options.satchel;
}

int porter_new(const struct porter_options *options, struct porter **ret)
{
        CLEANUP(porter_freep) struct porter *porter = calloc(1, sizeof(*porter));

        if (!porter)
                return FAIL(PANNIER_E_MEMORY, "no memory for attachments");
        porter->options = *options;
        TAILQ_INIT(&porter->loads);
        TAILQ_INIT(&porter->fetches);
        porter->timer = evtimer_new(options->base, on_timer, porter);
        if (!porter->timer)
                return FAIL(PANNIER_E_MEMORY, "no memory for attachments");
        *ret = TAKE(porter);
        return 0;
}

struct porter *porter_free(struct porter *porter)
{
        struct porter_fetch *fetch;

        if (!porter)
                return NULL;
        if (porter->transfer)
                link_cancel(porter->options.link, porter->transfer);
        while ((fetch = TAILQ_FIRST(&porter->fetches))) {
                TAILQ_REMOVE(&porter->fetches, fetch, link);
                (void)satchel_writer_free(fetch->writer);
                free(fetch);
        }
        while (!TAILQ_EMPTY(&porter->loads)) {
                struct load *load = TAILQ_FIRST(&porter->loads);

                TAILQ_REMOVE(&porter->loads, load, link);
                free(load);
        }
        if (porter->timer)
                event_free(porter->timer);
        buffer_wipe(&porter->chunk);
        crypto_wipe(porter->key, sizeof(porter->key));
        free(porter);
        return NULL;
}

/* ---- status ---- */

void porter_status(const struct porter *porter, struct porter_status *ret)
{
        const struct load *load;

        *ret = (struct porter_status){
                .waiting_bytes = satchel_bytes(porter->options.satchel, SATCHEL_OUT),
                .kept_bytes = satchel_bytes(porter->options.satchel, SATCHEL_KEPT),
        };
        TAILQ_FOREACH(load, &porter->loads, link)
        {
                if (load->again)
                        continue;
                ret->waiting++;
                if (!load->tries)
                        continue;
                if (ret->failed++ == 0) {
                        ret->failed_id = load->id;
                        memcpy(ret->detail, load->detail, sizeof(ret->detail));
                }
        }
}

bool porter_waits(const struct porter *porter, const struct uuid *id, const char **ret_detail)
{
        const struct load *load = load_find(porter, id);

        *ret_detail = load ? load->detail : "";
        return load && !load->again;
}
