#include "tests/unit/judge_support.h"

#include "common/error.h"
#include "store/receipts.h"
#include "store/verify.h"
#include "tests/unit/unit.h"

#include <string.h>

enum { ID_PLAIN = 40, ID_ENTRY, ID_TABLET, ID_STAFF, ID_TEAM, ID_ORGANISATION };

struct uuid judge_test_id(struct judge_test *test)
{
        return test_id(ID_PLAIN, ++test->ids);
}

static const struct storage_ops *ops(const struct judge_test *test)
{
        return test->store.writer->ops;
}

const struct catalogue_type *judge_type(const char *name)
{
        const struct catalogue_type *type = catalogue_type_by_name(bytes_text(name));

        assert_non_null(type);
        return type;
}

const struct catalogue_field *judge_field(const struct catalogue_type *type, const char *name)
{
        int index = catalogue_field_index_by_name(type, bytes_text(name));

        if (index < 0)
                fail_msg("%s has no field %s", type->name, name);
        return &type->fields[index];
}

int64_t judge_code(const char *type, const char *field, const char *code)
{
        const struct catalogue_option *option =
                catalogue_option_by_code(judge_field(judge_type(type), field), bytes_text(code));

        if (!option)
                fail_msg("%s.%s has no option %s", type, field, code);
        return option->number;
}

/* ---- the locality ---- */

static void begin(struct judge_test *test)
{
        store_begin(&test->store);
        judge_begin(test->judge, test->now_ms);
}

void judge_load(struct judge_test *test, const struct judge_change *change, int expected)
{
        int r;

        begin(test);
        r = judge_put(test->judge, change);
        if (r != expected)
                fail_msg("judge_put: %d, %s", r, error_detail());
        if (r < 0)
                ops(test)->rollback(test->store.writer);
        else
                store_commit(&test->store);
}

struct loading {
        struct judge_change change;
        struct entry_change changes[8];
};

static struct loading loading(struct judge_test *test, const char *type, const struct uuid *id)
{
        return (struct loading){
                .change = {.locality = &test->store.locality,
                           .type = judge_type(type),
                           .entry = test_id(ID_ENTRY, ++test->ids),
                           .record = *id},
        };
}

static void load_value(struct loading *loading, const char *field, struct value value)
{
        struct entry_change *change = &loading->changes[loading->change.change_count++];

        change->number = judge_field(loading->change.type, field)->number;
        change->value = value;
        for (; change > loading->changes && change[-1].number > change->number; change--) {
                struct entry_change kept = change[-1];

                change[-1] = *change;
                *change = kept;
        }
}

static struct value text_value(const char *text)
{
        return (struct value){.form = VALUE_BYTES, .bytes = bytes_text(text)};
}

static struct value code_value(const char *type, const char *field, const char *code)
{
        return (struct value){.form = VALUE_INTEGER, .integer = judge_code(type, field, code)};
}

static struct value ref_value(const struct uuid *id)
{
        return (struct value){.form = VALUE_UUID, .uuid = *id};
}

static void load(struct judge_test *test, struct loading *loading)
{
        loading->change.changes = loading->changes;
        judge_load(test, &loading->change, JUDGE_CREATED);
}

static void load_organisations(struct judge_test *test)
{
        static const char *const names[] = {"Trust", "Home", "Charity"};
        static const char *const types[] = {"81 05", "81 0a", "81 10"};

        for (int i = 0; i < ORGANISATION_COUNT; i++) {
                struct loading it;
                CLEANUP(buffer_deinit) struct buffer set = BUFFER_INIT;

                test->organisations[i] = test_id(ID_ORGANISATION, (uint32_t)i + 1);
                it = loading(test, "organisation", &test->organisations[i]);
                unit_hex(types[i], &set);
                load_value(&it, "name", text_value(names[i]));
                load_value(&it, "types",
                           (struct value){.form = VALUE_PACKED, .bytes = buffer_view(&set)});
                load(test, &it);
        }
        assert_int_equal(judge_code("organisation", "types", "community_trust"), 5);
        assert_int_equal(judge_code("organisation", "types", "vcse"), 16);
}

static void load_teams(struct judge_test *test)
{
        static const int owners[] = {TRUST, TRUST, CHARITY};
        static const char *const kinds[] = {"neighbourhood", "telemedicine_hub", "neighbourhood"};

        for (int i = 0; i < TEAM_COUNT; i++) {
                struct loading it;

                test->teams[i] = test_id(ID_TEAM, (uint32_t)i + 1);
                it = loading(test, "team", &test->teams[i]);
                load_value(&it, "organisation", ref_value(&test->organisations[owners[i]]));
                load_value(&it, "name", text_value("Team"));
                load_value(&it, "kind", code_value("team", "kind", kinds[i]));
                load(test, &it);
        }
}

