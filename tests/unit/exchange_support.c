#include "tests/unit/exchange_support.h"
#include "tests/unit/unit.h"

#include "common/error.h"

#include <string.h>

static const int64_t now_ms = (int64_t)TEST_NOW_MS * 1000;

/* ---- the store ---- */

static uint16_t put_staff(struct store_test *test)
{
        const struct catalogue_type *type = catalogue_staff_type();
        const struct catalogue_field *role = &type->fields[catalogue_bind()->staff.role];
        const struct catalogue_option *nurse =
                catalogue_option_by_code(role, bytes_text("community_nurse"));
        struct record record = {
                .type = type,
                .id = test_id(4, 1),
                .locality = test->locality,
                .author = test_id(4, 1),
                .position = test->writer->ops->locality(test->writer, &test->locality)->position,
        };

        assert_non_null(nurse);
        record.values[catalogue_bind()->staff.name] =
                (struct value){.form = VALUE_BYTES, .bytes = bytes_text("Nurse A")};
        record.values[catalogue_bind()->staff.role] =
                (struct value){.form = VALUE_INTEGER, .integer = nurse->number};
        assert_int_equal(test->writer->ops->record_put(test->writer, &record, BYTES_NONE), 0);
        assert_int_equal(membership_publish(test->writer, &record, 0), 0);
        return nurse->number;
}

void store_side_open(struct store_side *side, struct store_test *test)
{
        uint8_t point[PUBLIC_KEY_SIZE];

        *side = (struct store_side){.test = test};
        assert_int_equal(private_key_generate(&side->signing_key), 0);
        private_key_public(side->signing_key, point);
        assert_int_equal(public_key_from_point(point, &side->signing_public), 0);
        side->settings.signing_key = side->signing_key;
        assert_int_equal(exchange_new(test->writer, &side->settings, &side->writer), 0);
        assert_int_equal(exchange_new(test->reader, &side->settings, &side->reader), 0);
        assert_int_equal(compressor_new(&side->compressor), 0);
        assert_int_equal(body_codec_new(&side->codec), 0);
        store_begin(test);
        side->role = put_staff(test);
        store_commit(test);
}

void store_side_close(struct store_side *side)
{
        side->writer = exchange_free(side->writer);
        side->reader = exchange_free(side->reader);
        side->signing_key = private_key_free(side->signing_key);
        side->signing_public = public_key_free(side->signing_public);
        side->compressor = compressor_free(side->compressor);
        side->codec = body_codec_free(side->codec);
}

/* ---- the device ---- */

void tablet_open(struct tablet *tablet, struct store_side *side, uint32_t number)
{
        struct storage *writer = side->test->writer;

        *tablet = (struct tablet){
                .row = side->test->device,
                .incarnation = test_id(21, number),
        };
        tablet->row.id = test_id(3, number);
        assert_int_equal(private_key_generate(&tablet->key), 0);
        private_key_public(tablet->key, tablet->row.public_key);
        assert_int_equal(writer->ops->device_put(writer, &tablet->row), 0);
        for (size_t i = 0; i < LANE_COUNT; i++) {
                tablet->lanes[i].entries = calloc(TABLET_ENTRIES_MAX, sizeof(struct tablet_entry));
                assert_non_null(tablet->lanes[i].entries);
        }
}

void tablet_close(struct tablet *tablet)
{
        for (size_t i = 0; i < LANE_COUNT; i++) {
                for (size_t k = 0; k < tablet->lanes[i].count; k++) {
                        buffer_deinit(&tablet->lanes[i].entries[k].header);
                        buffer_deinit(&tablet->lanes[i].entries[k].body);
                }
                free(tablet->lanes[i].entries);
        }
        tablet->key = private_key_free(tablet->key);
        *tablet = (struct tablet){0};
}

static struct entry_header next_header(const struct tablet *tablet, uint8_t lane,
                                       const struct uuid *id, const struct uuid *locality)
{
        return (struct entry_header){
                .device = tablet->row.id,
                .incarnation = tablet->incarnation,
                .lane = lane,
                .seq = tablet->lanes[lane].count + 1,
                .id = *id,
                .locality = *locality,
        };
}

static const uint8_t *head_before(const struct tablet *tablet, uint8_t lane, uint64_t seq)
{
        static const uint8_t zero[HASH_SIZE];

        return seq <= 1 ? zero : tablet->lanes[lane].entries[seq - 2].head;
}

