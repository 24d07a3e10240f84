#include "common/error.h"
#include "store/exchange_internal.h"

#include <string.h>

/* ---- life ---- */

struct exchange_request *exchange_request_free(struct exchange_request *request)
{
        if (!request)
                return NULL;
        arena_deinit(&request->arena);
        buffer_deinit(&request->clear);
        free(request->items);
        free(request);
        return NULL;
}

int exchange_new(struct storage *storage, const struct exchange_settings *settings,
                 struct exchange **ret)
{
        CLEANUP(exchange_freep) struct exchange *exchange = calloc(1, sizeof(*exchange));
        int r;

        if (!exchange)
                return FAIL(PANNIER_E_MEMORY, "no memory for an exchange");
        exchange->storage = storage;
        exchange->settings = settings;
        r = compressor_new(&exchange->compressor);
        if (r == 0)
                r = grants_new(&exchange->grants);
        if (r < 0)
                return r;
        *ret = TAKE(exchange);
        return 0;
}

struct exchange *exchange_free(struct exchange *exchange)
{
        if (!exchange)
                return NULL;
        (void)compressor_free(exchange->compressor);
        (void)grants_free(exchange->grants);
        (void)judge_free(exchange->judge);
        feed_list_deinit(&exchange->feeds);
        feed_page_deinit(&exchange->page);
        arena_deinit(&exchange->arena);
        buffer_deinit(&exchange->answer);
        (void)public_key_free(exchange->signing_public);
        free(exchange);
        return NULL;
}

/* ---- entries ---- */

/* The id under which something is kept that does not say its own. */
static struct uuid derived_id(const struct uuid *device, struct bytes header)
{
        return uuid_derived("damaged", device, header);
}

static bool agrees(const struct entry_header *header, const struct uuid *device,
                   const struct wire_run *run, uint64_t seq)
{
        return uuid_equal(&header->device, device) &&
               uuid_equal(&header->incarnation, &run->incarnation) && header->lane == run->lane &&
               header->seq == seq;
}

static void read_entry(const struct exchange_request *request, const struct wire_run *run,
                       size_t index, struct exchange_entry *ret)
{
        const struct wire_entry *wire = &run->entries[index];
        const struct uuid *device = &request->device.id;

        ret->header_bytes = wire->header;
        ret->body = wire->body;
        entry_body_hash(wire->body, ret->body_hash);
        if (entry_header_decode(wire->header, &ret->header) < 0) {
                error_clear();
                ret->refused = REASON_MALFORMED;
                ret->header = (struct entry_header){
                        .id = derived_id(device, wire->header),
                        .locality = request->device.locality,
                };
        }
        if (!agrees(&ret->header, device, run, run->first + index))
                ret->refused = REASON_MALFORMED;
        /* What travels in the envelope is a claim; where the entry stands in its signed run is a fact. */
        ret->header.device = *device;
        ret->header.incarnation = run->incarnation;
        ret->header.lane = run->lane;
        ret->header.seq = run->first + index;
}

/* ---- runs ---- */

enum {
        /* Entries, gaps, damaged rows, receipts: more than a device has in rows of each lane. What takes no room counts, too. */
        REQUEST_PARTS_MAX = LANE_COUNT * WIRE_RUN_ENTRIES_MAX,
        UNSIGNED_MAX = 16, /* runs with a bad signature; those behind them are not looked at */
};

static int count_parts(struct exchange_request *request, size_t count)
{
        request->part_count += count;
        if (request->part_count > REQUEST_PARTS_MAX)
                return FAIL(PANNIER_E_LIMIT, "more than %d entries in one request",
                            REQUEST_PARTS_MAX);
        return 0;
}

/* Is the run signed by the device up to its last entry? Fills the heads on the way. */
static int check_run(const struct exchange_request *request, const struct public_key *key,
                     const struct wire_run *run, struct exchange_entry *entries)
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;
        const uint8_t *head = run->previous;
        int r;

        for (size_t i = 0; i < run->entries_count; i++) {
                read_entry(request, run, i, &entries[i]);
                entry_chain(head, entries[i].header_bytes, entries[i].body, entries[i].head);
                head = entries[i].head;
        }
        entry_head_message(&request->device.id, &run->incarnation, run->lane,
                           run->first + run->entries_count - 1, head, &message);
        r = buffer_check(&message);
        return r < 0 ? r : public_key_verify(key, buffer_view(&message), run->signature);
}

