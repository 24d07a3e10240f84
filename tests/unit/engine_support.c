#include "tests/unit/engine_support.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define NOW ((int64_t)TEST_NOW_MS * 1000)

/* ---- the store ---- */

static const struct catalogue_type *type_named(const char *name)
{
        const struct catalogue_type *type = catalogue_type_by_name(bytes_text(name));

        assert_non_null(type);
        return type;
}

static size_t field_named(const struct catalogue_type *type, const char *name)
{
        int index = catalogue_field_index_by_name(type, bytes_text(name));

        if (index < 0)
                fail_msg("%s has no field %s", type->name, name);
        return (size_t)index;
}

static struct value value_of(const struct catalogue_field *field, const struct field_text *from)
{
        if (from->id)
                return (struct value){.form = VALUE_UUID, .uuid = *from->id};
        if (!from->text)
                return (struct value){.form = VALUE_INTEGER, .integer = from->number};
        if (field->kind == KIND_CODE) {
                const struct catalogue_option *option =
                        catalogue_option_by_code(field, bytes_text(from->text));

                if (!option)
                        fail_msg("%s has no option %s", field->name, from->text);
                return (struct value){.form = VALUE_INTEGER, .integer = option->number};
        }
        return (struct value){.form = VALUE_BYTES, .bytes = bytes_text(from->text)};
}

static void sort_changes(struct entry_change *changes, size_t count)
{
        for (size_t i = 1; i < count; i++)
                for (size_t j = i; j > 0 && changes[j].number < changes[j - 1].number; j--) {
                        struct entry_change swap = changes[j];

                        changes[j] = changes[j - 1];
                        changes[j - 1] = swap;
                }
}

static void begin(struct rig *rig)
{
        store_begin(&rig->test);
        judge_begin(rig->judge, rig->now_ms);
}

/* A record that the store commits by itself, as a load does. */
static void put_record(struct rig *rig, const char *name, const struct uuid *id,
                       const struct uuid *person, const struct field_text *fields, size_t count)
{
        const struct catalogue_type *type = type_named(name);
        struct entry_change changes[16];
        struct judge_change change = {
                .locality = &rig->test.locality,
                .type = type,
                .entry = test_id(80, ++rig->entries),
                .record = *id,
                .person = person ? *person : UUID_NONE,
                .changes = changes,
                .change_count = count,
                .recorded_ms = NOW,
        };
        int r;

        for (size_t i = 0; i < count; i++) {
                size_t index = field_named(type, fields[i].name);

                changes[i] =
                        (struct entry_change){.number = type->fields[index].number,
                                              .value = value_of(&type->fields[index], &fields[i])};
        }
        sort_changes(changes, count);
        r = judge_put(rig->judge, &change);
        if (r < 0)
                fail_msg("the store does not take a %s: %s", name, error_detail());
}

static void put_staff(struct rig *rig, const struct uuid *id, const char *name, const char *role,
                      const struct uuid *team, uint32_t number)
{
        struct uuid membership = test_id(6, number);

        put_record(rig, "staff", id, NULL,
                   (struct field_text[]){{"name", name, NULL, 0}, {"role", role, NULL, 0}}, 2);
        if (team)
                put_record(rig, "membership", &membership, NULL,
                           (struct field_text[]){{"staff", NULL, id, 0}, {"team", NULL, team, 0}},
                           2);
}

void rig_role(struct rig *rig, const struct uuid *staff, const char *role)
{
        begin(rig);
        put_staff(rig, staff, "Somebody", role, NULL, 0);
        store_commit(&rig->test);
}