static const char *const roles[] = {"community_nurse", "community_nurse",    "coordinator", "gp",
                                    "care_home_staff", "community_connector"};

static void load_staff(struct judge_test *test)
{
        for (int i = 0; i < STAFF_COUNT; i++) {
                struct loading it;

                test->staff[i] = test_id(ID_STAFF, (uint32_t)i + 1);
                it = loading(test, "staff", &test->staff[i]);
                load_value(&it, "name", text_value("Somebody"));
                load_value(&it, "role", code_value("staff", "role", roles[i]));
                load(test, &it);
        }
}

static void add_tablets(struct judge_test *test)
{
        const struct scope scopes[] = {
                {SCOPE_TEAM, test->teams[NURSES]},
                {SCOPE_TEAM, test->teams[NURSES]},
                {SCOPE_HOME, test->organisations[HOME]},
        };

        for (int i = 0; i < TABLET_COUNT; i++) {
                struct tablet *tablet = &test->tablets[i];

                tablet->row = test->store.device;
                tablet->row.id = test_id(ID_TABLET, (uint32_t)i + 1);
                tablet->incarnation = test_id(ID_TABLET, 100 + (uint32_t)i);
                assert_int_equal(ops(test)->device_put(test->store.writer, &tablet->row), 0);
                store_begin(&test->store);
                assert_int_equal(
                        ops(test)->grant_put(test->store.writer, &tablet->row.id, &scopes[i]), 0);
                store_commit(&test->store);
        }
}

void judge_test_open(struct judge_test *test, const char *path)
{
        *test = (struct judge_test){.now_ms = (int64_t)TEST_NOW_MS * 1000};
        store_test_open(&test->store, path);
        assert_int_equal(judge_new(test->store.writer, &test->judge), 0);
        assert_int_equal(body_codec_new(&test->codec), 0);
        load_organisations(test);
        load_teams(test);
        load_staff(test);
        add_tablets(test);
        for (int i = 0; i < TABLET_COUNT; i++)
                tablet_pull(test, i);
}

static int tell_problem(void *context, const struct verify_problem *problem)
{
        (void)context;
        print_error("verify: %s, row %llu, %s.%s\n", verify_kind_name(problem->kind),
                    (unsigned long long)problem->number, problem->type ? problem->type->name : "-",
                    problem->field ? problem->field->name : "-");
        return 0;
}

/* Whatever a test did: the log, played again, makes the records that are there. */
static void verify(struct judge_test *test)
{
        CLEANUP(storage_freep) struct storage *scratch = NULL;
        struct verify_report report = {0};
        int r;

        assert_int_equal(storage_sqlite_open(":memory:", false, &scratch), 0);
        r = verify_locality(test->store.reader, scratch, &test->store.locality,
                            NHS_ENVIRONMENT_TEST, tell_problem, NULL, &report);
        if (r < 0)
                fail_msg("verify: %d, %s", r, error_detail());
        assert_int_equal(report.problems, 0);
        assert_true(report.rows > 0);
}

void judge_test_close(struct judge_test *test)
{
        verify(test);
        test->judge = judge_free(test->judge);
        test->codec = body_codec_free(test->codec);
        arena_deinit(&test->arena);
        store_test_close(&test->store);
}

void judge_assign(struct judge_test *test, const struct uuid *assignment, const struct uuid *person,
                  int team, bool active)
{
        struct loading it = loading(test, "assignment", assignment);

        it.change.person = *person;
        load_value(&it, "team", ref_value(&test->teams[team]));
        load_value(&it, "status", code_value("assignment", "status", active ? "active" : "ended"));
        it.change.changes = it.changes;
        judge_load(test, &it.change,
                   judge_has(test, "assignment", assignment) ? JUDGE_EDITED : JUDGE_CREATED);
}

struct uuid judge_person(struct judge_test *test, int team, const char *family)
{
        struct uuid person = judge_test_id(test), assignment = judge_test_id(test);
        struct loading it = loading(test, "person", &person);

        it.change.person = person;
        load_value(&it, "family", text_value(family));
        load(test, &it);
        judge_assign(test, &assignment, &person, team, true);
        for (int i = 0; i < TABLET_COUNT; i++)
                tablet_pull(test, i);
        return person;
}

/* ---- papers ---- */

static struct paper blank(struct judge_test *test, int tablet_number, int staff, const char *type)
{
        struct tablet *tablet = &test->tablets[tablet_number];
        const struct catalogue_type *kind = judge_type(type);
        struct paper paper = {.test = test, .tablet = tablet_number};

