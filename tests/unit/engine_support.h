/*
 * A device's engine against the store's engine, both real, both on SQLCipher (one process never holds both libraries), no network:
 * the test carries the bytes and may cut, repeat, delay or forge them.
 */
#ifndef TESTS_UNIT_ENGINE_SUPPORT_H
#define TESTS_UNIT_ENGINE_SUPPORT_H

#include "daemon/engine_internal.h"
#include "daemon/incarnation.h"
#include "store/ca.h"
#include "store/exchange.h"
#include "store/judge.h"
#include "tests/unit/store_support.h"

enum { RIG_DEVICES_MAX = 4 };

struct rig { /* the store, and what all devices share */
        struct store_test test;
        struct private_key *signing_key, *seal_key;
        struct wire_seal_key seal;
        struct buffer ca_key, ca_der, signing_der;
        struct exchange_settings settings;
        struct exchange *writer, *reader;
        struct uuid organisation, team, other_team, nurse, coordinator, stranger;
        int64_t now_ms;
        struct judge *judge;
        uint32_t entries; /* that the store wrote itself */
        char path[256];   /* of the database */
        size_t losses;    /* how often an answer waited for a new epoch */
};

struct station { /* one device */
        struct rig *rig;
        struct device_row row;
        struct private_key *key;
        char outbox[256], replica[256];
        uint8_t caseload[48]; /* key and salt */
        bool plain;           /* the replica is a plain file: for tests that look into its bytes */
        struct engine *engine;
        int64_t boot_ms;
        uint64_t boot_id;
        struct buffer request, answer;
        bool ahead; /* while an answer is applied the next request is at the store already */
        struct buffer early; /* its answer */
        bool has_early;
        struct engine_fault fault;
        size_t events[ENGINE_EVENT_EXCHANGE + 1];
        struct uuid last_gone;
};

void rig_open(struct rig *rig, const char *path);
void rig_close(struct rig *rig);

/* rig_keep() - copy the database to @image as it is now; rig_reopen() - close it and open it again, from @image where there is one */
void rig_keep(struct rig *rig, const char *image);
void rig_reopen(struct rig *rig, const char *image);

/* rig_person() - a person with names in team @team; @number names it for ever. The person's records are what rig_record() adds */
struct uuid rig_person(struct rig *rig, uint32_t number, const char *family, const char *given,
                       const struct uuid *team);
/* rig_assign() - put a person into a team's scope (or take out), by an assignment record that the store commits */
void rig_assign(struct rig *rig, uint32_t number, const struct uuid *person,
                const struct uuid *team, bool active);
/* rig_role() - a staff member has another role from now on */
void rig_role(struct rig *rig, const struct uuid *staff, const char *role);
/* rig_records() - @count visits of a person, straight into the store */
void rig_records(struct rig *rig, const struct uuid *person, uint32_t first, uint32_t count,
                 const char *text);

/* station_open() - a new device that is granted the team's scope; files in the test's folder */
void station_open(struct station *station, struct rig *rig, uint32_t number, void *const *state,
                  const struct uuid *team);
void station_start(struct station *station);
void station_stop(struct station *station);  /* the engine goes, the files stay */
void station_close(struct station *station); /* both */
struct engine_now station_now(struct station *station);

/* station_send() - the request of the next round trip is made, or went ahead, and the store's answer is in station->answer */
void station_send(struct station *station);
/* store_answers() - what the store makes of a request; nobody takes the answer yet */
void store_answers(struct station *station, struct bytes request, struct buffer *out);
/* station_replay() - the network hands a request to the store once more; nobody takes the answer */
void station_replay(struct station *station, struct bytes request);
/* station_ahead() - where the engine has a request ahead, make it; call it after whatever returned EXCHANGE_STEP */
void station_ahead(struct station *station);
/* station_take() - the answer goes into the engine, and all steps are made (with `ahead`: as the daemon does it); returns enum exchange_next */
int station_take(struct station *station);
/* station_sync() - whole exchanges until EXCHANGE_DONE or EXCHANGE_STOP; returns which */
int station_sync(struct station *station);

/* Writing: entries with one field each, or several. Return of engine_write(). */
struct field_text {
        const char *name, *text; /* text: a text; a code's code; an id is given by `id` */
        const struct uuid *id;
        int64_t number; /* where text and id are NULL */
};

int station_create(struct station *station, const struct uuid *staff, const struct uuid *request,
                   const char *type, const struct uuid *person, const struct field_text *fields,
                   size_t count);
int station_edit(struct station *station, const struct uuid *staff, const struct uuid *request,
                 const char *type, const struct uuid *record, const struct field_text *fields,
                 size_t count);

/* station_state() - state of an entry in the outbox; -1: not there */
int station_state(struct station *station, const struct uuid *entry);

/* station_text() - text of a visible field (a code's code), "" if it has none; *ret_state: how it stands. NULL: no such record for the nurse */
const char *station_text(struct station *station, const struct uuid *staff,
                         const struct uuid *record, const char *field,
                         enum engine_field_state *ret_state, const char **ret_beside);

#endif
