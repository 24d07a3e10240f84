#include "tests/engines/pair.h"

#include "common/error.h"
#include "store/ca.h"
#include "store/load.h"
#include "store/sample.h"

#include <stdio.h>
#include <string.h>

enum { PEOPLE = 40, STEPS_MAX = 10000 };
#define PAIR_START_MS INT64_C(1790000000000)

static void must(int r, const char *what)
{
        if (r < 0)
                fail_msg("%s: %s at %s", what, error_detail(), error_place());
}

static struct uuid draw(struct pair *pair)
{
        uint8_t random[10];

        crypto_random(random, sizeof random);
        return uuid_v7(pair->now.wall_ms, random);
}

static void load_file(struct pair *pair, const char *type, const char *path)
{
        struct load_report report;
        const struct load_options options = {.type = load_type(bytes_text(type)),
                                             .path = path,
                                             .now_ms = pair->now.wall_ms,
                                             .random = crypto_random};

        must(load_table(pair->storage, &options, &report), path);
        assert_int_equal(report.refused, 0);
}

void pair_load(struct pair *pair, const char *type, const char *csv)
{
        const char *path = unit_path(&pair->folder, "table.csv");
        FILE *file = fopen(path, "wb");

        assert_non_null(file);
        assert_true(fputs(csv, file) >= 0);
        assert_int_equal(fclose(file), 0);
        load_file(pair, type, path);
}

static void load_sample(struct pair *pair)
{
        const char *folder = unit_path(&pair->folder, "sample");
        const struct sample_options options = {.seed = 5,
                                               .people = PEOPLE,
                                               .visits = 2,
                                               .observations = 3,
                                               .now_ms = pair->now.wall_ms,
                                               .folder = folder};
        char path[512];

        must(sample_write(&options), "sample");
        for (int i = 0; i < SAMPLE_FILE_COUNT; i++) {
                (void)snprintf(path, sizeof path, "%s/%s", folder, sample_files()[i].name);
                load_file(pair, sample_files()[i].type, path);
        }
}

static void issue(struct pair *pair, const struct ca *ca, const struct private_key *key,
                  struct buffer *out)
{
        uint8_t point[PUBLIC_KEY_SIZE];
        struct ca_wish wish = {.profile = CA_PROFILE_SIGNING,
                               .common_name = "signing",
                               .public_key = point,
                               .not_before_ms = pair->now.wall_ms - CA_BACKDATE_MS,
                               .not_after_ms = pair->now.wall_ms + CA_LIFE_SIGNING_MS};

        private_key_public(key, point);
        must(ca_issue(ca, &wish, out), "signing certificate");
}

static void make_trust(struct pair *pair)
{
        CLEANUP(buffer_wipe) struct buffer key = BUFFER_INIT;
        CLEANUP(ca_freep) struct ca *ca = NULL;

        must(ca_create("test", pair->now.wall_ms, &key, &pair->ca_der), "authority");
        must(ca_open(buffer_view(&key), buffer_view(&pair->ca_der), &ca), "authority");
        must(private_key_generate(&pair->signing_key), "signing key");
        issue(pair, ca, pair->signing_key, &pair->signing_der);
        pair->settings.signing_key = pair->signing_key;
        pair->settings.trust = (struct wire_trust){
                .version = 1,
                .ca = buffer_view(&pair->ca_der),
                .signing = buffer_view(&pair->signing_der),
        };
}

static int on_locality(void *context, const struct uuid *id)
{
        *(struct uuid *)context = *id;
        return 1;
}

int pair_make(void **state)
{
        struct pair *pair = calloc(1, sizeof *pair);

        if (!pair || unit_folder_make(&pair->folder) != 0)
                return -1;
        *state = pair;
        pair->now = (struct engine_now){PAIR_START_MS, 1000, 7, CLOCK_SYNCHRONISED};
        must(storage_sqlite_open(unit_path(&pair->folder, "store.db"), false, &pair->storage),
             "store");
        load_sample(pair);
        must(storage_sqlite_open(unit_path(&pair->folder, "store.db"), true, &pair->reading),
             "store");
        make_trust(pair);
        must(exchange_new(pair->storage, &pair->settings, &pair->writer), "writer");
        must(exchange_new(pair->reading, &pair->settings, &pair->reader), "reader");
        must(pair->storage->ops->begin_read(pair->storage), "snapshot");
        must(pair->storage->ops->localities(pair->storage, on_locality, &pair->locality),
             "locality");
        pair->storage->ops->rollback(pair->storage);
        return 0;
}

int pair_remove(void **state)
{
        struct pair *pair = *state;

        for (size_t i = 0; i < pair->device_count; i++) {
                (void)engine_free(pair->devices[i].engine);
                (void)private_key_free(pair->devices[i].key);
        }
        (void)exchange_free(pair->writer);
        (void)exchange_free(pair->reader);
        (void)storage_free(pair->reading);
        (void)storage_free(pair->storage);
        (void)private_key_free(pair->signing_key);
        buffer_deinit(&pair->ca_der);
        buffer_deinit(&pair->signing_der);
        (void)unit_folder_remove(&pair->folder);
        free(pair);
        return 0;
}

