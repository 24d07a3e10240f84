/*
 * A payload is a zstd frame of CBOR: [number, time, [locality, epoch id …], actions]; actions are CBOR arrays behind each other
 * (journal_record.c). journal_file.c says how it lies in the file.
 */
#include "store/journal.h"

#include "common/compress.h"
#include "common/error.h"
#include "store/journal_file.h"
#include "store/journal_record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct journal {
        const struct storage_ops *inner; /* of the connection */
        struct storage_ops ops;
        int fd;
        bool open;    /* a write transaction is open */
        bool playing; /* what is done comes from the file */
        size_t kept;  /* size of actions at the savepoint */
        struct uuid localities[WIRE_LOCALITIES_MAX];
        size_t locality_count;
        struct buffer actions; /* of the transaction */
        struct compressor *compressor;
        char *path;
        struct
        { /* a place in the file that the database was at: whoever writes goes on from there */
                off_t at;
                uint64_t number;
                uint8_t hash[HASH_SIZE];
        } seen;
};

static struct journal *journal_of(struct storage *storage)
{
        return storage->journal;
}

/* ---- writing: a record goes to the file before the database commits ---- */

static int make_payload(struct storage *storage, uint64_t number, struct buffer *out)
{
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        const struct journal *journal = journal_of(storage);

        cbor_put_array(&clear, 4);
        cbor_put_uint(&clear, number);
        cbor_put_int(&clear, storage->now_ms);
        cbor_put_array(&clear, 2 * journal->locality_count);
        for (size_t i = 0; i < journal->locality_count; i++) {
                const struct storage_locality *state =
                        storage->ops->locality(storage, &journal->localities[i]);

                cbor_put_uuid(&clear, &journal->localities[i]);
                cbor_put_uuid(&clear, state ? &state->epoch_id : &UUID_NONE);
        }
        cbor_put_bytes(&clear, buffer_view(&journal->actions));
        if (buffer_check(&clear) < 0)
                return buffer_check(&clear);
        if (clear.size > JOURNAL_RECORD_MAX)
                return FAIL(PANNIER_E_LIMIT, "a transaction is too large for the journal");
        return compress_message(journal->compressor, buffer_view(&clear), out);
}

/* The database's lock is held, so nobody else writes here. What lies behind its place was never committed: it is cut off. */
static int find_place(struct journal *journal, uint64_t number, const uint8_t hash[HASH_SIZE],
                      struct journal_walk *walk)
{
        int r = journal_walk_begin(walk, journal->fd);

        if (r > 0 && journal->seen.at > 0 && journal->seen.number <= number) {
                walk->at = journal->seen.at;
                walk->number = journal->seen.number;
                memcpy(walk->hash, journal->seen.hash, HASH_SIZE);
        }
        if (r > 0)
                r = journal_walk_to(walk, number, hash);
        if (r > 0) {
                journal->seen.at = walk->at;
                journal->seen.number = number;
                memcpy(journal->seen.hash, hash, HASH_SIZE);
        }
        return r;
}

static int append(struct storage *storage)
{
        CLEANUP(buffer_deinit) struct buffer payload = BUFFER_INIT;
        struct journal *journal = journal_of(storage);
        struct journal_walk walk = {0};
        uint8_t hash[HASH_SIZE];
        uint64_t number;
        int r = storage->ops->journal_get(storage, &number, hash);

        if (r == 0)
                r = make_payload(storage, number + 1, &payload);
        if (r == 0)
                r = find_place(journal, number, hash, &walk);
        buffer_deinit(&walk.payload);
        if (r <= 0)
                return r < 0 ? r
                             : FAIL(PANNIER_E_CORRUPT,
                                    "the journal does not go on where the database is");
        r = journal_append(journal->fd, &walk, buffer_view(&payload));
        return r < 0 ? r : storage->ops->journal_put(storage, walk.number, walk.hash);
}

/* ---- the layer ---- */

static int on_begin(struct storage *storage, const struct uuid *localities, size_t count)
{
        struct journal *journal = journal_of(storage);
        int r = journal->inner->begin(storage, localities, count);

        if (r < 0)
                return r;
        journal->open = true;
        buffer_reset(&journal->actions);
        journal->locality_count = count < WIRE_LOCALITIES_MAX ? count : WIRE_LOCALITIES_MAX;
        if (count > 0)
                memcpy(journal->localities, localities,
                       journal->locality_count * sizeof(*localities));
        return 0;
}

