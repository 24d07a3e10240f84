/*
 * Entries that a device offers again, because the store lost them: each with the receipt that the store signed for it then.
 *
 * The receipt stands for the check of scopes that was made then, and says where the entry stood: who had seen that position
 * of the lost history had seen the entry.
 */
#include "common/error.h"
#include "store/exchange_internal.h"

#include <string.h>

static bool is_listed(struct bytes hashes, const uint8_t hash[HASH_SIZE])
{
        for (size_t at = 0; at + HASH_SIZE <= hashes.size; at += HASH_SIZE)
                if (memcmp(hashes.data + at, hash, HASH_SIZE) == 0)
                        return true;
        return false;
}

/* The same bytes as wire_receipts_message() makes, from the hashes that came instead of the receipts. */
static int check_signature(const struct exchange *exchange, const struct uuid *device,
                           const struct wire_again *again)
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;
        CLEANUP(public_key_freep) struct public_key *key = NULL;
        uint8_t point[PUBLIC_KEY_SIZE];
        int r;

        wire_receipts_signed(device, again->now_ms, again->hashes, &message);
        r = buffer_check(&message);
        if (r < 0)
                return r;
        private_key_public(exchange->settings->signing_key, point);
        r = public_key_from_point(point, &key);
        return r < 0 ? r : public_key_verify(key, buffer_view(&message), again->signature);
}

/* Room for @more behind those that are there: the last of many messages must not cost as much as all before it. */
static int make_room(struct exchange_request *request, size_t more)
{
        size_t wanted = request->again_count + more, capacity = 2 * request->again_capacity;
        struct exchange_again *items;

        if (wanted <= request->again_capacity)
                return 0;
        if (capacity < wanted)
                capacity = wanted;
        items = arena_alloc(&request->arena, capacity * sizeof(*items));
        if (!items)
                return FAIL(PANNIER_E_MEMORY, "no memory for receipts");
        if (request->again_count)
                memcpy(items, request->again, request->again_count * sizeof(*items));
        request->again = items;
        request->again_capacity = capacity;
        return 0;
}

int exchange_read_again(const struct exchange *exchange, struct exchange_request *request,
                        const struct wire_again *again)
{
        CLEANUP(buffer_deinit) struct buffer hashes = BUFFER_INIT;
        size_t count = request->again_count;
        int r = check_signature(exchange, &request->device.id, again);

        if (r == PANNIER_E_CRYPTO) {
                error_clear();
                return 0; /* nobody's word: the entries are judged as if they were new */
        }
        if (r < 0)
                return r;
        wire_receipt_hashes(again->receipts, again->receipts_count, &hashes);
        r = buffer_check(&hashes);
        if (r < 0)
                return r;
        r = make_room(request, again->receipts_count);
        if (r < 0)
                return r;
        for (size_t i = 0; i < again->receipts_count; i++) {
                const struct wire_receipt *receipt = &again->receipts[i];

                if (receipt->position == 0 ||
                    !is_listed(again->hashes, hashes.data + i * HASH_SIZE))
                        continue;
                request->again[count] = (struct exchange_again){
                        .entry = receipt->entry,
                        .position = {receipt->epoch, receipt->position},
                };
                memcpy(request->again[count++].body_hash, receipt->body_hash, HASH_SIZE);
        }
        request->again_count = count;
        return 0;
}

int exchange_note_again(struct exchange *exchange, const struct exchange_request *request,
                        const struct exchange_entry *entry, const struct uuid *locality)
{
        for (size_t i = 0; i < request->again_count; i++) {
                const struct exchange_again *again = &request->again[i];

                if (uuid_equal(&again->entry, &entry->header.id) &&
                    memcmp(again->body_hash, entry->body_hash, HASH_SIZE) == 0)
                        return exchange->storage->ops->healed_put(exchange->storage, locality,
                                                                  &again->entry, &again->position);
        }
        return 0;
}
