/*
 * Inside of a check: what session_check.c (asking, applying) and session_check_answer.c (reading, adding up) share. Nobody else includes it.
 */
#ifndef DAEMON_SESSION_CHECK_INTERNAL_H
#define DAEMON_SESSION_CHECK_INTERNAL_H

#include "daemon/session_check.h"

enum { CHECK_REQUESTS_MAX = 64 }; /* of one exchange; the next one goes on */

enum check_phase { CHECK_ASK, CHECK_PAGES, CHECK_PEOPLE, CHECK_APPLY };

struct check_owner {
        struct uuid id;
        struct digest digest;
};

struct check_owners {
        struct check_owner *items;
        size_t count, capacity, next;
};

struct check_row {
        struct uuid owner;
        const struct wire_records *message;
        struct wire_row row;
};

struct session_check {
        enum check_phase phase;
        uint32_t requests;
        struct replica_feed feed; /* in hand */
        uint8_t digest[WIRE_DIGEST_SIZE];
        uint64_t position; /* where the pages stand */
        struct uuid person;
        struct check_owners listed, wanted, unlisted; /* ascending by id once all are there */
        size_t asked;                      /* of wanted: up to here in the request that is out */
        int64_t tried[CHECK_REQUESTS_MAX]; /* feeds */
        size_t tried_count;
        /* of an answer */
        struct buffer answer;
        struct arena arena;
        struct wire_records *messages;
        size_t message_count, message_capacity;
        struct check_row *rows; /* by owner */
        size_t row_count, row_capacity, row_next;
        struct wire_checked checked;
        bool has_differ;
        struct wire_differ differ;
};

void check_owners_deinit(struct check_owners *owners);

/* check_was_tried() - was this feed looked at in this exchange? */
bool check_was_tried(const struct session_check *check, int64_t feed);

/* check_read() - take an answer apart: check->differ, messages, checked */
int check_read(struct engine *engine, struct bytes body);
/* check_take_page() - a page of a feed's people, behind the one before it */
int check_take_page(struct engine *engine);
/* check_find() - all pages are here: who differs (wanted), and who is here and was not listed (unlisted) */
int check_find(struct engine *engine);
/* check_take_records() - records of those who were asked for: check->rows, by owner; a fault is noted of whom they do not add up to */
int check_take_records(struct engine *engine);
/* check_decode() - one row, into @arena */
int check_decode(struct arena *arena, const struct wire_records *message,
                 const struct wire_row *row, struct record *ret);

#endif
