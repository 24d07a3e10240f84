/*
 * Entries that were damaged on their device before they were sent. Both ends call such an entry by the id that the device
 * shows; the receipt goes by that id, and names the hash of the bytes that it is about.
 */
#include "common/error.h"
#include "store/exchange_internal.h"
#include "store/receipts.h"

#include <string.h>

void exchange_damaged(const struct exchange_request *request, const struct wire_damaged *damaged,
                      struct exchange_entry *ret)
{
        const struct uuid *device = &request->device.id;
        bool named = !uuid_is_none(&damaged->entry);

        *ret = (struct exchange_entry){
                .header_bytes = damaged->header,
                .body = damaged->body,
                .refused = REASON_DAMAGED,
                .header =
                        {
                                .id = named ? damaged->entry
                                            : uuid_derived("damaged", device, damaged->header),
                                .device = *device,
                                .incarnation = damaged->incarnation,
                                .lane = damaged->lane,
                                .seq = damaged->seq,
                                .locality = request->device.locality,
                        },
        };
        entry_body_hash(damaged->body, ret->body_hash);
}

static bool same_place(const struct entry_header *header, const struct uuid *device,
                       const struct uuid *incarnation, uint8_t lane, uint64_t seq)
{
        return uuid_equal(&header->device, device) &&
               uuid_equal(&header->incarnation, incarnation) && header->lane == lane &&
               header->seq == seq;
}

/* The same id under the same number of the same lane, with a body that was whole. */
static int taken_before(struct exchange *exchange, const struct entry_header *header,
                        struct arena *arena, struct wire_receipt *ret)
{
        static const uint8_t no_hash[HASH_SIZE];
        const struct storage_ops *ops = exchange->storage->ops;
        struct parked_row parked;
        struct log_row row;
        int r = ops->log_find(exchange->storage, &header->locality, &header->id, &header->device,
                              no_hash, arena, &row);

        if (r != FOUND_NONE) {
                if (r < 0 || !same_place(header, &row.device, &row.incarnation, row.lane, row.seq))
                        return r < 0 ? r : 0;
                r = receipt_from_row(&row, arena, ret);
                return r < 0 ? r : 1;
        }
        r = ops->parked_find(exchange->storage, &header->locality, &header->id, &header->device,
                             no_hash, &parked);
        if (r == FOUND_NONE || r < 0 ||
            !same_place(header, &parked.device, &parked.incarnation, parked.lane, parked.seq))
                return r < 0 ? r : 0;
        receipt_parked(&parked, ret);
        return 1;
}

int exchange_damaged_known(struct exchange *exchange, const struct exchange_entry *entry,
                           struct arena *arena, struct wire_receipt *ret)
{
        int r = exchange_known(exchange, &entry->header.device, entry, arena, ret);

        if (r == FOUND_NONE)
                r = taken_before(exchange, &entry->header, arena, ret);
        return r < 0 ? r : r != 0;
}