void tablet_append(struct tablet *tablet, uint8_t lane, const struct uuid *id,
                   const struct uuid *locality, struct bytes body)
{
        struct tablet_lane *to = &tablet->lanes[lane];
        struct entry_header header = next_header(tablet, lane, id, locality);
        struct tablet_entry *entry = &to->entries[to->count];

        assert_true(to->count < TABLET_ENTRIES_MAX);
        *entry = (struct tablet_entry){.id = *id};
        entry_header_encode(&header, &entry->header);
        buffer_append(&entry->body, body);
        assert_int_equal(buffer_check(&entry->header), 0);
        to->count++;
        entry_chain(head_before(tablet, lane, to->count), buffer_view(&entry->header),
                    buffer_view(&entry->body), entry->head);
}

struct uuid tablet_alert(struct tablet *tablet, struct store_side *side, uint8_t lane,
                         uint32_t number, const struct uuid *person, const char *text)
{
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer packed = BUFFER_INIT;
        const struct uuid id = test_id(50, number);
        const struct entry_header header = next_header(tablet, lane, &id, &side->test->locality);
        struct entry_change changes[] = {
                {.number = 1, .value = {.form = VALUE_INTEGER, .integer = 2}},
                {.number = 2, .value = {.form = VALUE_BYTES, .bytes = bytes_text(text)}},
        };
        const struct entry_body body = {
                .type = catalogue_type_by_name(bytes_text("alert"))->number,
                .record = id,
                .person = *person,
                .operation = ENTRY_CREATE,
                .base_locality = side->test->locality,
                .base = {tablet->head.epoch, tablet->head.position},
                .author = test_id(4, 1),
                .role = side->role,
                .recorded_ms = now_ms,
                .quality = CLOCK_SYNCHRONISED,
                .catalogue_version = catalogue_get()->version,
                .changes = changes,
                .change_count = COUNT(changes),
        };

        entry_body_encode(&body, &header, &clear);
        assert_int_equal(buffer_check(&clear), 0);
        assert_int_equal(body_pack(side->codec, buffer_view(&clear), &packed), 0);
        tablet_append(tablet, lane, &id, &side->test->locality, buffer_view(&packed));
        return id;
}

/* ---- requests ---- */

void request_begin(struct draft_request *request, struct tablet *tablet, bool vector)
{
        struct wire_device_hello hello = {
                .protocol = WIRE_PROTOCOL,
                .catalogue = catalogue_get()->version,
                .software = bytes_text("test"),
                .incarnation = tablet->incarnation,
                .now_ms = now_ms,
                .quality = CLOCK_SYNCHRONISED,
        };
        const struct wire_vector message = {.feeds = tablet->feeds,
                                            .feeds_count = tablet->feed_count};

        *request = (struct draft_request){0};
        for (size_t lane = 0; lane < LANE_COUNT; lane++)
                hello.waiting += tablet->lanes[lane].count; /* it forgets what it was told */
        if (tablet->head.number > 0) {
                hello.heads = &tablet->head;
                hello.heads_count = 1;
        }
        wire_feeds_sort(tablet->feeds, tablet->feed_count);
        assert_int_equal(wire_vector_hash(tablet->feeds, tablet->feed_count, hello.vector_hash), 0);
        wire_parked_hash(tablet->parked, tablet->parked_count, hello.parked_hash);
        memcpy(hello.grants_hash, tablet->grants_hash, HASH_SIZE);
        wire_put_device_hello(&hello, &request->clear);
        if (vector)
                wire_put_vector(&message, &request->clear);
}

void request_run(struct draft_request *request, struct tablet *tablet, uint8_t lane, uint64_t first,
                 uint64_t last)
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;
        struct wire_entry *entries = calloc(last - first + 1, sizeof(*entries));
        struct wire_run run = {
                .incarnation = tablet->incarnation,
                .lane = lane,
                .first = first,
                .entries = entries,
                .entries_count = last - first + 1,
        };

        assert_non_null(entries);
        assert_true(last <= tablet->lanes[lane].count);
        for (size_t i = 0; i < run.entries_count; i++) {
                const struct tablet_entry *entry = &tablet->lanes[lane].entries[first - 1 + i];

                entries[i].header = buffer_view(&entry->header);
                entries[i].body = buffer_view(&entry->body);
        }
        memcpy(run.previous, head_before(tablet, lane, first), HASH_SIZE);
        entry_head_message(&tablet->row.id, &tablet->incarnation, lane, last,
                           tablet->lanes[lane].entries[last - 1].head, &message);
        assert_int_equal(private_key_sign(tablet->key, buffer_view(&message), run.signature), 0);
        wire_put_run(&run, &request->clear);
        free(entries);
}

