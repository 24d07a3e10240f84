/* Devices for tests of the store's exchange: an outbox in memory, requests made by hand, answers taken apart. */
#ifndef TESTS_UNIT_EXCHANGE_SUPPORT_H
#define TESTS_UNIT_EXCHANGE_SUPPORT_H

#include "common/body.h"
#include "common/compress.h"
#include "common/wire.h"
#include "store/exchange.h"
#include "tests/unit/store_support.h"

enum { TABLET_ENTRIES_MAX = 1100, TABLET_FEEDS_MAX = 200, REPLY_RECEIPTS_MAX = 1200 };

struct tablet_entry {
        struct buffer header, body;
        struct uuid id;
        uint8_t head[HASH_SIZE]; /* after it */
};

struct tablet_lane {
        struct tablet_entry *entries; /* [seq - 1] */
        size_t count;
};

struct tablet {
        struct device_row row;
        struct private_key *key;
        struct uuid incarnation;
        struct tablet_lane lanes[LANE_COUNT];
        struct wire_feed_state feeds[TABLET_FEEDS_MAX];
        size_t feed_count;
        uint8_t grants_hash[HASH_SIZE];
        struct uuid parked[16];
        size_t parked_count;
        struct wire_head head; /* of the locality, as last shown */
        size_t rows;           /* records received */
};

struct store_side {
        struct store_test *test;
        struct private_key *signing_key;
        struct public_key *signing_public;
        struct exchange_settings settings;
        struct exchange *writer, *reader;
        struct compressor *compressor;
        struct body_codec *codec;
        uint16_t role;
};

/* What came back from one exchange. */
struct reply {
        int error; /* of exchange_read() or exchange_commit() */
        enum wire_device_state state;
        struct wire_receipt receipts[REPLY_RECEIPTS_MAX];      /* without lists */
        uint8_t receipt_hashes[REPLY_RECEIPTS_MAX][HASH_SIZE]; /* over all that each says */
        size_t receipt_count;
        uint64_t next[LANE_COUNT];
        bool forked[LANE_COUNT];
        bool grants_listed, vector_wanted, more, ended;
        size_t row_count, locality_count;
        size_t request_size, answer_size;
};

/* A request in the making: begin, runs and gaps, then send. */
struct draft_request {
        struct buffer clear;
};

void store_side_open(struct store_side *side, struct store_test *test);
void store_side_close(struct store_side *side);

void tablet_open(struct tablet *tablet, struct store_side *side, uint32_t number);
void tablet_close(struct tablet *tablet);

/* tablet_alert() - record an alert about a person; returns the entry's id, which is the record's, too */
struct uuid tablet_alert(struct tablet *tablet, struct store_side *side, uint8_t lane,
                         uint32_t number, const struct uuid *person, const char *text);
/* tablet_append() - append an entry of any bytes */
void tablet_append(struct tablet *tablet, uint8_t lane, const struct uuid *id,
                   const struct uuid *locality, struct bytes body);

void request_begin(struct draft_request *request, struct tablet *tablet, bool vector);
/* request_run() - entries with seq first … last of a lane */
void request_run(struct draft_request *request, struct tablet *tablet, uint8_t lane, uint64_t first,
                 uint64_t last);
/* request_send() - the whole exchange; the tablet takes the answer over. @request is empty then. */
void request_send(struct draft_request *request, struct tablet *tablet, struct store_side *side,
                  struct reply *ret);
/* request_pack() - the request's body as it travels */
void request_pack(struct draft_request *request, struct store_side *side, struct buffer *out);

/* tablet_sync() - everything from seq `first` of each lane on, without a vector */
void tablet_sync(struct tablet *tablet, struct store_side *side, uint64_t first, struct reply *ret);

/* tablet_pull() - exchanges until nothing is left; returns how many */
size_t tablet_pull(struct tablet *tablet, struct store_side *side);

/* reply_outcome() - of an entry; OUTCOME_NONE where there is no receipt */
enum entry_outcome reply_outcome(const struct reply *reply, const struct uuid *id);
uint16_t reply_reason(const struct reply *reply, const struct uuid *id);

#endif