        paper.header = (struct entry_header){
                .device = tablet->row.id,
                .incarnation = tablet->incarnation,
                .lane = (uint8_t)kind->lane,
                .seq = ++tablet->seq[kind->lane],
                .id = test_id(ID_ENTRY, ++test->ids),
                .locality = test->store.locality,
        };
        paper.body = (struct entry_body){
                .type = kind->number,
                .base_locality = test->store.locality,
                .base = {1, tablet->seen},
                .author = test->staff[staff],
                .role = (uint16_t)judge_code("staff", "role", roles[staff]),
                .recorded_ms = test->now_ms,
                .boot_id = 1,
                .quality = CLOCK_SYNCHRONISED,
                .catalogue_version = catalogue_get()->version,
        };
        return paper;
}

struct paper paper_create(struct judge_test *test, int tablet, int staff, const char *type,
                          const struct uuid *person)
{
        struct paper paper = blank(test, tablet, staff, type);

        paper.body.operation = ENTRY_CREATE;
        paper.body.record = paper.header.id;
        paper.body.person = person ? *person : UUID_NONE;
        return paper;
}

struct paper paper_person(struct judge_test *test, int tablet, int staff, const char *family)
{
        struct paper paper = paper_create(test, tablet, staff, "person", NULL);

        paper.body.person = paper.body.record;
        paper_text(&paper, "family", family);
        return paper;
}

struct paper paper_edit(struct judge_test *test, int tablet, int staff, const char *type,
                        const struct uuid *record)
{
        struct paper paper = blank(test, tablet, staff, type);
        struct record standing;

        paper.body.operation = ENTRY_EDIT;
        paper.body.record = *record;
        if (judge_record(test, type, record, &standing))
                paper.body.person = standing.person;
        return paper;
}

static void add_change(struct paper *paper, const char *field, struct value value)
{
        const struct catalogue_type *type = catalogue_type_by_number(paper->body.type);
        size_t place = paper->body.change_count++;

        assert_true(place < COUNT(paper->changes));
        paper->changes[place] =
                (struct entry_change){.number = judge_field(type, field)->number, .value = value};
        for (; place > 0 && paper->changes[place - 1].number > paper->changes[place].number;
             place--) {
                struct entry_change kept = paper->changes[place - 1];

                paper->changes[place - 1] = paper->changes[place];
                paper->changes[place] = kept;
        }
}

void paper_text(struct paper *paper, const char *field, const char *text)
{
        add_change(paper, field, text_value(text));
}

void paper_code(struct paper *paper, const char *field, const char *code)
{
        const struct catalogue_type *type = catalogue_type_by_number(paper->body.type);

        add_change(paper, field, code_value(type->name, field, code));
}

void paper_int(struct paper *paper, const char *field, int64_t number)
{
        add_change(paper, field, (struct value){.form = VALUE_INTEGER, .integer = number});
}

void paper_ref(struct paper *paper, const char *field, const struct uuid *id)
{
        add_change(paper, field, ref_value(id));
}

void paper_null(struct paper *paper, const char *field)
{
        add_change(paper, field, (struct value){.form = VALUE_NULL});
}

void paper_packed(struct paper *paper, const char *field, const char *hex)
{
        CLEANUP(buffer_deinit) struct buffer buffer = BUFFER_INIT;

        unit_hex(hex, &buffer);
        add_change(paper, field,
                   (struct value){.form = VALUE_PACKED,
                                  .bytes = arena_copy(&paper->test->arena, buffer_view(&buffer))});
}

void paper_continues(struct paper *paper, const struct paper *before)
{
        paper->body.previous = before->header.id;
        paper->body.base = before->body.base;
}

struct paper paper_decide(struct judge_test *test, int tablet, int staff,
                          const struct uuid *conflict, const struct uuid *chosen,
                          const struct uuid *seen, size_t seen_count)
{
        CLEANUP(buffer_deinit) struct buffer blob = BUFFER_INIT;
        struct uuid ids[8];
        struct conflict_decision decision = {*chosen, ids, seen_count};
        struct paper paper = paper_edit(test, tablet, staff, "conflict", conflict);

        memcpy(ids, seen, seen_count * sizeof(*seen));
        conflict_decision_write(&decision, &blob);
        paper.body.operation = ENTRY_DECIDE;
        add_change(&paper, "decision",
                   (struct value){.form = VALUE_BYTES,
                                  .bytes = arena_copy(&test->arena, buffer_view(&blob))});
        return paper;
}

/* ---- handing in ---- */

struct handed {
        struct buffer header, body;
        struct judge_entry entry;
};

static void handed_deinit(struct handed *handed)
{
        buffer_deinit(&handed->header);
        buffer_deinit(&handed->body);
}

static void make_bytes(const struct paper *paper, struct handed *ret)
{
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        struct entry_body body = paper->body;

        body.changes = (struct entry_change *)(uintptr_t)paper->changes;
        entry_header_encode(&paper->header, &ret->header);
        entry_body_encode(&body, &paper->header, &clear);
        assert_int_equal(body_pack(paper->test->codec, buffer_view(&clear), &ret->body), 0);
        if (paper->format)
                ret->body.data[0] = paper->format;
        ret->entry.header = &paper->header;
        ret->entry.header_bytes = buffer_view(&ret->header);
        ret->entry.body = buffer_view(&ret->body);
        entry_body_hash(ret->entry.body, ret->entry.body_hash);
}

