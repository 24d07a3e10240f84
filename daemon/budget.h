/*
 * What the links of this device may carry in a day, each kind of link for itself, and what they have carried.
 *
 * Pure: it is told days and bytes. A budget that is used up stops downloads first, so that nobody's work waits for news;
 * a good way further on only urgent work goes. Urgent work always goes.
 */
#ifndef DAEMON_BUDGET_H
#define DAEMON_BUDGET_H

#include "common/bytes.h"

enum link_kind { LINK_WIRED, LINK_WIFI, LINK_MOBILE, LINK_KIND_COUNT };

/* link_kind_name() - "wired", "wifi", "mobile" */
const char *link_kind_name(enum link_kind kind);

enum budget_level {
        BUDGET_ALL,    /* nothing is held back */
        BUDGET_OWN,    /* this device's work goes up; news waits */
        BUDGET_URGENT, /* urgent work alone goes up, with what it needs */
};

/* budget_level_name() - "everything", "own work", "urgent work" */
const char *budget_level_name(enum budget_level level);

enum {
        BUDGET_RESERVE_DIVISOR = 4,    /* own work may take so much of the budget on top of it */
        BUDGET_KEEP_BYTES = 256 << 10, /* at most so much is forgotten when power fails … */
        BUDGET_KEEP_DIVISOR = 20,      /* … or so much of the budget, where that is less */
};

struct budget {
        uint64_t own_bytes[LINK_KIND_COUNT]; /* of the configuration, a day; 0: no limit */
        uint64_t store_bytes; /* the store's word for a link that costs money; 0: it has none */
        int64_t day;          /* since 1970, UTC */
        uint64_t spent[LINK_KIND_COUNT]; /* in that day */
        uint64_t kept[LINK_KIND_COUNT];  /* of it, what was said to be kept */
};

/* budget_limit() - bytes a day; 0: none. The store's word stands above the configuration's, where the link costs money. */
uint64_t budget_limit(const struct budget *budget, enum link_kind kind, bool metered);

/**
 * budget_turn() - what day it is
 *
 * A new day begins with nothing spent. So does one that lies more than a day back: then the clock was wrong before. A clock that is
 * put back by hours gives no second budget.
 */
void budget_turn(struct budget *budget, int64_t day);

void budget_spend(struct budget *budget, enum link_kind kind, uint64_t bytes);

/* budget_level() - what may go now */
enum budget_level budget_level(const struct budget *budget, enum link_kind kind, bool metered);

/* budget_unkept() - was so much spent on a limited link since budget_encode() that it should be kept again? */
bool budget_unkept(const struct budget *budget, enum link_kind kind, bool metered);

/* budget_encode() - what must survive a restart, as CBOR */
void budget_encode(struct budget *budget, struct buffer *out);
/* budget_decode() - over a budget that has its configuration; PANNIER_E_MALFORMED leaves it as it was */
int budget_decode(struct budget *budget, struct bytes kept);

#endif