static void open_engine(struct pair *pair, struct pair_device *device)
{
        char outbox[512], replica[512], name[UUID_TEXT_SIZE];
        struct engine_options options = {.key = device->key,
                                         .device = device->row.id,
                                         .caseload_key = BYTES(device->caseload_key, AEAD_KEY_SIZE),
                                         .ca_certificate = buffer_view(&pair->ca_der),
                                         .random = crypto_random};

        uuid_format(&device->row.id, name);
        (void)snprintf(outbox, sizeof outbox, "%s-outbox.db", unit_path(&pair->folder, name));
        (void)snprintf(replica, sizeof replica, "%s-replica.db", unit_path(&pair->folder, name));
        must(engine_open_databases(outbox, replica, BYTES(device->caseload_key, 48), false,
                                   &options.outbox_db, &options.replica_db),
             "databases");
        must(engine_new(&options, &pair->now, &device->engine), "engine");
}

void pair_reopen(struct pair *pair, struct pair_device *device)
{
        device->engine = engine_free(device->engine);
        open_engine(pair, device);
}

struct pair_device *pair_device_add(struct pair *pair, const struct scope *scopes, size_t count)
{
        struct pair_device *device = &pair->devices[pair->device_count++];
        struct storage *storage = pair->storage;

        must(private_key_generate(&device->key), "device key");
        crypto_random(device->caseload_key, sizeof device->caseload_key);
        device->row = (struct device_row){
                .id = draw(pair),
                .locality = pair->locality,
                .name = "tablet",
                .state = DEVICE_ACTIVE,
                .ceiling = CLASS_CLINICAL,
                .not_after_ms = pair->now.wall_ms + CA_LIFE_DEVICE_MS,
                .created_ms = pair->now.wall_ms,
                .enrolled_ms = pair->now.wall_ms,
        };
        private_key_public(device->key, device->row.public_key);
        must(storage->ops->device_put(storage, &device->row), "device");
        for (size_t i = 0; i < count; i++)
                must(storage->ops->grant_put(storage, &device->row.id, &scopes[i]), "grant");
        open_engine(pair, device);
        return device;
}

static int on_hit(void *context, const struct record *record, struct bytes stamps)
{
        (void)stamps;
        *(struct uuid *)context = record->id;
        return 1;
}

struct uuid pair_find(struct pair *pair, const char *type_name, const char *field, const char *text)
{
        const struct catalogue_type *type = catalogue_type_by_name(bytes_text(type_name));
        struct value value = {.form = VALUE_BYTES, .bytes = bytes_text(text)};
        struct uuid id = UUID_NONE;

        must(pair->storage->ops->begin_read(pair->storage), "snapshot");
        must(pair->storage->ops->record_find(pair->storage, type,
                                             catalogue_field_index_by_name(type, bytes_text(field)),
                                             &value, on_hit, &id),
             "find");
        pair->storage->ops->rollback(pair->storage);
        assert_false(uuid_is_none(&id));
        return id;
}

/* The store's half: read, commit where there is work, answer, note custody. */
static void serve(struct pair *pair, struct pair_device *device, struct bytes body,
                  struct exchange_answer *ret)
{
        CLEANUP(exchange_request_freep) struct exchange_request *request = NULL;
        const struct exchange_answer *answers[1] = {ret};

        must(exchange_read(pair->reader, body, &device->row, pair->now.wall_ms, &request), "read");
        if (exchange_has_work(request))
                must(exchange_commit(pair->writer, &request, 1, pair->now.wall_ms), "commit");
        must(exchange_answer(pair->reader, request, pair->now.wall_ms, ret), "answer");
        if (ret->commit_first)
                must(exchange_custody(pair->writer, answers, 1, pair->now.wall_ms), "custody");
}

int pair_exchange(struct pair *pair, struct pair_device *device)
{
        CLEANUP(buffer_deinit) struct buffer request = BUFFER_INIT;
        CLEANUP(exchange_answer_deinit) struct exchange_answer answer = {0};
        int r;

        must(engine_exchange_request(device->engine, &pair->now, &request), "request");
        serve(pair, device, buffer_view(&request), &answer);
        device->round_trips++;
        device->bytes_sent += request.size;
        device->bytes_received += answer.body.size;
        r = engine_exchange_answer(device->engine, &pair->now, buffer_view(&answer.body));
        for (int i = 0; r == EXCHANGE_STEP && i < STEPS_MAX; i++)
                r = engine_exchange_step(device->engine, &pair->now);
        must(r, "apply");
        return r;
}

void pair_sync(struct pair *pair, struct pair_device *device, size_t limit)
{
        int r;

        device->round_trips = device->bytes_sent = device->bytes_received = 0;
        pair->now.wall_ms += 1000;
        pair->now.boot_ms += 1000;
        do {
                assert_true(device->round_trips < limit);
                r = pair_exchange(pair, device);
        } while (r == EXCHANGE_AGAIN);
        assert_int_equal(r, EXCHANGE_DONE);
}
