/* Records of the journal as bytes: kinds of actions, written and read. Part of store/journal.h; nobody else includes it. */
#ifndef STORE_JOURNAL_RECORD_H
#define STORE_JOURNAL_RECORD_H

#include "store/journal.h"

enum journal_kind { /* the numbers are stored */
                    JOURNAL_EPOCH = 2,
                    JOURNAL_DEVICE = 3,
                    JOURNAL_GRANT = 4,
                    JOURNAL_GRANT_END = 5,
                    JOURNAL_CODE = 6,
                    JOURNAL_CODE_USED = 7,
                    JOURNAL_CODES_BURNT = 8,
                    JOURNAL_KEY = 9,
                    JOURNAL_WORD = 10,
                    JOURNAL_CHANGE = 11,
                    JOURNAL_MOVE = 12,
                    JOURNAL_ANSWER = 13,
};

void journal_put_epoch(const struct uuid *locality, const struct epoch_row *row, uint64_t left,
                       struct buffer *out);
void journal_put_device(const struct device_row *row, struct buffer *out);
void journal_put_grant(enum journal_kind kind, const struct uuid *device, const struct scope *scope,
                       struct buffer *out);
void journal_put_code(const uint8_t hash[HASH_SIZE], const struct uuid *device, int64_t expires_ms,
                      struct buffer *out);
void journal_put_code_used(const uint8_t hash[HASH_SIZE], const uint8_t key[PUBLIC_KEY_SIZE],
                           struct buffer *out);
void journal_put_burnt(const struct uuid *device, struct buffer *out);
void journal_put_word(enum journal_kind kind, const struct uuid *locality,
                      const struct catalogue_type *type, struct bytes word,
                      const struct uuid *record, struct buffer *out);
void journal_put_change(const struct judge_change *change, struct buffer *out);
void journal_put_move(const struct judge_move *move, struct buffer *out);
void journal_put_answer(const struct judge_answer *answer, const struct log_row *refused,
                        struct buffer *out);

/* journal_play() - carry out the actions of a record, in the transaction that is open */
int journal_play(struct storage *storage, struct judge *judge, struct bytes actions);

#endif
