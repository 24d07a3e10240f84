/*
 * What happens to a history: people's work, operators' work and faults, step by step. Each step brings its own randomness, so
 * that a step that is taken out does not change what the others do; that is what makes a failing history small.
 */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include "tests/sim/random.h"

/* S(SYMBOL, "name", weight, class): the weight is of the draw; the class is what can be turned off as one */
#define PLAN_STEPS(S)                                                                              \
        S(RECORD, "record", 160, CLASS_WORK)                                                       \
        S(EDIT, "edit", 200, CLASS_WORK)                                                           \
        S(BATCH, "several at once", 30, CLASS_WORK)                                                \
        S(MEET, "meet somebody new", 25, CLASS_WORK)                                               \
        S(TAP, "tap twice", 30, CLASS_WORK)                                                        \
        S(COLLIDE, "an id that another device has used", 10, CLASS_WORK)                           \
        S(LOOK, "look", 30, CLASS_WORK)                                                            \
        S(DECIDE, "decide", 30, CLASS_WORK)                                                        \
        S(SYNC, "ask for an exchange", 80, CLASS_WORK)                                             \
        S(REST, "rest", 60, CLASS_WORK)                                                            \
        S(MOVE, "move a person", 60, CLASS_OPERATOR)                                               \
        S(GRANT, "change a device's teams", 20, CLASS_OPERATOR)                                    \
        S(IMPORT, "change a record at the store", 25, CLASS_OPERATOR)                              \
        S(LINK, "the link gets worse", 60, CLASS_NETWORK)                                          \
        S(CUT_OFF, "the link is gone", 40, CLASS_NETWORK)                                          \
        S(PORTAL, "a captive portal", 10, CLASS_NETWORK)                                           \
        S(REPLAY, "an old request again", 20, CLASS_REPLAY)                                        \
        S(REBOOT, "power button", 20, CLASS_POWER)                                                 \
        S(KILL, "the daemon dies", 20, CLASS_POWER)                                                \
        S(POWER, "the device's power is cut", 60, CLASS_POWER)                                     \
        S(STORE_KILL, "the store dies", 10, CLASS_STORE)                                           \
        S(STORE_POWER, "the store's power is cut", 30, CLASS_STORE)                                \
        S(DISK_ERROR, "the device's disk fails", 25, CLASS_DISK)                                   \
        S(DISK_FULL, "the device's disk is full", 10, CLASS_DISK)                                  \
        S(STORE_DISK, "the store's disk fails", 10, CLASS_DISK)                                    \
        S(REPLICA, "the replica is lost", 10, CLASS_DISK)                                          \
        S(CLOCK, "the device's clock jumps", 20, CLASS_CLOCK)                                      \
        S(STORE_IMAGE, "the store is copied", 20, CLASS_IMAGE)                                     \
        S(STORE_BACK, "the store is restored", 20, CLASS_IMAGE)                                    \
        S(IMAGE, "the device's card is copied", 25, CLASS_IMAGE)                                   \
        S(BACK, "the device is restored", 20, CLASS_IMAGE)                                         \
        S(CLONE, "the device's card is cloned", 10, CLASS_IMAGE)                                   \
        S(HOSTILE, "somebody sends what no device would", 25, CLASS_HOSTILE)

enum step_kind {
#define PLAN_STEP(symbol, name, weight, class) STEP_##symbol,
        PLAN_STEPS(PLAN_STEP)
#undef PLAN_STEP
                STEP_KIND_COUNT
};

enum step_class { /* what is turned off as one */
                  CLASS_WORK,
                  CLASS_OPERATOR,
                  CLASS_NETWORK,
                  CLASS_REPLAY,
                  CLASS_POWER,
                  CLASS_STORE,
                  CLASS_DISK,
                  CLASS_CLOCK,
                  CLASS_IMAGE,
                  CLASS_HOSTILE,
                  STEP_CLASS_COUNT
};

struct step {
        int64_t after_ms; /* since the step before */
        enum step_kind kind;
        size_t device;
        /*
         * How long it lasts; 0: drawn. Of STEP_CLOCK: 1 the clock is lost, 2 it is right again; of STEP_STORE_BACK: 1 nobody says so, 2
         * with a new epoch at once
         */
        int64_t for_ms;
        uint64_t draw; /* seed of everything the step itself draws */
};

enum { PLAN_STEPS_MAX = 256 };

struct plan {
        size_t devices; /* 1 … DEVICES take part */
        uint8_t synced; /* bits: devices that begin after a first sync */
        size_t count;
        struct step steps[PLAN_STEPS_MAX];
};

void plan_draw(uint64_t seed, struct plan *ret);
/* plan_without() - the same without the steps of some classes (bits) */
void plan_without(struct plan *plan, uint32_t classes);

/* plan_has() - is there a step of this kind in it? */
bool plan_has(const struct plan *plan, enum step_kind kind);

const char *step_name(enum step_kind kind);
enum step_class step_class(enum step_kind kind);
const char *step_class_name(enum step_class class);

#endif