static int add_item(struct exchange_request *request, const struct exchange_item *item)
{
        if (request->item_count == request->item_capacity) {
                size_t capacity = request->item_capacity > 0 ? 2 * request->item_capacity : 8;
                struct exchange_item *items = realloc(request->items, capacity * sizeof(*items));

                if (!items)
                        return FAIL(PANNIER_E_MEMORY, "no memory for a request");
                request->items = items;
                request->item_capacity = capacity;
        }
        request->items[request->item_count++] = *item;
        return 0;
}

static int take_run(struct exchange_request *request, const struct public_key *key,
                    const struct wire_run *wire)
{
        struct exchange_item item = {.kind = ITEM_RUN};
        struct wire_run *run = arena_alloc(&request->arena, sizeof(*run));
        int r = count_parts(request, wire->entries_count);

        if (r < 0)
                return r;
        for (size_t i = 0; i < wire->entries_count; i++)
                request->entry_size += wire->entries[i].header.size + wire->entries[i].body.size;
        if (request->entry_size > WIRE_REQUEST_ENTRIES_MAX)
                return FAIL(PANNIER_E_LIMIT, "more than %d bytes of entries in one request",
                            WIRE_REQUEST_ENTRIES_MAX);
        if (wire->entries_count == 0 || wire->first == 0 ||
            wire->first > WIRE_NUMBER_MAX - wire->entries_count)
                return FAIL(PANNIER_E_MALFORMED, "a run without entries or beyond all numbers");
        if (request->unsigned_count == UNSIGNED_MAX)
                return 0;
        item.run.count = wire->entries_count;
        item.run.entries =
                arena_alloc(&request->arena, wire->entries_count * sizeof(*item.run.entries));
        if (!run || !item.run.entries)
                return FAIL(PANNIER_E_MEMORY, "no memory for a run");
        *run = *wire;
        item.run.wire = run;
        r = key ? check_run(request, key, run, item.run.entries) : PANNIER_E_CRYPTO;
        if (r == PANNIER_E_CRYPTO) {
                error_clear();
                request->unsigned_count++;
                return 0; /* nobody's word: the device is told which seq is expected, and nothing is taken */
        }
        if (r < 0)
                return r;
        request->entry_count += item.run.count;
        return add_item(request, &item);
}

/* ---- messages ---- */

static int take_part(struct exchange_request *request, const struct exchange_item *item)
{
        int r = count_parts(request, 1);

        return r < 0 ? r : add_item(request, item);
}

static int take_again(const struct exchange *exchange, struct exchange_request *request,
                      const struct wire_again *again)
{
        int r = count_parts(request, 1 + again->receipts_count);

        return r < 0 ? r : exchange_read_again(exchange, request, again);
}

static int take_message(const struct exchange *exchange, struct exchange_request *request,
                        const struct public_key *key, const struct wire_message *message)
{
        struct exchange_item item;

        switch (message->kind) {
        case WIRE_KIND_VECTOR:
                if (request->has_vector)
                        break;
                request->has_vector = true;
                request->vector = message->vector;
                return 0;
        case WIRE_KIND_GAP:
                item = (struct exchange_item){.kind = ITEM_GAP, .gap = message->gap};
                return take_part(request, &item);
        case WIRE_KIND_DAMAGED:
                item = (struct exchange_item){.kind = ITEM_DAMAGED, .damaged = message->damaged};
                return take_part(request, &item);
        case WIRE_KIND_RUN:
                return take_run(request, key, &message->run);
        case WIRE_KIND_AGAIN:
                return take_again(exchange, request, &message->again);
        case WIRE_KIND_DRAFT:
                return 0; /* handed in by a locked or wiped device only; no order makes one yet */
        case WIRE_KIND_REPAIRED:
                if (request->has_repaired)
                        break;
                request->has_repaired = true;
                request->repaired = message->repaired;
                return count_parts(request, message->repaired.repairs_count);
        case WIRE_KIND_CHECK:
        case WIRE_KIND_DIFFER:
        case WIRE_KIND_CHECKED:
        case WIRE_KIND_DEVICE_HELLO:
        case WIRE_KIND_STORE_HELLO:
        case WIRE_KIND_RECEIPTS:
        case WIRE_KIND_CLOSINGS:
        case WIRE_KIND_RECORDS:
        case WIRE_KIND_FEED:
        case WIRE_KIND_END:
        case WIRE_KIND_BUNDLE:
        case WIRE_KIND_BUNDLE_RECEIPTS:
        case WIRE_KIND_ATTACHMENT:
        case WIRE_KIND_WANTED:
        case WIRE_KIND_SKIP:
        case WIRE_KIND_MAX:
                break;
        }
        return FAIL(PANNIER_E_MALFORMED, "a message of kind %s has no place there",
                    wire_kind_name(message->kind));
}