static void put_reference(struct rig *rig)
{
        rig->organisation = test_id(5, 1);
        rig->team = test_id(7, 1);
        rig->other_team = test_id(7, 2);
        rig->nurse = test_id(4, 1);
        rig->coordinator = test_id(4, 2);
        rig->stranger = test_id(4, 3);
        begin(rig);
        put_record(rig, "organisation", &rig->organisation, NULL,
                   (struct field_text[]){{"name", "Trust", NULL, 0}}, 1);
        put_record(rig, "team", &rig->team, NULL,
                   (struct field_text[]){{"name", "East", NULL, 0},
                                         {"organisation", NULL, &rig->organisation, 0}},
                   2);
        put_record(rig, "team", &rig->other_team, NULL,
                   (struct field_text[]){{"name", "West", NULL, 0},
                                         {"organisation", NULL, &rig->organisation, 0}},
                   2);
        put_staff(rig, &rig->nurse, "Nurse A", "community_nurse", &rig->team, 1);
        put_staff(rig, &rig->coordinator, "Coordinator B", "coordinator", &rig->team, 2);
        put_staff(rig, &rig->stranger, "Nurse C", "community_nurse", &rig->other_team, 3);
        store_commit(&rig->test);
}

static void make_seal_key(struct rig *rig)
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;

        assert_int_equal(private_key_generate(&rig->seal_key), 0);
        rig->seal.id = 1;
        private_key_public(rig->seal_key, rig->seal.point);
        wire_seal_key_message(&rig->seal, &message);
        assert_int_equal(
                private_key_sign(rig->signing_key, buffer_view(&message), rig->seal.signature), 0);
}

static void make_trust(struct rig *rig)
{
        struct ca *ca = NULL;
        uint8_t point[PUBLIC_KEY_SIZE];

        assert_int_equal(private_key_generate(&rig->signing_key), 0);
        private_key_public(rig->signing_key, point);
        assert_int_equal(ca_create("Test authority", NOW, &rig->ca_key, &rig->ca_der), 0);
        assert_int_equal(ca_open(buffer_view(&rig->ca_key), buffer_view(&rig->ca_der), &ca), 0);
        assert_int_equal(ca_issue(ca,
                                  &(struct ca_wish){.profile = CA_PROFILE_SIGNING,
                                                    .common_name = "signing",
                                                    .public_key = point,
                                                    .not_before_ms = NOW - 1000,
                                                    .not_after_ms = NOW + CA_LIFE_SIGNING_MS},
                                  &rig->signing_der),
                         0);
        ca_free(ca);
        make_seal_key(rig);
        rig->settings = (struct exchange_settings){
                .signing_key = rig->signing_key,
                .trust = {.version = 2,
                          .ca = buffer_view(&rig->ca_der),
                          .signing = buffer_view(&rig->signing_der),
                          .seal_keys = &rig->seal,
                          .seal_keys_count = 1},
                .policy = {.version = 1},
        };
}

static void make_engines(struct rig *rig)
{
        assert_int_equal(exchange_new(rig->test.writer, &rig->settings, &rig->writer), 0);
        assert_int_equal(exchange_new(rig->test.reader, &rig->settings, &rig->reader), 0);
        assert_int_equal(judge_new(rig->test.writer, &rig->judge), 0);
}

void rig_open(struct rig *rig, const char *path)
{
        *rig = (struct rig){.now_ms = NOW};
        (void)snprintf(rig->path, sizeof(rig->path), "%s", path);
        store_test_open(&rig->test, path);
        make_trust(rig);
        make_engines(rig);
        put_reference(rig);
}

static void free_engines(struct rig *rig)
{
        rig->judge = judge_free(rig->judge);
        rig->writer = exchange_free(rig->writer);
        rig->reader = exchange_free(rig->reader);
}

void rig_reopen(struct rig *rig, const char *image)
{
        free_engines(rig);
        store_test_close(&rig->test);
        if (image)
                unit_copy_database(image, rig->path);
        assert_int_equal(storage_sqlite_open(rig->path, false, &rig->test.writer), 0);
        assert_int_equal(storage_sqlite_open(rig->path, true, &rig->test.reader), 0);
        make_engines(rig);
}

void rig_keep(struct rig *rig, const char *image)
{
        rig_reopen(rig, NULL); /* everything is in the file then, and nothing in the WAL */
        unit_copy_database(rig->path, image);
}

