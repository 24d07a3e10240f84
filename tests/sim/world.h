/*
 * One simulated history: some devices, a store, the network between them, people who work, and everything that goes
 * wrong, from one seed. The engines are the real ones; the world owns time, randomness, bytes on their way and the disks.
 *
 * Time is virtual (milliseconds since 1970, UTC) and jumps from event to event. What is to happen, the plan, is drawn in
 * advance (plan.h); what follows from it is queued. Everything runs in one thread, so that one seed is one history.
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "daemon/engine_internal.h"
#include "store/exchange.h"
#include "store/judge.h"
#include "tests/sim/disk_vfs.h"
#include "tests/sim/ledger.h"
#include "tests/sim/plan.h"
#include "tests/sim/plant.h"
#include "tests/sim/queue.h"
#include "tests/sim/story.h"

enum {
        DEVICES = 4,
        TEAMS = 2,
        PEOPLE_MAX = 64,
        RECORDS_MAX = 512,
        HOSTILE =
                DEVICES + 1, /* number of a machine that nobody has; one before it may be a clone */
        MACHINES,
        IDENTITIES = DEVICES + 1, /* the last one is the hostile machine's */
        REPLAY_MAX = 8,           /* old messages that may come again */
        SERVER_BATCH_MAX = 16,
        SIM_PEOPLE = 6, /* whom the store knows from the beginning */
        SIM_LIVENESS =
                10, /* exchanges within which a device must be proven equal once the faults stopped */
};

/* ---- the store's machine ---- */

struct server_call { /* a request that the store has and did not answer yet */
        size_t device;
        uint64_t exchange;
        struct exchange_request *request;
};

struct server {
        struct disk disk;
        bool up;
        struct storage *writer, *reader;
        struct exchange *writing, *reading;
        struct judge *judge; /* what operators write */
        struct server_call waiting[SERVER_BATCH_MAX], committed[SERVER_BATCH_MAX];
        size_t waiting_count, committed_count;
        struct disk image; /* an older state */
        bool has_image;
        uint64_t histories; /* rises when it is restored: what it had signed before may be gone */
        uint64_t life;      /* changes when it starts: what was planned before is void */
};

/* ---- a device's machine ---- */

enum host_phase { HOST_OFF, HOST_IDLE, HOST_SENDING, HOST_STEPPING };

struct link { /* the device's way to the store, as the plan has set it */
        int64_t delay_ms, spread_ms;
        uint32_t loss, duplicate, cut;   /* of 1000 messages */
        bool portal, down_up, down_down; /* a captive portal; nothing gets to the store, or back */
};

struct device {
        struct world *world;
        size_t number;
        struct device_row row;
        struct private_key *key;
        uint8_t caseload[48];
        struct disk disk;
        struct disk image; /* an older state */
        bool has_image;
        bool double_life;      /* it was restored, or has a clone: it may be told that it forked */
        bool restored;         /* and what it had recorded since is gone with its card */
        struct engine *engine; /* NULL: off, or its databases cannot be opened */
        enum host_phase phase;
        bool rebuild;         /* the replica is damaged: open with an empty one */
        uint64_t exchange;    /* number of the request that is out */
        uint64_t life, timer; /* what was planned before they changed is void */
        int64_t wall_offset_ms, boot_began_ms;
        uint64_t boot_id;
        enum clock_quality quality;
        struct link link;
        struct buffer replay[REPLAY_MAX];
        size_t replay_count;
        /* for the checks */
        uint64_t allowed,
                allowed_next; /* bits: people whom the newest end, or the one that is under way, lets it hold */
        uint32_t damaged; /* times its replica was damaged while it was off */
        bool scan;        /* its files are to be searched for people who left */
        uint64_t completed,
                ended;  /* exchanges that reached their end; and those that did not too */
        uint32_t ticks; /* timers in one millisecond that moved nothing */
        int64_t tick_ms;
};

struct person {
        struct uuid id;
        bool created; /* on a device; else by the store */
};

struct sim_record { /* what staff may come back to */
        const struct catalogue_type *type;
        struct uuid id, person;
};

struct sim_settings {
        uint64_t seed;
        const struct plan *plan; /* NULL: drawn from the seed */
        FILE *story;             /* NULL: untold */
        bool deep;               /* also what takes long: the store's log is played again */
};

struct world {
        const struct sim_settings *settings;
        int64_t now_ms;
        struct queue queue;
        struct plan plan;
        struct story story;
        struct random engine_random, disk_random, network_random;
        struct server server;
        struct device devices[MACHINES];
        size_t machines; /* that are there; the one behind the plan's devices is a clone … */
        size_t clone_of; /* … of this one */
        struct person people[PEOPLE_MAX];
        size_t person_count;
        struct sim_record records[RECORDS_MAX];
        size_t record_count;
        struct ledger ledger;
        struct compressor *compressor; /* for looking into messages */
        uint32_t next_entry, next_operator, next_forged;
        int64_t wake_ms; /* end of the quiet time after the faults */
        bool calm;       /* the faults have stopped */
        bool violated;
        char violation[400];
        uint64_t events, exchanges, round_trips;
};

/* What all histories of a process begin from: made once. */
struct template
{
        struct disk store, devices[2][DEVICES]; /* fresh; after a first sync */
        struct device_row rows[IDENTITIES];
        struct private_key *keys[IDENTITIES];
        uint8_t caseload[IDENTITIES][48];
        struct private_key *signing_key;
        struct buffer ca_key, ca_der, signing_der;
        struct exchange_settings settings;
        struct uuid locality, organisation, teams[TEAMS];
        struct uuid nurses[TEAMS], coordinators[TEAMS];
};

/* template_get() - made at the first call */
const struct template *template_get(void);

/* world_same() - do two machines go by one identity? */
bool world_same(const struct world *world, size_t a, size_t b);
/* world_has_clone() - are there two of this machine? */
bool world_has_clone(const struct world *world, size_t machine);
/*
 * world_promise() - the promise about an entry that was written under this identity; NULL: nobody was promised it. Two machines
 * with one identity may have used one id for two entries: then the one with this body
 */
struct promise *world_promise(struct world *world, const struct uuid *entry,
                              const struct uuid *device, struct bytes body);
/* world_promise_on() - the same for what a machine is told or tells: its own entry, or else that of its double */
struct promise *world_promise_on(const struct device *device, const struct uuid *entry);

/* sim_id() - an id that tells its kind and number: what lies in a file can be found again */
struct uuid sim_id(uint8_t kind, uint32_t number);

/* A text about a person begins with the mark and the person's number, so that it is found wherever it lies. */
#define SIM_MARK        "Zq"
#define SIM_MARK_SEARCH "zq" /* as it lies in the index of names */

enum {
        ID_PERSON = 10,
        ID_ASSIGNMENT = 13,
        ID_ENTRY = 90,
        ID_OPERATOR = 91,
        ID_FORGED = 92,
        SIM_EPOCH_S = 1764000000, /* when a history begins: 2025-11-24 16:00 UTC */
};

/* world_add_clone() - a second machine with the identity of @of; it is off and its disk empty. NULL: there is one */
struct device *world_add_clone(struct world *world, struct device *of);

void world_init(struct world *world, const struct sim_settings *settings);
void world_deinit(struct world *world);
/* world_run() - from the plan's first step to the proof that everything came together */
void world_run(struct world *world);

/* world_fail() - an invariant does not hold; the first one is kept */
void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* world_handle() - let one event happen */
void world_handle(struct world *world, const struct event *event);

#endif