static int take_protocol(uint32_t protocol)
{
        if (protocol > WIRE_PROTOCOL + 1 || protocol + 1 < WIRE_PROTOCOL)
                return FAIL(PANNIER_E_TOO_NEW, "protocol %u is spoken there, %d here", protocol,
                            WIRE_PROTOCOL);
        return 0;
}

/* It is all of its request. */
static int take_check(struct exchange_request *request, const struct wire_check *check,
                      struct wire_reader *reader)
{
        struct wire_message message;
        int r = take_protocol(check->protocol);

        request->is_check = true;
        request->check = *check;
        if (r == 0 && check->feeds_count != 1 && (check->people_count > 0 || check->position > 0))
                return FAIL(PANNIER_E_MALFORMED, "people and places are of one feed");
        if (r == 0)
                r = wire_next(reader, &message);
        return r > 0 ? FAIL(PANNIER_E_MALFORMED, "a check goes on after its end") : r;
}

static int take_hello(struct exchange_request *request, struct wire_reader *reader)
{
        struct wire_message message;
        int r = wire_next(reader, &message);

        if (r < 0)
                return r;
        if (r > 0 && message.kind == WIRE_KIND_CHECK)
                return take_check(request, &message.check, reader);
        if (r == 0 || message.kind != WIRE_KIND_DEVICE_HELLO)
                return FAIL(PANNIER_E_MALFORMED, "a request begins with a hello");
        request->hello = message.device_hello;
        r = take_protocol(request->hello.protocol);
        if (r < 0)
                return r;
        if (__builtin_sub_overflow(request->hello.now_ms, request->received_ms,
                                   &request->clock_offset_ms))
                return FAIL(PANNIER_E_MALFORMED, "a clock beyond all time");
        return 0;
}

static bool has_key(const struct device_row *device)
{
        for (size_t i = 0; i < sizeof(device->public_key); i++)
                if (device->public_key[i] != 0)
                        return true;
        return false;
}

static int take_sequence(const struct exchange *exchange, struct exchange_request *request)
{
        CLEANUP(public_key_freep) struct public_key *key = NULL;
        struct wire_reader reader;
        struct wire_message message;
        int r = 0;

        if (has_key(&request->device))
                r = public_key_from_point(request->device.public_key, &key);
        if (r < 0)
                return r;
        wire_reader_init(&reader, buffer_view(&request->clear), &request->arena);
        r = take_hello(request, &reader);
        if (r < 0)
                return r;
        while ((r = wire_next(&reader, &message)) > 0) {
                r = take_message(exchange, request, key, &message);
                if (r < 0)
                        return r;
        }
        return r;
}

int exchange_read(struct exchange *exchange, struct bytes body, const struct device_row *device,
                  int64_t received_ms, struct exchange_request **ret)
{
        CLEANUP(exchange_request_freep)
        struct exchange_request *request = calloc(1, sizeof(*request));
        int r;

        if (!request)
                return FAIL(PANNIER_E_MEMORY, "no memory for a request");
        request->device = *device;
        request->received_ms = received_ms;
        r = decompress_message(exchange->compressor, body, WIRE_REQUEST_MAX, &request->clear);
        if (r == 0)
                r = take_sequence(exchange, request);
        if (r < 0)
                return r;
        *ret = TAKE(request);
        return 0;
}

int exchange_read_carried(struct exchange *exchange, struct bytes body,
                          const struct device_row *device, int64_t received_ms, int64_t offset_ms,
                          struct exchange_request **ret)
{
        struct exchange_request *request;
        int r = exchange_read(exchange, body, device, received_ms, &request);

        if (r < 0)
                return r;
        request->carried = true;
        request->clock_offset_ms = offset_ms;
        request->hello.erased = NULL;
        request->hello.erased_count = 0;
        *ret = request;
        return 0;
}

bool exchange_has_work(const struct exchange_request *request)
{
        return request->item_count > 0 || request->hello.erased_count > 0 ||
               request->repaired.repairs_count > 0;
}

bool exchange_is_check(const struct exchange_request *request)
{
        return request->is_check;
}

size_t exchange_entry_count(const struct exchange_request *request)
{
        return request->entry_count;
}

const struct wire_device_hello *exchange_hello(const struct exchange_request *request)
{
        return &request->hello;
}