void rig_close(struct rig *rig)
{
        free_engines(rig);
        store_test_close(&rig->test);
        private_key_free(rig->signing_key);
        private_key_free(rig->seal_key);
        buffer_deinit(&rig->ca_key);
        buffer_deinit(&rig->ca_der);
        buffer_deinit(&rig->signing_der);
}

static void assign(struct rig *rig, uint32_t number, const struct uuid *person,
                   const struct uuid *team, bool active)
{
        struct uuid id = test_id(13, number);

        put_record(rig, "assignment", &id, person,
                   (struct field_text[]){{"team", NULL, team, 0},
                                         {"tier", "high_impact", NULL, 0},
                                         {"status", active ? "active" : "ended", NULL, 0}},
                   3);
}

struct uuid rig_person(struct rig *rig, uint32_t number, const char *family, const char *given,
                       const struct uuid *team)
{
        struct uuid id = test_id(10, number);

        begin(rig);
        put_record(rig, "person", &id, &id,
                   (struct field_text[]){{"family", family, NULL, 0},
                                         {"given", given, NULL, 0},
                                         {"birth_date", NULL, NULL, -10000}},
                   3);
        assign(rig, number, &id, team, true);
        store_commit(&rig->test);
        return id;
}

void rig_assign(struct rig *rig, uint32_t number, const struct uuid *person,
                const struct uuid *team, bool active)
{
        begin(rig);
        assign(rig, number, person, team, active);
        store_commit(&rig->test);
}

void rig_records(struct rig *rig, const struct uuid *person, uint32_t first, uint32_t count,
                 const char *text)
{
        begin(rig);
        for (uint32_t i = 0; i < count; i++) {
                struct uuid id = test_id(24, first + i);

                put_record(rig, "visit", &id, person,
                           (struct field_text[]){{"subjective", text, NULL, 0},
                                                 {"outcome", "completed", NULL, 0},
                                                 {"setting", "home", NULL, 0}},
                           3);
        }
        store_commit(&rig->test);
}

/* ---- the device ---- */

struct engine_now station_now(struct station *station)
{
        return (struct engine_now){.wall_ms = station->rig->now_ms,
                                   .boot_ms = station->boot_ms,
                                   .boot_id = station->boot_id,
                                   .quality = CLOCK_SYNCHRONISED};
}

static void note_event(void *context, const struct engine_event *event)
{
        struct station *station = context;

        station->events[event->kind]++;
        if (event->kind == ENGINE_EVENT_PERSON && event->gone)
                station->last_gone = event->person;
}

void station_start(struct station *station)
{
        struct db *outbox = NULL, *replica = NULL;
        struct engine_now now = station_now(station);
        struct engine_options options = {
                .key = station->key,
                .device = station->row.id,
                .caseload_key = BYTES(station->caseload, AEAD_KEY_SIZE),
                .ca_certificate = buffer_view(&station->rig->ca_der),
                .environment = NHS_ENVIRONMENT_TEST,
                .random = crypto_random,
                .event = note_event,
                .event_context = station,
        };

        assert_int_equal(
                engine_open_databases(station->outbox, station->replica,
                                      station->plain ? BYTES_NONE : BYTES(station->caseload, 48),
                                      false, &outbox, &replica),
                0);
        options.outbox_db = outbox;
        options.replica_db = replica;
        assert_int_equal(engine_new(&options, &now, &station->engine), 0);
}

void station_stop(struct station *station)
{
        station->engine = engine_free(station->engine);
        station->has_early = false;
}

