/*
 * The planted bugs: one list gives the enum, the names of the command line and what each would do to people.
 *
 * P(SYMBOL, "name", "what is wrong with it")
 */
#ifndef TESTS_SIM_PLANT_H
#define TESTS_SIM_PLANT_H

#include <stddef.h>

#define SIM_PLANTS(P)                                                                              \
        P(ACKNOWLEDGE_BEFORE_FSYNC, "acknowledge-before-fsync",                                    \
          "a nurse is told \"recorded\" before the entry is on the disk")                          \
        P(OUTBOX_PRUNED_ON_RECEIPT, "outbox-pruned-on-receipt",                                    \
          "a device drops an entry when the store has it, not when a backup has it")               \
        P(POSITION_WITHOUT_LOCK, "position-without-lock",                                          \
          "a reader sees a later commit before an earlier one")                                    \
        P(NO_BACKFILL_ON_JOIN, "no-backfill-on-join",                                              \
          "who joins a team brings only what changes from now on")                                 \
        P(LAST_WRITER_WINS, "last-writer-wins",                                                    \
          "of two concurrent edits the later one stands and nobody is asked")                      \
        P(RECEIPT_BEFORE_FSYNC, "receipt-before-fsync",                                            \
          "the store signs for what a power cut may still take")                                   \
        P(SECOND_CONFLICT_ON_RETRY, "second-conflict-on-retry",                                    \
          "an entry that is sent again is judged again")                                           \
        P(CURSOR_WITHOUT_BATCH, "cursor-without-batch",                                            \
          "a cursor is durable before the records that it stands for")                             \
        P(REPEAT_BY_ID_ALONE, "repeat-by-id-alone",                                                \
          "another entry of the same id is taken for a repeat")                                    \
        P(EXIT_BEFORE_JOIN, "exit-before-join",                                                    \
          "who leaves one team is erased, although another team of the device has them")           \
        P(ERASURE_REPORTED_BEFORE_DURABLE, "erasure-reported-before-durable",                      \
          "a device says that somebody is erased while the file still has them")                   \
        P(URGENT_BEFORE_NEEDS, "urgent-before-needs",                                              \
          "an urgent entry is judged before the entry that it builds on")                          \
        P(NO_INCARNATION, "no-incarnation",                                                        \
          "an outbox that was restored goes on under its old name")                                \
        P(EPOCH_IGNORED, "epoch-ignored",                                                          \
          "a device takes positions of a history that is gone for those of the present one")       \
        P(BASE_WITHOUT_EPOCH, "base-without-epoch",                                                \
          "what somebody saw in a history that is gone counts as seen in the present one")         \
        P(PURGE_WITH_UNSENT_WORK, "purge-with-unsent-work",                                        \
          "who leaves a device takes along what was not sent about them")

enum sim_plant {
        PLANT_NONE,
#define SIM_PLANT_ENUM(symbol, name, text) PLANT_##symbol,
        SIM_PLANTS(SIM_PLANT_ENUM)
#undef SIM_PLANT_ENUM
                PLANT_COUNT
};

/* sim_plant_active() - the one that is switched on in this process */
enum sim_plant sim_plant_active(void);
void sim_plant_switch(enum sim_plant plant);

/* sim_plant_memory() - for the planted bug, zero when it is switched on; @size at most 512 */
void *sim_plant_memory(size_t size);

const char *sim_plant_name(enum sim_plant plant);
const char *sim_plant_text(enum sim_plant plant);
/* sim_plant_by_name() - PLANT_COUNT: there is none of this name */
enum sim_plant sim_plant_by_name(const char *name);

#endif