void request_pack(struct draft_request *request, struct store_side *side, struct buffer *out)
{
        assert_int_equal(buffer_check(&request->clear), 0);
        assert_int_equal(compress_message(side->compressor, buffer_view(&request->clear), out), 0);
        buffer_deinit(&request->clear);
}

/* ---- answers ---- */

static const struct tablet_entry *find_entry(const struct tablet *tablet, const struct uuid *id)
{
        for (size_t i = 0; i < LANE_COUNT; i++)
                for (size_t k = 0; k < tablet->lanes[i].count; k++)
                        if (uuid_equal(&tablet->lanes[i].entries[k].id, id))
                                return &tablet->lanes[i].entries[k];
        return NULL;
}

/* The store signed these receipts for this device, over the bodies as the device sent them. */
static void check_receipts(const struct tablet *tablet, const struct store_side *side,
                           const struct wire_receipts *message, struct reply *reply)
{
        CLEANUP(buffer_deinit) struct buffer signed_part = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer hashes = BUFFER_INIT;
        struct wire_receipt *receipts = calloc(message->receipts_count, sizeof(*receipts));

        assert_non_null(receipts);
        for (size_t i = 0; i < message->receipts_count; i++) {
                static const uint8_t zero[HASH_SIZE];
                const struct tablet_entry *entry = find_entry(tablet, &message->receipts[i].entry);
                uint8_t hash[HASH_SIZE];

                receipts[i] = message->receipts[i];
                if (!entry)
                        continue;
                entry_body_hash(buffer_view(&entry->body), hash);
                if (memcmp(receipts[i].body_hash, zero, HASH_SIZE) == 0)
                        memcpy(receipts[i].body_hash, hash, HASH_SIZE);
                assert_memory_equal(receipts[i].body_hash, hash, HASH_SIZE);
        }
        wire_receipts_message(&tablet->row.id, message->now_ms, receipts, message->receipts_count,
                              &signed_part);
        assert_int_equal(public_key_verify(side->signing_public, buffer_view(&signed_part),
                                           message->signature),
                         0);
        wire_receipt_hashes(receipts, message->receipts_count, &hashes);
        assert_int_equal(buffer_check(&hashes), 0);
        assert_int_equal(hashes.size, message->receipts_count * HASH_SIZE);
        assert_true(reply->receipt_count + message->receipts_count <= REPLY_RECEIPTS_MAX);
        memcpy(reply->receipt_hashes[reply->receipt_count], hashes.data, hashes.size);
        free(receipts);
}

static void take_hello(struct tablet *tablet, const struct store_side *side,
                       const struct wire_store_hello *hello, struct reply *reply)
{
        CLEANUP(buffer_deinit) struct buffer signed_part = BUFFER_INIT;

        reply->state = hello->state;
        reply->grants_listed = hello->grants_listed;
        reply->vector_wanted = hello->vector_wanted;
        reply->locality_count = hello->localities_count;
        for (size_t i = 0; i < hello->lanes_count; i++) {
                reply->next[i] = hello->lanes[i].next;
                reply->forked[i] = hello->lanes[i].forked;
        }
        memcpy(tablet->grants_hash, hello->grants_hash, HASH_SIZE);
        if (hello->localities_count > 0) {
                tablet->head = hello->localities[0].head;
                wire_head_message(&tablet->head, &signed_part);
                assert_int_equal(public_key_verify(side->signing_public, buffer_view(&signed_part),
                                                   tablet->head.signature),
                                 0);
        }
        if (!hello->grants_listed)
                return;
        tablet->feed_count = 0;
        for (size_t i = 0; i < hello->grants_count; i++)
                for (int class = CLASS_BASIC; class <= (int)hello->grants[i].ceiling; class ++) {
                        assert_true(tablet->feed_count < TABLET_FEEDS_MAX);
                        tablet->feeds[tablet->feed_count++] = (struct wire_feed_state){
                                .key = {hello->grants[i].locality, hello->grants[i].kind,
                                        hello->grants[i].id, (enum catalogue_class) class}};
                }
}