void station_open(struct station *station, struct rig *rig, uint32_t number, void *const *state,
                  const struct uuid *team)
{
        struct storage *writer = rig->test.writer;
        struct scope scope = {.kind = SCOPE_TEAM, .id = *team};
        char name[32];

        *station = (struct station){.rig = rig, .row = rig->test.device, .boot_id = 7};
        station->row.id = test_id(3, 100 + number);
        (void)snprintf(name, sizeof(name), "outbox%u.db", number);
        (void)snprintf(station->outbox, sizeof(station->outbox), "%s", unit_path(state, name));
        (void)snprintf(name, sizeof(name), "replica%u.db", number);
        (void)snprintf(station->replica, sizeof(station->replica), "%s", unit_path(state, name));
        crypto_random(station->caseload, sizeof(station->caseload));
        assert_int_equal(private_key_generate(&station->key), 0);
        private_key_public(station->key, station->row.public_key);
        assert_int_equal(writer->ops->device_put(writer, &station->row), 0);
        assert_int_equal(writer->ops->grant_put(writer, &station->row.id, &scope), 0);
        station_start(station);
}

void station_close(struct station *station)
{
        station_stop(station);
        private_key_free(station->key);
        buffer_deinit(&station->request);
        buffer_deinit(&station->answer);
        buffer_deinit(&station->early);
}

void store_answers(struct station *station, struct bytes body, struct buffer *out)
{
        CLEANUP(exchange_request_freep) struct exchange_request *request = NULL;
        CLEANUP(exchange_answer_deinit) struct exchange_answer answer = {0};
        const struct exchange_answer *answers[] = {&answer};
        struct rig *rig = station->rig;
        int r;

        assert_int_equal(exchange_read(rig->reader, body, &station->row, rig->now_ms, &request), 0);
        if (exchange_has_work(request))
                assert_int_equal(exchange_commit(rig->writer, &request, 1, rig->now_ms), 0);
        r = exchange_answer(rig->reader, request, rig->now_ms, &answer);
        if (r == EXCHANGE_COMMIT_FIRST) {
                rig->losses++;
                assert_int_equal(exchange_commit(rig->writer, &request, 1, rig->now_ms), 0);
                r = exchange_answer(rig->reader, request, rig->now_ms, &answer);
        }
        assert_int_equal(r, 0);
        if (answer.commit_first)
                assert_int_equal(exchange_custody(rig->writer, answers, 1, rig->now_ms), 0);
        buffer_reset(out);
        buffer_append(out, buffer_view(&answer.body));
}

void station_replay(struct station *station, struct bytes request)
{
        CLEANUP(buffer_deinit) struct buffer answer = BUFFER_INIT;

        store_answers(station, request, &answer);
}

void station_send(struct station *station)
{
        struct engine_now now = station_now(station);
        struct buffer taken = station->answer;

        if (station->has_early) {
                station->has_early = false;
                station->answer = station->early;
                station->early = taken;
                assert_int_equal(engine_exchange_follow(station->engine), 0);
                return;
        }
        assert_int_equal(engine_exchange_request(station->engine, &now, &station->request), 0);
        station->rig->now_ms += 50;
        station->boot_ms += 50;
        store_answers(station, buffer_view(&station->request), &station->answer);
}

void station_ahead(struct station *station)
{
        struct engine_now now = station_now(station);
        int r = engine_exchange_ahead(station->engine, &now, &station->request);

        assert_true(r >= 0);
        if (r == 0)
                return;
        assert_false(station->has_early); /* one at a time */
        store_answers(station, buffer_view(&station->request), &station->early);
        station->has_early = true;
}

int station_take(struct station *station)
{
        struct engine_now now = station_now(station);
        int r = engine_exchange_answer(station->engine, &now, buffer_view(&station->answer));

        while (r == EXCHANGE_STEP) {
                if (station->ahead)
                        station_ahead(station);
                r = engine_exchange_step(station->engine, &now);
        }
        if (r != EXCHANGE_AGAIN)
                station->has_early = false;
        return r;
}

int station_sync(struct station *station)
{
        int r;

        for (int i = 0; i < 1000; i++) {
                station_send(station);
                r = station_take(station);
                assert_true(r >= 0);
                if (r == EXCHANGE_STOP)
                        print_message("exchange: %s (%s)\n",
                                      exchange_failure_name(station->engine->session.failure),
                                      error_detail());
                if (r != EXCHANGE_AGAIN)
                        return r;
        }
        fail_msg("an exchange never ends");
        return -1;
}

