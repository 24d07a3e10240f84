/* A small locality for tests of the judge: real storage in a file, teams, staff, three tablets that write entries. */
#ifndef TESTS_UNIT_JUDGE_SUPPORT_H
#define TESTS_UNIT_JUDGE_SUPPORT_H

#include "common/body.h"
#include "common/conflict.h"
#include "store/judge.h"
#include "tests/unit/store_support.h"

enum { TRUST, HOME, CHARITY, ORGANISATION_COUNT };
enum { NURSES, HUB, CHARITY_TEAM, TEAM_COUNT };
enum {
        ANNA,
        BOB,
        CARLA,
        DOCTOR,
        CARER,
        VOLUNTEER,
        STAFF_COUNT
};                                              /* nurse, nurse, coordinator, gp … */
enum { TABLET, SECOND, STATION, TABLET_COUNT }; /* of NURSES, of NURSES, of the home */

struct tablet {
        struct device_row row;
        struct uuid incarnation;
        uint64_t seq[LANE_COUNT];
        uint64_t seen; /* newest position it was shown */
};

struct judge_test {
        struct store_test store;
        struct judge *judge;
        struct body_codec *codec;
        struct arena arena; /* everything a test reads lives in it */
        int64_t now_ms;
        struct uuid organisations[ORGANISATION_COUNT], teams[TEAM_COUNT], staff[STAFF_COUNT];
        struct tablet tablets[TABLET_COUNT];
        uint32_t ids;
};

void judge_test_open(struct judge_test *test, const char *path);
void judge_test_close(struct judge_test *test);

struct uuid judge_test_id(struct judge_test *test);

/* An entry that somebody writes on a tablet. Fields are added by name; paper_send() hands it in, in a commit of its own. */
struct paper {
        struct judge_test *test;
        int tablet;
        struct entry_header header;
        struct entry_body body;
        uint8_t format; /* of a newer Pannier; 0: our own */
        struct entry_change changes[24];
};

struct paper paper_create(struct judge_test *test, int tablet, int staff, const char *type,
                          const struct uuid *person);
/* paper_edit() - based on what the tablet last saw */
struct paper paper_edit(struct judge_test *test, int tablet, int staff, const char *type,
                        const struct uuid *record);
struct paper paper_decide(struct judge_test *test, int tablet, int staff,
                          const struct uuid *conflict, const struct uuid *chosen,
                          const struct uuid *seen, size_t seen_count);
struct paper paper_person(struct judge_test *test, int tablet, int staff, const char *family);

void paper_text(struct paper *paper, const char *field, const char *text);
void paper_code(struct paper *paper, const char *field, const char *code);
void paper_int(struct paper *paper, const char *field, int64_t number);
void paper_ref(struct paper *paper, const char *field, const struct uuid *id);
void paper_null(struct paper *paper, const char *field);
void paper_packed(struct paper *paper, const char *field, const char *hex);
void paper_continues(struct paper *paper, const struct paper *before);

struct fate {
        enum entry_outcome outcome; /* PARKED where it waits */
        uint16_t reason;
        struct wire_receipt receipt;
};

struct fate paper_send(struct paper *paper);
/* paper_send_to() - in a commit over several localities; the paper's own says where its fate is looked for */
struct fate paper_send_to(struct paper *paper, const struct uuid *localities, size_t count);
/* paper_send_all() - several in one commit */
void paper_send_all(struct paper *const *papers, size_t count);
/* paper_upgraded() - the store is one that can read the paper now: its row's body is one that we can read. It has a tick. */
void paper_upgraded(const struct paper *paper);
struct fate paper_fate(const struct paper *paper);
enum field_effect fate_effect(const struct fate *fate, const struct paper *paper,
                              const char *field);

/* The tablet has pulled: it saw everything up to now. */
void tablet_pull(struct judge_test *test, int tablet);

/* Of the catalogue, by name; they fail the test where there is none. */
const struct catalogue_type *judge_type(const char *name);
const struct catalogue_field *judge_field(const struct catalogue_type *type, const char *name);

/* Reading, in a snapshot of its own. */
bool judge_record(struct judge_test *test, const char *type, const struct uuid *id,
                  struct record *ret);
struct value judge_value(struct judge_test *test, const char *type, const struct uuid *id,
                         const char *field);
int64_t judge_code(const char *type, const char *field, const char *code);
bool judge_has(struct judge_test *test, const char *type, const struct uuid *id);
uint64_t judge_position(struct judge_test *test, const char *type, const struct uuid *id);
/* judge_find() - ids of records of a type and person, ascending; how many */
size_t judge_find(struct judge_test *test, const char *type, const struct uuid *person,
                  struct uuid *ret, size_t max);
struct conflict judge_conflict(struct judge_test *test, const struct uuid *id);
/* judge_in() - is the person in the scope's feeds now? */
bool judge_in(struct judge_test *test, const struct uuid *person, enum scope_kind kind,
              const struct uuid *scope);
/* judge_log_count() - rows of the log; @by_store: only those of the store */
size_t judge_log_count(struct judge_test *test, bool by_store);
size_t judge_parked_count(struct judge_test *test);

/* judge_load() - what the store's load does: one record with a text field, in a commit of its own */
void judge_load(struct judge_test *test, const struct judge_change *change, int expected);
/* judge_person() - a person on the caseload of a team, loaded by the store; every tablet has pulled */
struct uuid judge_person(struct judge_test *test, int team, const char *family);
/* judge_assign() - the store puts a person on a team's caseload, by an assignment of this id, or ends that */
void judge_assign(struct judge_test *test, const struct uuid *assignment, const struct uuid *person,
                  int team, bool active);

#endif