static void on_rollback(struct storage *storage)
{
        struct journal *journal = journal_of(storage);

        journal->open = false;
        buffer_reset(&journal->actions);
        journal->inner->rollback(storage);
}

static int on_commit(struct storage *storage)
{
        struct journal *journal = journal_of(storage);
        int r = buffer_check(&journal->actions);

        if (r == 0 && journal->open && journal->actions.size > 0)
                r = append(storage);
        if (r < 0) {
                on_rollback(storage);
                return r;
        }
        journal->open = false;
        buffer_reset(&journal->actions);
        return journal->inner->commit(storage);
}

static int on_savepoint(struct storage *storage)
{
        struct journal *journal = journal_of(storage);

        journal->kept = journal->actions.size;
        return journal->inner->savepoint(storage);
}

static int on_savepoint_back(struct storage *storage)
{
        struct journal *journal = journal_of(storage);

        journal->actions.size = journal->kept;
        return journal->inner->savepoint_back(storage);
}

/* Where to write an action down; NULL: it comes from the file itself */
static struct buffer *actions_of(struct storage *storage)
{
        struct journal *journal = journal_of(storage);

        return journal->playing ? NULL : &journal->actions;
}

static int on_device_put(struct storage *storage, const struct device_row *row)
{
        struct journal *journal = journal_of(storage);
        struct buffer *out = actions_of(storage);
        int r;

        if (!journal->open) { /* a transaction of its own */
                r = on_begin(storage, NULL, 0);
                r = r < 0 ? r : on_device_put(storage, row);
                if (r == 0)
                        return on_commit(storage);
                if (journal->open)
                        on_rollback(storage);
                return r;
        }
        r = journal->inner->device_put(storage, row);
        if (r == 0 && out)
                journal_put_device(row, out);
        return r;
}

static int on_grant_put(struct storage *storage, const struct uuid *device,
                        const struct scope *scope)
{
        struct buffer *out = actions_of(storage);
        int r = journal_of(storage)->inner->grant_put(storage, device, scope);

        if (r == 0 && out)
                journal_put_grant(JOURNAL_GRANT, device, scope, out);
        return r;
}

static int on_grant_remove(struct storage *storage, const struct uuid *device,
                           const struct scope *scope)
{
        struct buffer *out = actions_of(storage);
        int r = journal_of(storage)->inner->grant_remove(storage, device, scope);

        if (r == 0 && out)
                journal_put_grant(JOURNAL_GRANT_END, device, scope, out);
        return r;
}

static int on_code_put(struct storage *storage, const uint8_t hash[HASH_SIZE],
                       const struct uuid *device, int64_t expires_ms)
{
        struct buffer *out = actions_of(storage);
        int r = journal_of(storage)->inner->code_put(storage, hash, device, expires_ms);

        if (r == 0 && out)
                journal_put_code(hash, device, expires_ms, out);
        return r;
}

static int on_code_use(struct storage *storage, const uint8_t hash[HASH_SIZE],
                       const uint8_t public_key[PUBLIC_KEY_SIZE])
{
        struct buffer *out = actions_of(storage);
        int r = journal_of(storage)->inner->code_use(storage, hash, public_key);

        if (r == 0 && out)
                journal_put_code_used(hash, public_key, out);
        return r;
}

static int on_code_burn(struct storage *storage, const struct uuid *device)
{
        struct buffer *out = actions_of(storage);
        int r = journal_of(storage)->inner->code_burn(storage, device);

        if (r == 0 && out)
                journal_put_burnt(device, out);
        return r;
}

static int on_key_put(struct storage *storage, const struct uuid *locality,
                      const struct catalogue_type *type, struct bytes key,
                      const struct uuid *record)
{
        struct buffer *out = actions_of(storage);
        int r = journal_of(storage)->inner->load_key_put(storage, locality, type, key, record);

        if (r == 0 && out)
                journal_put_word(JOURNAL_KEY, locality, type, key, record, out);
        return r;
}

static int on_word_put(struct storage *storage, const struct uuid *locality,
                       const struct catalogue_type *type, struct bytes word,
                       const struct uuid *record)
{
        struct buffer *out = actions_of(storage);
        int r = journal_of(storage)->inner->load_word_put(storage, locality, type, word, record);

        if (r == 0 && out)
                journal_put_word(JOURNAL_WORD, locality, type, word, record, out);
        return r;
}

