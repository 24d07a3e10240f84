/* What the files of the proof share: verify.c (one log, played and compared), verify_move.c (people who moved). Nobody else includes it. */
#ifndef STORE_VERIFY_INTERNAL_H
#define STORE_VERIFY_INTERNAL_H

#include "common/body.h"
#include "store/verify.h"
#include "store/verify_sums.h"

/* How far the log of another locality was played, for the sake of people who came from there. */
struct other_log {
        struct uuid locality;
        uint64_t next;     /* number of the next row */
        uint64_t position; /* everything up to here was played */
};

enum { OTHER_LOGS_MAX = 64 };

struct verify {
        struct storage *storage, *scratch;
        const struct uuid *locality;
        enum nhs_environment environment;
        int (*visit)(void *context, const struct verify_problem *problem);
        void *context;
        struct verify_report *report;
        struct body_codec *codec;
        struct arena arena; /* of one row */
        struct buffer clear;
        uint64_t expected; /* number of the next row */
        uint8_t chain[HASH_SIZE];
        struct buffer unsure; /* struct unsure_field behind each other */
        struct other_log others[OTHER_LOGS_MAX];
        size_t other_count;
        bool waits; /* for the log that somebody's records come from, up to the position */
        struct uuid wait_locality;
        uint64_t wait_position;
        struct verify_sums sums;
};

/* verify_read_body() - what an entry of the log says; ret borrows from verify->arena */
int verify_read_body(struct verify *verify, const struct log_row *row, struct entry_body *ret);
int verify_play_row(struct verify *verify, const struct log_row *row);

/* verify_moves_to() - the store's row about a departure or an arrival: whither the person went; else UUID_NONE */
struct uuid verify_moves_to(const struct log_row *row, const struct entry_body *body);
/* verify_play_move() - the person's records, played again so far, are of locality @to from this row on */
int verify_play_move(struct verify *verify, const struct log_row *row, const struct uuid *to);

/**
 * verify_look_ahead() - must another log be played first? Its rows up to the departure say what arrives
 *
 * Return: 1 it must: stop here, call verify_play_awaited(), and go on with this row; 0; or an error
 */
int verify_look_ahead(struct verify *verify, const struct log_row *row);
int verify_play_awaited(struct verify *verify);

#endif