static void take(const struct paper *paper)
{
        struct judge_test *test = paper->test;
        const struct tablet *tablet = &test->tablets[paper->tablet];
        CLEANUP(handed_deinit) struct handed handed = {0};
        const struct wire_head head = {
                .locality = test->store.locality, .epoch = 1, .position = tablet->seen};
        const struct judge_origin origin = {
                .device = &tablet->row,
                .received_ms = test->now_ms,
                .heads = &head,
                .head_count = 1,
        };
        struct lane_row lane = {
                .device = paper->header.device,
                .incarnation = paper->header.incarnation,
                .lane = paper->header.lane,
                .next_seq = paper->header.seq + 1,
        };
        int r;

        make_bytes(paper, &handed);
        r = judge_take(test->judge, &origin, &handed.entry);
        if (r < 0)
                fail_msg("judge_take: %d, %s (%s)", r, error_detail(), error_place());
        assert_int_equal(ops(test)->lane_put(test->store.writer, &lane), 0);
}

struct fate paper_send_to(struct paper *paper, const struct uuid *localities, size_t count)
{
        struct judge_test *test = paper->test;

        assert_int_equal(ops(test)->begin(test->store.writer, localities, count), 0);
        judge_begin(test->judge, test->now_ms);
        take(paper);
        store_commit(&test->store);
        return paper_fate(paper);
}

void paper_send_all(struct paper *const *papers, size_t count)
{
        begin(papers[0]->test);
        for (size_t i = 0; i < count; i++)
                take(papers[i]);
        store_commit(&papers[0]->test->store);
}

struct fate paper_fate(const struct paper *paper)
{
        struct judge_test *test = paper->test;
        struct storage *reader = test->store.reader;
        CLEANUP(handed_deinit) struct handed handed = {0};
        struct fate fate = {.outcome = OUTCOME_NONE};
        struct log_row row;
        struct parked_row parked;
        int r;

        make_bytes(paper, &handed);
        assert_int_equal(reader->ops->begin_read(reader), 0);
        r = reader->ops->log_find(reader, &paper->header.locality, &paper->header.id,
                                  &paper->header.device, handed.entry.body_hash, &test->arena,
                                  &row);
        assert_true(r >= 0);
        if (r == FOUND_SAME) {
                assert_int_equal(receipt_from_row(&row, &test->arena, &fate.receipt), 0);
                fate.outcome = fate.receipt.outcome;
                fate.reason = fate.receipt.reason;
        } else {
                r = reader->ops->parked_find(reader, &test->store.locality, &paper->header.id,
                                             &paper->header.device, handed.entry.body_hash,
                                             &parked);
                assert_true(r >= 0);
                if (r == FOUND_SAME) {
                        receipt_parked(&parked, &fate.receipt);
                        fate.outcome = fate.receipt.outcome;
                        fate.reason = fate.receipt.reason;
                }
        }
        assert_int_equal(reader->ops->commit(reader), 0);
        return fate;
}

struct fate paper_send(struct paper *paper)
{
        paper_send_all(&paper, 1);
        return paper_fate(paper);
}

void paper_upgraded(const struct paper *paper)
{
        struct judge_test *test = paper->test;
        CLEANUP(handed_deinit) struct handed before = {0};
        CLEANUP(handed_deinit) struct handed handed = {0};
        struct paper readable = *paper;
        struct parked_row parked;

        make_bytes(paper, &before);
        readable.format = 0;
        make_bytes(&readable, &handed);
        begin(test);
        assert_int_equal(ops(test)->parked_find(test->store.writer, &test->store.locality,
                                                &paper->header.id, &paper->header.device,
                                                before.entry.body_hash, &parked),
                         FOUND_SAME);
        parked.header = handed.entry.header_bytes;
        parked.body = handed.entry.body;
        memcpy(parked.body_hash, handed.entry.body_hash, HASH_SIZE);
        assert_int_equal(ops(test)->parked_put(test->store.writer, &parked), 0);
        assert_int_equal(judge_tick(test->judge, &test->store.locality, 100), 0);
        store_commit(&test->store);
}

enum field_effect fate_effect(const struct fate *fate, const struct paper *paper, const char *field)
{
        const struct catalogue_type *type = catalogue_type_by_number(paper->body.type);
        uint16_t number = judge_field(type, field)->number;

        for (size_t i = 0; i < fate->receipt.effects_count; i++)
                if (fate->receipt.effects[i].field == number)
                        return fate->receipt.effects[i].effect;
        return EFFECT_APPLIED;
}
