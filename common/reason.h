/*
 * Why an entry was quarantined, or waits for an upgrade: one list for both sides, with the name that programs see and the sentence that people read.
 *
 * Numbers travel and are never used again for anything else. A reason that this build does not know is kept
 * and shown by its number.
 */
#ifndef COMMON_REASON_H
#define COMMON_REASON_H

#include <stdint.h>

/* X(symbol, number, name, sentence) */
#define REASON_LIST(X)                                                                             \
        X(MALFORMED, 1, "malformed",                                                               \
          "The entry cannot be read: its bytes do not follow the format.")                         \
        X(CATALOGUE, 2, "catalogue",                                                               \
          "The entry is of a kind, or does something, that the catalogue does not have.")          \
        X(RANGE, 3, "range", "A value is outside of the range that is possible for it.")           \
        X(ROLE, 4, "role", "The author's role may not write this.")                                \
        X(AUTHOR, 5, "author",                                                                     \
          "The author is not a member of staff who may write on this device.")                     \
        X(FIXED, 6, "fixed field",                                                                 \
          "A value that is fixed once it is written cannot be edited; write a new record.")        \
        X(STORE_FIELD, 7, "store field", "The value is set by the store alone.")                   \
        X(BASE, 8, "base beyond head",                                                             \
          "The entry builds on a state of the record that the store never gave out.")              \
        X(ID_TAKEN, 9, "id taken", "The id of the entry is already used for something else.")      \
        X(SEAL, 10, "seal",                                                                        \
          "The entry cannot be opened: its seal is broken or the key is not known.")               \
        X(DAMAGED, 11, "damaged",                                                                  \
          "The entry was damaged on the device before it was sent; what is left of it is kept.")   \
        X(NOT_HERE, 12, "not here",                                                                \
          "The person or record it belongs to did not arrive within seven days.")                  \
        X(INTERNAL, 13, "internal", "The store failed on this entry; it is kept for examination.") \
        X(NEEDS, 14, "needs missing", "The entry builds on another one that was never sent.")      \
        X(LIMIT, 15, "limit", "The entry is larger than is allowed.")                              \
        X(DOWNWARD, 16, "downward", "The value may only be raised, never lowered.")                \
        X(UNDER_16, 17, "under 16",                                                                \
          "The person is under 16 years old, which is outside of this service.")                   \
        X(REQUIRED, 18, "required field", "A value that must be given is missing.")                \
        X(REFERENCE, 19, "reference",                                                              \
          "The entry names a record of a kind that cannot stand there.")                           \
        X(SCOPE, 20, "scope", "The author may not see this person, so the entry cannot be taken.") \
        X(APPEND, 21, "fact edited",                                                               \
          "A recorded fact is never edited; strike it out with a new record.")                     \
        X(CHECK, 22, "check", "The values contradict each other.")                                 \
        X(REASON, 23, "reason missing", "This step needs a reason, and none was given.")           \
        X(DEVICE, 24, "device", "The device that wrote the entry was locked, wiped or revoked.")   \
        X(UPGRADE, 25, "upgrade",                                                                  \
          "The store is older than the device and cannot read the entry yet; it waits for the "    \
          "store's upgrade.")                                                                      \
        X(DEALT_WITH, 26, "dealt with",                                                            \
          "The entry that this one was to replace has been dealt with meanwhile.")

enum quarantine_reason {
        REASON_NONE = 0,
#define REASON_ENUM(symbol, number, name, sentence) REASON_##symbol = (number),
        REASON_LIST(REASON_ENUM)
#undef REASON_ENUM
                REASON_MAX = 999, /* largest number that may ever travel */
};

/* reason_name() - short stable name such as "id taken", or "unknown"; static, never NULL */
const char *reason_name(uint64_t number);

/* reason_sentence() - one plain-English sentence for people; static, never NULL */
const char *reason_sentence(uint64_t number);

#endif
