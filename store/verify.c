#include "common/catalogue_check.h"
#include "common/error.h"
#include "store/log.h"
#include "store/receipts.h"
#include "store/verify_internal.h"

#include <string.h>

enum { SCRATCH_BATCH = 5000 }; /* rows played again between two commits of the scratch storage */

/* A value of which some edit took effect in part. */
struct unsure_field {
        struct uuid record;
        uint16_t number;
};

const char *verify_kind_name(enum verify_kind kind)
{
        switch (kind) {
        case VERIFY_NUMBER:
                return "number";
        case VERIFY_CHAIN:
                return "chain";
        case VERIFY_HEAD:
                return "head";
        case VERIFY_BODY:
                return "body";
        case VERIFY_VALUE:
                return "value";
        case VERIFY_MISSING:
                return "missing";
        case VERIFY_UNKNOWN:
                return "unknown";
        case VERIFY_SENT:
                return "sent";
        case VERIFY_DIGEST:
                return "digest";
        }
        return "unknown";
}

static void verify_deinit(struct verify *verify)
{
        (void)body_codec_free(verify->codec);
        arena_deinit(&verify->arena);
        buffer_deinit(&verify->clear);
        buffer_deinit(&verify->unsure);
        verify_sums_deinit(&verify->sums);
}

static int tell(struct verify *verify, const struct verify_problem *problem)
{
        verify->report->problems++;
        return verify->visit(verify->context, problem);
}

static int tell_row(struct verify *verify, enum verify_kind kind, const struct log_row *row)
{
        const struct verify_problem problem = {
                .kind = kind, .number = row->number, .record = row->record};

        return tell(verify, &problem);
}

/* ---- the chain ---- */

static int check_chain(struct verify *verify, const struct log_row *row)
{
        uint8_t chain[HASH_SIZE], hash[HASH_SIZE];
        int r;

        if (row->number != verify->expected) {
                r = tell_row(verify, VERIFY_NUMBER, row);
                if (r != 0)
                        return r;
        }
        verify->expected = row->number + 1;
        r = log_chain(verify->chain, row, chain);
        if (r < 0)
                return r;
        if (memcmp(chain, row->chain, HASH_SIZE) != 0)
                r = tell_row(verify, VERIFY_CHAIN, row);
        /* Go on from what is there: one changed row is one problem. */
        memcpy(verify->chain, row->chain, HASH_SIZE);
        if (r != 0 || row->body.size == 0)
                return r;
        entry_body_hash(row->body, hash);
        return memcmp(hash, row->body_hash, HASH_SIZE) == 0 ? 0
                                                            : tell_row(verify, VERIFY_BODY, row);
}

/* ---- effects ---- */

static enum field_effect effect_of(const struct wire_receipt *receipt, uint16_t number)
{
        for (size_t i = 0; i < receipt->effects_count; i++)
                if (receipt->effects[i].field == number)
                        return receipt->effects[i].effect;
        return EFFECT_APPLIED;
}

static bool is_packed(const struct catalogue_field *field)
{
        return field->kind == KIND_SET || field->kind == KIND_MAP;
}

static int note_unsure(struct verify *verify, const struct uuid *record, uint16_t number)
{
        const struct unsure_field unsure = {*record, number};

        buffer_append(&verify->unsure, BYTES(&unsure, sizeof(unsure)));
        return buffer_check(&verify->unsure);
}

static bool is_unsure(const struct verify *verify, const struct uuid *record, uint16_t number)
{
        const struct unsure_field *items =
                (const struct unsure_field *)(const void *)verify->unsure.data;

        for (size_t i = 0; i < verify->unsure.size / sizeof(*items); i++)
                if (items[i].number == number && uuid_equal(&items[i].record, record))
                        return true;
        return false;
}

static int set_value(struct verify *verify, const struct entry_body *body,
                     const struct entry_change *change, int index, struct record *record)
{
        const struct catalogue_field *field = &record->type->fields[index];
        struct value *value = &record->values[index];

        if (is_packed(field) && body->operation != ENTRY_CREATE &&
            change->value.form == VALUE_PACKED)
                return value_apply_change(field, value, &change->value, &verify->arena, value);
        *value = change->value.form == VALUE_NULL ? (struct value){.form = VALUE_UNSET}
                                                  : change->value;
        return 0;
}

