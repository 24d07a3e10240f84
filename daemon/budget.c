#include "daemon/budget.h"

#include "common/cbor.h"
#include "common/error.h"

const char *link_kind_name(enum link_kind kind)
{
        switch (kind) {
        case LINK_WIRED:
                return "wired";
        case LINK_WIFI:
                return "wifi";
        case LINK_MOBILE:
                return "mobile";
        case LINK_KIND_COUNT:
                break;
        }
        return "unknown";
}

const char *budget_level_name(enum budget_level level)
{
        switch (level) {
        case BUDGET_ALL:
                return "everything";
        case BUDGET_OWN:
                return "own work";
        case BUDGET_URGENT:
                return "urgent work";
        }
        return "unknown";
}

uint64_t budget_limit(const struct budget *budget, enum link_kind kind, bool metered)
{
        return metered && budget->store_bytes ? budget->store_bytes : budget->own_bytes[kind];
}

void budget_turn(struct budget *budget, int64_t day)
{
        if (day == budget->day || day == budget->day - 1)
                return;
        budget->day = day;
        for (int kind = 0; kind < LINK_KIND_COUNT; kind++)
                budget->spent[kind] = budget->kept[kind] = 0;
}

void budget_spend(struct budget *budget, enum link_kind kind, uint64_t bytes)
{
        uint64_t left = INT64_MAX - budget->spent[kind]; /* it travels as a number of 63 bits */

        budget->spent[kind] += bytes < left ? bytes : left;
}

enum budget_level budget_level(const struct budget *budget, enum link_kind kind, bool metered)
{
        uint64_t limit = budget_limit(budget, kind, metered);

        if (limit == 0 || budget->spent[kind] < limit)
                return BUDGET_ALL;
        return budget->spent[kind] - limit < limit / BUDGET_RESERVE_DIVISOR ? BUDGET_OWN
                                                                            : BUDGET_URGENT;
}

bool budget_unkept(const struct budget *budget, enum link_kind kind, bool metered)
{
        uint64_t limit = budget_limit(budget, kind, metered);
        uint64_t step = limit / BUDGET_KEEP_DIVISOR;

        if (step > BUDGET_KEEP_BYTES)
                step = BUDGET_KEEP_BYTES;
        return limit > 0 && budget->spent[kind] - budget->kept[kind] > step;
}

void budget_encode(struct budget *budget, struct buffer *out)
{
        cbor_put_array(out, 2 + LINK_KIND_COUNT);
        cbor_put_int(out, budget->day);
        cbor_put_uint(out, budget->store_bytes);
        for (int kind = 0; kind < LINK_KIND_COUNT; kind++) {
                cbor_put_uint(out, budget->spent[kind]);
                budget->kept[kind] = budget->spent[kind];
        }
}

int budget_decode(struct budget *budget, struct bytes kept)
{
        struct budget read = *budget;
        struct cbor_reader reader;
        uint64_t count;
        int r;

        cbor_reader_init(&reader, kept);
        r = cbor_read_array(&reader, 2 + LINK_KIND_COUNT, &count);
        if (r >= 0 && count != 2 + LINK_KIND_COUNT)
                r = FAIL(PANNIER_E_MALFORMED, "a kept budget of %llu parts",
                         (unsigned long long)count);
        if (r >= 0)
                r = cbor_read_int(&reader, &read.day);
        if (r >= 0)
                r = cbor_read_uint(&reader, INT64_MAX, &read.store_bytes);
        for (int kind = 0; kind < LINK_KIND_COUNT && r >= 0; kind++) {
                r = cbor_read_uint(&reader, INT64_MAX, &read.spent[kind]);
                read.kept[kind] = read.spent[kind];
        }
        if (r < 0)
                return r;
        *budget = read;
        return 0;
}