static int on_epoch_begin(struct storage *storage, const struct uuid *locality,
                          const struct epoch_row *next, uint64_t left)
{
        struct buffer *out = actions_of(storage);
        int r = journal_of(storage)->inner->epoch_begin(storage, locality, next, left);

        if (r == 0 && out)
                journal_put_epoch(locality, next, left, out);
        return r;
}

int journal_change(struct storage *storage, const struct judge_change *change)
{
        struct buffer *out = storage->journal ? actions_of(storage) : NULL;

        if (!out)
                return 0;
        journal_put_change(change, out);
        return buffer_check(out);
}

int journal_move(struct storage *storage, const struct judge_move *move)
{
        struct buffer *out = storage->journal ? actions_of(storage) : NULL;

        if (!out)
                return 0;
        journal_put_move(move, out);
        return buffer_check(out);
}

int journal_answer(struct storage *storage, const struct judge_answer *answer,
                   const struct log_row *refused)
{
        struct buffer *out = storage->journal ? actions_of(storage) : NULL;

        if (!out)
                return 0;
        journal_put_answer(answer, refused, out);
        return buffer_check(out);
}

/* ---- life ---- */

static struct storage *on_free(struct storage *storage)
{
        struct journal *journal = journal_of(storage);
        const struct storage_ops *inner = journal->inner;

        storage->ops = inner;
        storage->journal = NULL;
        if (journal->fd >= 0)
                (void)close(journal->fd);
        buffer_wipe(&journal->actions);
        (void)compressor_free(journal->compressor);
        free(journal->path);
        free(journal);
        return inner->free(storage);
}

static void put_layer(struct storage *storage, struct journal *journal)
{
        journal->inner = storage->ops;
        journal->ops = *storage->ops;
        journal->ops.free = on_free;
        journal->ops.begin = on_begin;
        journal->ops.commit = on_commit;
        journal->ops.rollback = on_rollback;
        journal->ops.savepoint = on_savepoint;
        journal->ops.savepoint_back = on_savepoint_back;
        journal->ops.device_put = on_device_put;
        journal->ops.grant_put = on_grant_put;
        journal->ops.grant_remove = on_grant_remove;
        journal->ops.code_put = on_code_put;
        journal->ops.code_use = on_code_use;
        journal->ops.code_burn = on_code_burn;
        journal->ops.load_key_put = on_key_put;
        journal->ops.load_word_put = on_word_put;
        journal->ops.epoch_begin = on_epoch_begin;
        storage->journal = journal;
        storage->ops = &journal->ops;
}

/* ---- playing what the database lacks ---- */

struct taken { /* a record as it was read */
        uint64_t number;
        int64_t now_ms;
        struct uuid localities[WIRE_LOCALITIES_MAX], epochs[WIRE_LOCALITIES_MAX];
        size_t count;
        struct bytes actions;
};

static int read_record(struct journal *journal, struct bytes payload, struct buffer *clear,
                       struct taken *ret)
{
        struct cbor_reader reader;
        uint64_t count;
        int r;

        buffer_reset(clear); /* of the record before */
        r = decompress_message(journal->compressor, payload, JOURNAL_RECORD_MAX, clear);
        if (r < 0)
                return r;
        cbor_reader_init(&reader, buffer_view(clear));
        r = cbor_read_array(&reader, 4, &count);
        if (r == 0)
                r = cbor_read_uint(&reader, INT64_MAX, &ret->number);
        if (r == 0)
                r = cbor_read_int(&reader, &ret->now_ms);
        if (r == 0)
                r = cbor_read_array(&reader, 2 * (uint64_t)WIRE_LOCALITIES_MAX, &count);
        ret->count = (size_t)count / 2;
        for (size_t i = 0; i < ret->count && r == 0; i++) {
                r = cbor_read_uuid(&reader, &ret->localities[i]);
                if (r == 0)
                        r = cbor_read_uuid_or_none(&reader, &ret->epochs[i]);
        }
        return r < 0 ? r : cbor_read_bytes(&reader, JOURNAL_RECORD_MAX, &ret->actions);
}

static int add_localities(struct storage *storage, const struct taken *record)
{
        for (size_t i = 0; i < record->count; i++) {
                int r = storage->ops->locality_add(storage, &record->localities[i],
                                                   &record->epochs[i], record->now_ms);

                if (r == PANNIER_E_TAKEN)
                        error_clear();
                else if (r < 0)
                        return r;
        }
        return 0;
}