static int apply_changes(struct verify *verify, const struct entry_body *body,
                         const struct wire_receipt *receipt, struct record *record,
                         uint64_t *ret_changed)
{
        *ret_changed = 0;
        for (size_t i = 0; i < body->change_count; i++) {
                const struct entry_change *change = &body->changes[i];
                int index = catalogue_field_index(record->type, change->number);
                enum field_effect effect = effect_of(receipt, change->number);
                int r = 0;

                if (index < 0)
                        continue;
                if (effect == EFFECT_APPLIED) {
                        r = set_value(verify, body, change, index, record);
                        *ret_changed |= UINT64_C(1) << index;
                } else if (effect == EFFECT_SUPERSEDED && is_packed(&record->type->fields[index])) {
                        r = note_unsure(verify, &record->id, change->number);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

static void set_initial_states(struct record *record)
{
        for (uint16_t i = 0; i < record->type->field_count; i++)
                if (record->type->fields[i].initial != 0 && record->values[i].form == VALUE_UNSET)
                        record->values[i] = (struct value){
                                .form = VALUE_INTEGER, .integer = record->type->fields[i].initial};
}

/* ---- what the store derives ---- */

struct newest {
        struct arena *arena;
        struct record record;
        bool found;
};

static int take_newest(void *context, const struct record *record, struct bytes stamps)
{
        struct newest *newest = context;

        (void)stamps;
        if (newest->found && record->position < newest->record.position)
                return 0;
        newest->found = true;
        return record_copy(record, newest->arena, &newest->record);
}

static int derive(struct verify *verify, const struct log_row *row, const struct entry_body *body,
                  uint64_t changed, struct record *record)
{
        struct catalogue_check_input input = {
                /* what an operator released is its author's work */
                .where = uuid_is_none(&row->device) && uuid_is_none(&body->instead)
                                 ? CHECK_ON_LOAD
                                 : CHECK_ON_STORE,
                .environment = verify->environment,
                .create = body->operation == ENTRY_CREATE,
                .changed = changed,
                .now_ms = row->received_ms,
        };
        struct newest baseline = {.arena = &verify->arena};
        struct catalogue_check_result ignored = {0};
        struct record person;
        int r = 0;

        if (record->type->check_count == 0)
                return 0;
        if (record->type->personal && !record->type->is_person) {
                const struct storage_ops *ops = verify->scratch->ops;

                r = ops->record_get(verify->scratch, catalogue_person_type(), &record->person,
                                    &verify->arena, &person, NULL);
                input.person = r > 0 ? &person : NULL;
                if (r >= 0)
                        r = ops->record_each(verify->scratch, catalogue_baseline_type(),
                                             &record->person, NULL, take_newest, &baseline);
                input.baseline = baseline.found ? &baseline.record : NULL;
        }
        if (r >= 0)
                r = catalogue_check(&input, record, &verify->arena, &ignored);
        return r == PANNIER_E_MEMORY ? r : 0; /* it was judged when it came */
}

/* ---- playing one row ---- */

static struct record new_record(const struct log_row *row, const struct entry_body *body,
                                const struct catalogue_type *type)
{
        return (struct record){
                .type = type,
                .id = body->record,
                .person = body->person,
                .locality = row->locality,
                .author = body->author,
                .device = row->device,
                .role = body->role,
                .recorded_ms = body->recorded_ms,
        };
}

static int play_body(struct verify *verify, const struct log_row *row,
                     const struct entry_body *body)
{
        const struct catalogue_type *type = catalogue_type_by_number(body->type);
        struct wire_receipt receipt;
        struct record record;
        uint64_t changed;
        int r = receipt_from_row(row, &verify->arena, &receipt);

        if (r == 0 && uuid_is_none(&row->device) && !uuid_is_none(&body->instead) &&
            body->operation == ENTRY_EDIT && body->change_count == 0)
                return 0; /* an operator dismissed what it names: it says so, and does nothing */
        if (r < 0 || !type)
                return r == PANNIER_E_CORRUPT ? tell_row(verify, VERIFY_BODY, row) : r;
        r = verify->scratch->ops->record_get(verify->scratch, type, &body->record, &verify->arena,
                                             &record, NULL);
        if (r < 0)
                return r;
        if (r == 0 && body->operation != ENTRY_CREATE)
                return tell_row(verify, VERIFY_BODY, row); /* edits what was never made */
        if (r == 0)
                record = new_record(row, body, type);
        r = apply_changes(verify, body, &receipt, &record, &changed);
        if (r < 0)
                return r;
        if (body->operation == ENTRY_CREATE)
                set_initial_states(&record);
        r = derive(verify, row, body, changed, &record);
        if (r < 0)
                return r;
        record.position = row->position;
        r = verify->scratch->ops->record_put(verify->scratch, &record, BYTES_NONE);
        verify->scratch->has_unfed = false; /* it has no feeds */
        return r;
}

int verify_read_body(struct verify *verify, const struct log_row *row, struct entry_body *ret)
{
        struct entry_header header = {0};
        int r;

        arena_reset(&verify->arena);
        buffer_reset(&verify->clear);
        r = entry_header_decode(row->header, &header);
        if (r == 0)
                r = body_unpack(verify->codec, row->body, &verify->clear);
        if (r == 0)
                r = entry_body_decode(buffer_view(&verify->clear), &header, &verify->arena, ret);
        if (r == 0 && !uuid_equal(&header.id, &row->id))
                return FAIL(PANNIER_E_MALFORMED, "a row under another entry's id");
        return r;
}

int verify_play_row(struct verify *verify, const struct log_row *row)
{
        struct entry_body body = {0};
        struct uuid to;
        int r;

        if (row->outcome == OUTCOME_QUARANTINED)
                return 0; /* none of its fields took effect */
        if (row->body.size == 0) {
                verify->report->redacted++;
                return 0;
        }
        r = verify_read_body(verify, row, &body);
        if (r == PANNIER_E_MEMORY)
                return r;
        if (r < 0) {
                error_clear();
                return tell_row(verify, VERIFY_BODY, row);
        }
        to = verify_moves_to(row, &body);
        return uuid_is_none(&to) ? play_body(verify, row, &body)
                                 : verify_play_move(verify, row, &to);
}

static int visit_row(void *context, const struct log_row *row)
{
        struct verify *verify = context;
        const struct storage_ops *ops = verify->scratch->ops;
        int r = verify_look_ahead(verify, row);

        if (r == 0)
                r = check_chain(verify, row);
        if (r == 0)
                r = verify_play_row(verify, row);
        if (r != 0 || ++verify->report->rows % SCRATCH_BATCH != 0)
                return r;
        r = ops->commit(verify->scratch);
        return r < 0 ? r : ops->begin(verify->scratch, verify->locality, 1);
}

/* ---- comparing ---- */

static int compare_value(struct verify *verify, const struct record *have,
                         const struct record *played, uint16_t index)
{
        const struct catalogue_field *field = &have->type->fields[index];
        const struct verify_problem problem = {
                .kind = VERIFY_VALUE, .type = have->type, .record = have->id, .field = field};

        if (value_equal(&have->values[index], &played->values[index]))
                return 0;
        if (!is_unsure(verify, &have->id, field->number))
                return tell(verify, &problem);
        verify->report->uncompared++;
        return 0;
}

struct sent_check {
        const struct record *record;
        struct bytes fields; /* of the record, encoded */
        bool same;
};

static int check_sent(void *context, enum catalogue_class class, const struct wire_row *row)
{
        struct sent_check *check = context;
        const struct record *record = check->record;

        check->same = class == record_feed_class(record) && row->position == record->position &&
                      row->role == record->role && row->recorded_ms == record->recorded_ms &&
                      uuid_equal(&row->person, &record->person) &&
                      uuid_equal(&row->author, &record->author) &&
                      uuid_equal(&row->device, &record->device) &&
                      bytes_equal(row->fields, check->fields);
        return 0;
}

/* Devices are sent a copy that is made with every write: it must say the same. */
static int compare_sent(struct verify *verify, const struct record *record)
{
        const struct verify_problem problem = {
                .kind = VERIFY_SENT, .type = record->type, .record = record->id};
        struct sent_check check = {.record = record};
        int r;

        if (record_feed_class(record) > (enum catalogue_class)CLASS_COUNT)
                return 0;
        buffer_reset(&verify->clear);
        record_encode_fields(record, &verify->clear);
        r = buffer_check(&verify->clear);
        check.fields = buffer_view(&verify->clear);
        if (r == 0)
                r = verify->storage->ops->row_visit(verify->storage, &record->id, check_sent,
                                                    &check);
        return r < 0 || check.same ? (r < 0 ? r : 0) : tell(verify, &problem);
}

static int compare_origin(struct verify *verify, const struct record *have,
                          const struct record *played)
{
        const struct verify_problem problem = {
                .kind = VERIFY_VALUE, .type = have->type, .record = have->id};

        if (uuid_equal(&have->person, &played->person) &&
            uuid_equal(&have->locality, &played->locality) &&
            uuid_equal(&have->author, &played->author) &&
            uuid_equal(&have->device, &played->device) && have->role == played->role &&
            have->recorded_ms == played->recorded_ms)
                return 0;
        return tell(verify, &problem);
}

static int compare_record(void *context, const struct record *record, struct bytes stamps)
{
        struct verify *verify = context;
        struct verify_problem problem = {
                .kind = VERIFY_UNKNOWN, .type = record->type, .record = record->id};
        struct record played;
        int r;

        (void)stamps;
        if (!uuid_equal(&record->locality, verify->locality))
                return 0;
        r = compare_sent(verify, record);
        if (r == 0)
                r = verify_sums_count(&verify->sums, verify->storage, record);
        if (r != 0)
                return r;
        arena_reset(&verify->arena);
        r = verify->scratch->ops->record_get(verify->scratch, record->type, &record->id,
                                             &verify->arena, &played, NULL);
        if (r <= 0)
                return r < 0 ? r : tell(verify, &problem);
        verify->report->records++;
        r = compare_origin(verify, record, &played);
        for (uint16_t i = 0; i < record->type->field_count && r == 0; i++)
                r = compare_value(verify, record, &played, i);
        return r;
}

static int see(void *context, const struct record *record, struct bytes stamps)
{
        (void)context;
        (void)record;
        (void)stamps;
        return 0;
}

static int find_played(void *context, const struct record *played, struct bytes stamps)
{
        struct verify *verify = context;
        const struct verify_problem problem = {
                .kind = VERIFY_MISSING, .type = played->type, .record = played->id};
        int r;

        if (!uuid_equal(&played->locality, verify->locality))
                return 0; /* its person moved */
        r = verify->storage->ops->record_visit(verify->storage, played->type, &played->id, see,
                                               NULL);

        (void)stamps;
        return r < 0 ? r : r == 0 ? tell(verify, &problem) : 0;
}

static int compare_sums(struct verify *verify)
{
        int r = 0;

        for (size_t i = 0; i < verify->sums.count && r == 0; i++) {
                const struct verify_feed *feed = &verify->sums.feeds[i];

                for (int class = CLASS_BASIC; class <= CLASS_COUNT && r == 0; class ++) {
                        const struct verify_problem problem = {
                                .kind = VERIFY_DIGEST,
                                .scope = feed->scope,
                                .class = (enum catalogue_class) class,
                        };

                        if (!digest_equal(&feed->kept[class - 1], &feed->counted[class - 1]))
                                r = tell(verify, &problem);
                }
        }
        return r;
}

static int compare_all(struct verify *verify)
{
        const struct catalogue *catalogue = catalogue_get();
        int r = verify_sums_load(&verify->sums, verify->storage, verify->locality);

        for (size_t i = 0; i < catalogue->type_count && r == 0; i++) {
                const struct catalogue_type *type = &catalogue->types[i];

                r = verify->storage->ops->record_each(verify->storage, type, NULL, NULL,
                                                      compare_record, verify);
                if (r == 0)
                        r = verify->scratch->ops->record_each(verify->scratch, type, NULL, NULL,
                                                              find_played, verify);
        }
        return r != 0 ? r : compare_sums(verify);
}

/* ---- all of it ---- */

static int check_head(struct verify *verify)
{
        const struct storage_locality *locality =
                verify->storage->ops->locality(verify->storage, verify->locality);
        const struct verify_problem problem = {.kind = VERIFY_HEAD, .number = verify->expected - 1};

        if (!locality)
                return FAIL(PANNIER_E_NOT_FOUND, "no such locality");
        memcpy(verify->report->head, verify->chain, HASH_SIZE);
        if (locality->number == verify->expected - 1 &&
            memcmp(locality->head, verify->chain, HASH_SIZE) == 0)
                return 0;
        return tell(verify, &problem);
}

static int verify_all(struct verify *verify)
{
        int r;

        do
                r = verify->storage->ops->log_each(verify->storage, verify->locality,
                                                   verify->expected, visit_row, verify);
        while (r > 0 && verify->waits && (r = verify_play_awaited(verify)) == 0);
        if (r == 0)
                r = check_head(verify);
        return r != 0 ? r : compare_all(verify);
}

int verify_locality(struct storage *storage, struct storage *scratch, const struct uuid *locality,
                    enum nhs_environment environment,
                    int (*visit)(void *context, const struct verify_problem *problem),
                    void *context, struct verify_report *ret)
{
        const struct uuid epoch_id = *locality; /* of the scratch storage; nobody sees it */
        CLEANUP(verify_deinit)
        struct verify verify = {
                .storage = storage,
                .scratch = scratch,
                .locality = locality,
                .environment = environment,
                .visit = visit,
                .context = context,
                .report = ret,
                .expected = 1,
        };
        int r;

        *ret = (struct verify_report){0};
        r = body_codec_new(&verify.codec);
        if (r == 0)
                r = scratch->ops->locality_add(scratch, locality, &epoch_id, 0);
        if (r == 0)
                r = storage->ops->begin_read(storage);
        if (r < 0)
                return r;
        r = scratch->ops->begin(scratch, locality, 1);
        if (r == 0)
                r = verify_all(&verify);
        scratch->ops->rollback(scratch);
        storage->ops->rollback(storage);
        return r;
}