/* ---- writing and reading ---- */

enum { FIELDS_MAX = 16 };

static int write_entry(struct station *station, const struct uuid *staff,
                       struct engine_entry *entry, const struct field_text *fields, size_t count)
{
        struct engine_now now = station_now(station);
        struct entry_change changes[FIELDS_MAX];
        struct engine_written written;

        assert_true(count <= FIELDS_MAX);
        for (size_t i = 0; i < count; i++) {
                size_t index = field_named(entry->type, fields[i].name);

                changes[i] = (struct entry_change){
                        .number = entry->type->fields[index].number,
                        .value = value_of(&entry->type->fields[index], &fields[i])};
        }
        sort_changes(changes, count);
        entry->changes = changes;
        entry->change_count = count;
        return engine_write(station->engine, staff, &now, entry, 1, &written, &station->fault);
}

int station_create(struct station *station, const struct uuid *staff, const struct uuid *request,
                   const char *type, const struct uuid *person, const struct field_text *fields,
                   size_t count)
{
        struct engine_entry entry = {.request = *request,
                                     .operation = ENTRY_CREATE,
                                     .type = type_named(type),
                                     .person = person ? *person : UUID_NONE};

        return write_entry(station, staff, &entry, fields, count);
}

int station_edit(struct station *station, const struct uuid *staff, const struct uuid *request,
                 const char *type, const struct uuid *record, const struct field_text *fields,
                 size_t count)
{
        struct engine_entry entry = {.request = *request,
                                     .operation = ENTRY_EDIT,
                                     .type = type_named(type),
                                     .record = *record};

        return write_entry(station, staff, &entry, fields, count);
}

static int take_state(void *context, const struct engine_outbox_entry *entry)
{
        *(int *)context = entry->damaged ? -2 : (int)entry->state;
        return 0;
}

int station_state(struct station *station, const struct uuid *entry)
{
        struct engine_now now = station_now(station);
        int state = -1;

        if (engine_outbox_entry(station->engine, NULL, &now, entry, take_state, &state) < 0)
                return -1;
        return state;
}

struct shown {
        const char *field;
        char text[300], beside[300];
        enum engine_field_state state;
};

static void value_text(const struct catalogue_field *field, const struct value *value,
                       char ret[300])
{
        const struct catalogue_option *option;

        ret[0] = '\0';
        if (value->form == VALUE_BYTES)
                (void)snprintf(ret, 300, "%.*s", (int)value->bytes.size,
                               (const char *)value->bytes.data);
        if (value->form == VALUE_INTEGER) {
                option = catalogue_option_by_number(field, value->integer);
                if (option)
                        (void)snprintf(ret, 300, "%s", option->code);
                else
                        (void)snprintf(ret, 300, "%lld", (long long)value->integer);
        }
}

static int take_shown(void *context, const struct engine_record *record)
{
        struct shown *shown = context;
        size_t i = field_named(record->visible->type, shown->field);
        const struct catalogue_field *field = &record->visible->type->fields[i];

        value_text(field, &record->visible->values[i], shown->text);
        value_text(field, &record->beside[i], shown->beside);
        shown->state = record->states[i];
        return 0;
}

const char *station_text(struct station *station, const struct uuid *staff,
                         const struct uuid *record, const char *field,
                         enum engine_field_state *ret_state, const char **ret_beside)
{
        static struct shown slots[8];
        static size_t next;
        struct shown *shown = &slots[next++ % 8];
        struct engine_now now = station_now(station);
        int r;

        *shown = (struct shown){.field = field};
        r = engine_record(station->engine, staff, &now, record, take_shown, shown);
        if (r == PANNIER_E_NOT_FOUND)
                return NULL;
        assert_int_equal(r, 0);
        if (ret_state)
                *ret_state = shown->state;
        if (ret_beside)
                *ret_beside = shown->beside;
        return shown->text;
}