/* One record in one transaction with its place, unless somebody else played it meanwhile. */
static int play(struct storage *storage, struct judge *judge, const struct taken *record,
                const uint8_t hash[HASH_SIZE], int64_t now_ms)
{
        uint8_t known[HASH_SIZE];
        uint64_t number;
        int r = add_localities(storage, record);

        if (r == 0)
                r = storage->ops->begin(storage, record->localities, record->count);
        if (r < 0)
                return r;
        judge_begin(judge, record->now_ms > 0 ? record->now_ms : now_ms);
        r = storage->ops->journal_get(storage, &number, known);
        if (r == 0 && number + 1 < record->number)
                r = FAIL(PANNIER_E_CORRUPT, "a record of the journal was passed over");
        if (r == 0 && number + 1 == record->number) {
                r = journal_play(storage, judge, record->actions);
                if (r == 0)
                        r = storage->ops->journal_put(storage, record->number, hash);
        }
        if (r == 0)
                return storage->ops->commit(storage);
        storage->ops->rollback(storage);
        return r;
}

static int play_rest(struct storage *storage, struct journal_walk *walk,
                     enum nhs_environment environment, int64_t now_ms,
                     struct journal_report *report)
{
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        CLEANUP(judge_freep) struct judge *judge = NULL;
        struct journal *journal = journal_of(storage);
        int r = judge_new(storage, &judge);

        if (r < 0)
                return r;
        judge_environment(judge, environment);
        journal->playing = true;
        while ((r = journal_walk_next(walk)) > 0) {
                struct taken record;

                r = read_record(journal, buffer_view(&walk->payload), &clear, &record);
                if (r == 0)
                        r = play(storage, judge, &record, walk->hash, now_ms);
                if (r < 0)
                        break;
                report->played++;
        }
        journal->playing = false;
        return r;
}

/* Nobody is between the file and the commit while the database's lock is held. */
static int look(struct storage *storage, struct journal_walk *walk, int *ret_found)
{
        uint8_t hash[HASH_SIZE];
        uint64_t number;
        int r = storage->ops->begin(storage, NULL, 0);

        if (r < 0)
                return r;
        r = storage->ops->journal_get(storage, &number, hash);
        if (r == 0)
                r = find_place(journal_of(storage), number, hash, walk);
        if (r == 0)
                r = journal_begin_anew(&journal_of(storage)->fd, journal_of(storage)->path, number,
                                       hash);
        else
                *ret_found = r > 0;
        storage->ops->rollback(storage);
        return r < 0 ? r : 0;
}

static int catch_up(struct storage *storage, enum nhs_environment environment, int64_t now_ms,
                    struct journal_report *report)
{
        struct journal_walk walk = {0};
        uint8_t hash[HASH_SIZE];
        uint64_t number = 0;
        int found = 0, r = look(storage, &walk, &found);

        if (r == 0 && found)
                r = play_rest(storage, &walk, environment, now_ms, report);
        if (r == 0 && !found) {
                r = storage->ops->journal_get(storage, &number, hash);
                report->anew = number > 0;
        }
        buffer_deinit(&walk.payload);
        return r;
}

int journal_attach(struct storage *storage, const char *path, enum nhs_environment environment,
                   int64_t now_ms, struct journal_report *ret)
{
        struct journal *journal = calloc(1, sizeof(*journal));
        int r;

        *ret = (struct journal_report){0};
        if (!journal)
                return FAIL(PANNIER_E_MEMORY, "no memory for the journal");
        journal->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        r = journal->fd < 0 ? journal_failed("opened") : compressor_new(&journal->compressor);
        journal->path = strdup(path);
        if (r == 0 && !journal->path)
                r = FAIL(PANNIER_E_MEMORY, "no memory for the journal");
        if (r < 0) {
                if (journal->fd >= 0)
                        (void)close(journal->fd);
                (void)compressor_free(journal->compressor);
                free(journal->path);
                free(journal);
                return r;
        }
        put_layer(storage, journal);
        return catch_up(storage, environment, now_ms, ret);
}

int journal_covers(struct storage *storage, const char *path)
{
        struct journal_walk walk = {0};
        uint8_t hash[HASH_SIZE];
        uint64_t number;
        int fd, r = storage->ops->journal_get(storage, &number, hash);

        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return errno == ENOENT ? 0 : journal_failed("opened");
        r = journal_walk_begin(&walk, fd);
        if (r > 0)
                r = journal_walk_to(&walk, number, hash);
        buffer_deinit(&walk.payload);
        (void)close(fd);
        return r;
}
