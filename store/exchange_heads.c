/*
 * The heads that a device shows: of our log, which tell whether we lost commits; and of its own lanes, which tell whether
 * its outbox is the one that we know.
 */
#include "common/error.h"
#include "store/epoch.h"
#include "store/exchange_internal.h"

#include <string.h>

static int need_key(struct exchange *exchange)
{
        uint8_t point[PUBLIC_KEY_SIZE];

        if (exchange->signing_public)
                return 0;
        private_key_public(exchange->settings->signing_key, point);
        return public_key_from_point(point, &exchange->signing_public);
}

static bool is_active(const struct exchange_request *request)
{
        return request->device.state == DEVICE_ACTIVE;
}

int exchange_look_at_heads(struct exchange *exchange, struct exchange_request *request,
                           bool *ret_lost)
{
        const struct wire_device_hello *hello = &request->hello;
        int r = need_key(exchange);

        *ret_lost = false;
        for (size_t i = 0; i < hello->heads_count && r == 0; i++) {
                struct epoch_seen *seen = &request->seen[i];

                r = epoch_look(exchange->storage, exchange->signing_public, &hello->heads[i], seen);
                if (seen->kind == EPOCH_LOST && is_active(request))
                        *ret_lost = true;
        }
        return r;
}

int exchange_take_heads(struct exchange *exchange, struct exchange_request *request, int64_t now_ms)
{
        const struct wire_device_hello *hello = &request->hello;
        bool lost;
        int r = exchange_look_at_heads(exchange, request, &lost);

        for (size_t i = 0; i < hello->heads_count && r == 0 && lost; i++) {
                struct epoch_seen *seen = &request->seen[i];

                if (seen->kind != EPOCH_LOST)
                        continue;
                r = epoch_lost(exchange->storage, &hello->heads[i], hello->told_ms, now_ms);
                if (r == 0)
                        r = epoch_look(exchange->storage, exchange->signing_public,
                                       &hello->heads[i], seen);
        }
        request->committed = true;
        return r;
}

size_t exchange_good_heads(const struct exchange_request *request,
                           struct wire_head ret[WIRE_LOCALITIES_MAX], uint64_t *ret_ours)
{
        size_t count = 0;

        *ret_ours = 0;
        for (size_t i = 0; i < request->hello.heads_count; i++) {
                enum epoch_kind kind = request->seen[i].kind;

                if (kind != EPOCH_OURS && kind != EPOCH_LEFT)
                        continue;
                *ret_ours |= (uint64_t)(kind == EPOCH_OURS) << count;
                ret[count++] = request->hello.heads[i];
        }
        return count;
}

uint64_t exchange_common(const struct exchange_request *request,
                         const struct storage_locality *locality)
{
        for (size_t i = 0; i < request->hello.heads_count; i++) {
                const struct wire_head *head = &request->hello.heads[i];

                if (!uuid_equal(&head->locality, &locality->id))
                        continue;
                if (head->epoch == locality->epoch &&
                    uuid_equal(&head->epoch_id, &locality->epoch_id))
                        return 0; /* nothing was left */
                return request->seen[i].common;
        }
        return 0;
}

/* ---- the device's own ---- */

bool exchange_has_double(const struct exchange *exchange, const struct exchange_request *request,
                         uint8_t lane, const struct lane_row *row)
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;
        CLEANUP(public_key_freep) struct public_key *key = NULL;
        const struct wire_lane *shown;

        (void)exchange;
        if (lane >= request->hello.lanes_count || !row->head_known || row->next_seq == 1)
                return false;
        shown = &request->hello.lanes[lane];
        if (shown->seq + 1 != row->next_seq || memcmp(shown->head, row->head, HASH_SIZE) == 0)
                return false;
        entry_head_message(&request->device.id, &request->hello.incarnation, lane, shown->seq,
                           shown->head, &message);
        if (buffer_check(&message) < 0 ||
            public_key_from_point(request->device.public_key, &key) < 0 ||
            public_key_verify(key, buffer_view(&message), shown->signature) < 0) {
                error_clear();
                return false; /* not its word either: damage, which is told in another way */
        }
        return true;
}