static void take_feed(struct tablet *tablet, const struct wire_feed *feed)
{
        for (size_t i = 0; i < tablet->feed_count; i++) {
                if (wire_feed_key_compare(&tablet->feeds[i].key, &feed->key) != 0)
                        continue;
                tablet->feeds[i].cursor = feed->cursor;
                return;
        }
        fail_msg("a feed that was not granted");
}

static void take_answer(struct tablet *tablet, const struct store_side *side, struct bytes sequence,
                        struct reply *reply)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct wire_reader reader;
        struct wire_message message;
        int r;

        wire_reader_init(&reader, sequence, &arena);
        while ((r = wire_next(&reader, &message)) > 0) {
                if (message.kind == WIRE_KIND_STORE_HELLO) {
                        take_hello(tablet, side, &message.store_hello, reply);
                } else if (message.kind == WIRE_KIND_RECEIPTS) {
                        check_receipts(tablet, side, &message.receipts, reply);
                        for (size_t i = 0; i < message.receipts.receipts_count; i++)
                                reply->receipts[reply->receipt_count++] =
                                        message.receipts.receipts[i];
                } else if (message.kind == WIRE_KIND_FEED) {
                        take_feed(tablet, &message.feed);
                } else if (message.kind == WIRE_KIND_RECORDS) {
                        reply->row_count += message.records.row_count;
                } else if (message.kind == WIRE_KIND_END) {
                        reply->more = message.end.more;
                        reply->ended = true;
                }
        }
        assert_int_equal(r, 0);
        assert_true(reply->ended);
        tablet->rows += reply->row_count;
}

static void answer(struct tablet *tablet, struct store_side *side, struct exchange_request *read,
                   struct reply *ret)
{
        CLEANUP(exchange_answer_deinit) struct exchange_answer answer = {0};
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        const struct exchange_answer *answers[] = {&answer};

        assert_int_equal(exchange_answer(side->reader, read, now_ms, &answer), 0);
        if (answer.commit_first)
                assert_int_equal(exchange_custody(side->writer, answers, 1, now_ms), 0);
        ret->answer_size = answer.body.size;
        assert_int_equal(decompress_message(side->compressor, buffer_view(&answer.body),
                                            WIRE_ANSWER_MAX, &clear),
                         0);
        take_answer(tablet, side, buffer_view(&clear), ret);
}

void request_send(struct draft_request *request, struct tablet *tablet, struct store_side *side,
                  struct reply *ret)
{
        CLEANUP(exchange_request_freep) struct exchange_request *read = NULL;
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;

        *ret = (struct reply){0};
        request_pack(request, side, &body);
        ret->request_size = body.size;
        ret->error = exchange_read(side->reader, buffer_view(&body), &tablet->row, now_ms, &read);
        if (ret->error == 0 && exchange_has_work(read))
                ret->error = exchange_commit(side->writer, &read, 1, now_ms);
        if (ret->error == 0)
                answer(tablet, side, read, ret);
}

void tablet_sync(struct tablet *tablet, struct store_side *side, uint64_t first, struct reply *ret)
{
        struct draft_request request;

        request_begin(&request, tablet, false);
        for (uint8_t lane = 0; lane < LANE_COUNT; lane++)
                if (tablet->lanes[lane].count >= first)
                        request_run(&request, tablet, lane, first, tablet->lanes[lane].count);
        request_send(&request, tablet, side, ret);
}

size_t tablet_pull(struct tablet *tablet, struct store_side *side)
{
        static struct reply reply;
        size_t count = 0;
        bool vector = false;

        do {
                struct draft_request request;

                request_begin(&request, tablet, vector);
                request_send(&request, tablet, side, &reply);
                assert_int_equal(reply.error, 0);
                vector = true;
                count++;
                assert_true(count < 1000);
        } while (reply.more);
        return count;
}

enum entry_outcome reply_outcome(const struct reply *reply, const struct uuid *id)
{
        for (size_t i = 0; i < reply->receipt_count; i++)
                if (uuid_equal(&reply->receipts[i].entry, id))
                        return reply->receipts[i].outcome;
        return OUTCOME_NONE;
}

uint16_t reply_reason(const struct reply *reply, const struct uuid *id)
{
        for (size_t i = 0; i < reply->receipt_count; i++)
                if (uuid_equal(&reply->receipts[i].entry, id))
                        return reply->receipts[i].reason;
        return 0;
}
