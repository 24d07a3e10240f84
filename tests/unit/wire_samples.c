#include "wire_samples.h"

#include "common/attachment.h"
#include "common/bundle.h"

#include <assert.h>
#include <string.h>

#define SAMPLE_MS INT64_C(1795262400000) /* 2026-11-21T12:00:00Z */

struct uuid sample_id(unsigned int number)
{
        uint8_t random[10] = {(uint8_t)(number >> 8), (uint8_t)number, 3, 4, 5, 6, 7, 8, 9, 10};

        return uuid_v7(SAMPLE_MS + (int64_t)number, random);
}

static const struct catalogue_option colours[] = {{1, "red", "Red", NULL},
                                                  {2, "blue", "Blue", NULL}};

static const struct catalogue_field sample_fields[] = {
        {.number = 1, .name = "text", .kind = KIND_TEXT, .rule = RULE_LATEST, .size_max = 100},
        {.number = 2,
         .name = "code",
         .kind = KIND_CODE,
         .rule = RULE_LATEST,
         .options = colours,
         .option_count = 2},
        {.number = 3,
         .name = "int",
         .kind = KIND_INT,
         .rule = RULE_LATEST,
         .has_range = true,
         .hard_min = -10,
         .hard_max = 300},
        {.number = 4, .name = "tenths", .kind = KIND_TENTHS, .rule = RULE_LATEST},
        {.number = 6, .name = "date", .kind = KIND_DATE, .rule = RULE_LATEST}, /* 5 was retired */
        {.number = 7, .name = "instant", .kind = KIND_INSTANT, .rule = RULE_LATEST},
        {.number = 8, .name = "bool", .kind = KIND_BOOL, .rule = RULE_LATEST},
        {.number = 9, .name = "ref", .kind = KIND_REF, .rule = RULE_LATEST},
        {.number = 10,
         .name = "codes",
         .kind = KIND_SET,
         .element = KIND_CODE,
         .rule = RULE_LATEST,
         .size_max = 32,
         .options = colours,
         .option_count = 2},
        {.number = 11,
         .name = "texts",
         .kind = KIND_SET,
         .element = KIND_TEXT,
         .rule = RULE_LATEST},
        {.number = 12, .name = "refs", .kind = KIND_SET, .element = KIND_REF, .rule = RULE_LATEST},
        {.number = 13, .name = "blob", .kind = KIND_BLOB, .rule = RULE_LATEST, .size_max = 8},
        {.number = 14, .name = "map", .kind = KIND_MAP, .rule = RULE_LATEST},
        {.number = 20,
         .name = "notes",
         .kind = KIND_MAP,
         .rule = RULE_LATEST,
         .options = colours,
         .option_count = 2},
};

const struct catalogue_type sample_type = {
        .number = 200,
        .name = "sample",
        .table = "r_sample",
        .title = "Sample",
        .class = CLASS_CLINICAL,
        .lane = LANE_ROUTINE,
        .personal = true,
        .fields = sample_fields,
        .field_count = sizeof(sample_fields) / sizeof(sample_fields[0]),
};

static struct value text_value(const char *text)
{
        return (struct value){.form = VALUE_BYTES, .bytes = bytes_text(text)};
}

static struct value packed(const char *data, size_t size)
{
        return (struct value){.form = VALUE_PACKED, .bytes = BYTES(data, size)};
}

#define PACKED(literal) packed((literal), sizeof(literal) - 1)

void sample_record(struct record *ret)
{
        memset(ret, 0, sizeof(*ret));
        ret->type = &sample_type;
        ret->id = sample_id(1);
        ret->person = sample_id(2);
        ret->locality = sample_id(3);
        ret->author = sample_id(4);
        ret->device = sample_id(5);
        ret->role = 1;
        ret->recorded_ms = SAMPLE_MS + 4321;
        ret->position = 77;
        ret->values[0] = text_value("Wound healing, 22 \303\227 14 mm");
        ret->values[1] = (struct value){.form = VALUE_INTEGER, .integer = 2};
        ret->values[2] = (struct value){.form = VALUE_INTEGER, .integer = -7};
        ret->values[3] = (struct value){.form = VALUE_INTEGER, .integer = 367};
        ret->values[4] = (struct value){.form = VALUE_INTEGER, .integer = -3653};
        ret->values[5] = (struct value){.form = VALUE_INTEGER, .integer = SAMPLE_MS};
        ret->values[6] = (struct value){.form = VALUE_INTEGER, .integer = 1};
        ret->values[7] = (struct value){.form = VALUE_UUID, .uuid = sample_id(6)};
        ret->values[8] = PACKED("\202\001\002");
        ret->values[9] = PACKED("\202\141a\141b");
        ret->values[11] = (struct value){.form = VALUE_BYTES, .bytes = BYTES("\000\377", 2)};
        ret->values[12] = PACKED("\241\141k\141v");
}

void sample_header(struct entry_header *ret)
{
        memset(ret, 0, sizeof(*ret));
        ret->device = sample_id(5);
        ret->incarnation = sample_id(7);
        ret->locality = sample_id(3);
        ret->lane = LANE_ROUTINE;
        ret->seq = 1000;
        ret->id = sample_id(8);
        ret->needs.incarnation = sample_id(7);
        ret->needs.lane = LANE_URGENT;
        ret->needs.seq = 24;
}

void sample_body(struct entry_body *ret)
{
        static struct entry_change changes[] = {
                {.number = 12, .raw = {(const uint8_t *)"\147swollen", 8}}, /* text */
                {.number = 200,
                 .raw = {(const uint8_t *)"\202\001\366", 3}}, /* of a newer catalogue */
        };

        memset(ret, 0, sizeof(*ret));
        ret->type = 24;
        ret->record = sample_id(8);
        ret->person = sample_id(2);
        ret->operation = ENTRY_CREATE;
        ret->base_locality = sample_id(3);
        ret->base = (struct position){1, 4711};
        ret->previous = sample_id(9);
        ret->author = sample_id(4);
        ret->role = 1;
        ret->recorded_ms = SAMPLE_MS + 60000;
        ret->boot_id = 123456789;
        ret->boot_ms = 987654;
        ret->quality = CLOCK_SYNCHRONISED;
        ret->catalogue_version = 1;
        ret->changes = changes;
        ret->change_count = sizeof(changes) / sizeof(changes[0]);
        ret->reason = bytes_text("asked by the family");
}

static void fill(uint8_t *octets, size_t size, uint8_t first)
{
        for (size_t i = 0; i < size; i++)
                octets[i] = (uint8_t)(first + i);
}

static struct wire_head sample_head(void)
{
        struct wire_head head = {
                .locality = sample_id(3),
                .epoch = 1,
                .epoch_id = sample_id(10),
                .position = 5000,
                .number = 70000,
        };

        fill(head.hash, sizeof(head.hash), 1);
        fill(head.signature, sizeof(head.signature), 2);
        return head;
}

/* A team's two feeds: the first inside of a join, the second with a digest. */
static const struct wire_feed_state *sample_feeds(void)
{
        static struct wire_feed_state feeds[2];

        feeds[0].key = (struct wire_feed_key){sample_id(3), SCOPE_TEAM, sample_id(11), CLASS_BASIC};
        feeds[0].cursor = (struct wire_cursor){1, 4000, sample_id(2), 24, sample_id(12)};
        feeds[1].key = feeds[0].key;
        feeds[1].key.class = CLASS_CLINICAL;
        feeds[1].cursor = (struct wire_cursor){1, 4001, sample_id(1), 0, UUID_NONE};
        feeds[1].digest = bytes_text("0123456789abcdef");
        return feeds;
}

static void put_device_hello(struct buffer *out)
{
        struct wire_head head = sample_head();
        struct wire_lane lanes[LANE_COUNT] = {{.seq = 24}, {.seq = 1000}, {0}};
        struct wire_erased erased = {
                .locality = head.locality, .epoch = head.epoch, .position = head.position};
        struct wire_device_hello hello = {
                .protocol = WIRE_PROTOCOL,
                .catalogue = 1,
                .software = bytes_text("pannierd 0.1.0"),
                .incarnation = sample_id(7),
                .heads = &head,
                .heads_count = 1,
                .now_ms = SAMPLE_MS,
                .quality = CLOCK_FREE,
                .boot_id = 123456789,
                .boot_ms = 987654,
                .lanes = lanes,
                .lanes_count = LANE_COUNT,
                .waiting = 3,
                .oldest_ms = SAMPLE_MS - 1000,
                .parked = 1,
                .quarantined = 2,
                .policy = 1,
                .trust = 1,
                .order = 0,
                .told_ms = SAMPLE_MS - 500,
                .erased = &erased,
                .erased_count = 1,
                .closing = 2,
        };

        for (size_t i = 0; i < 2; i++) {
                fill(lanes[i].head, HASH_SIZE, (uint8_t)(10 + i));
                fill(lanes[i].signature, SIGNATURE_SIZE, (uint8_t)(20 + i));
        }
        assert(wire_vector_hash(sample_feeds(), 2, hello.vector_hash) == 0);
        wire_put_device_hello(&hello, out);
}

static void put_vector(struct buffer *out)
{
        wire_put_vector(&(struct wire_vector){sample_feeds(), 2}, out);
}

static void put_gap(struct buffer *out)
{
        wire_put_gap(&(struct wire_gap){sample_id(7), LANE_URGENT, 5, 9, bytes_text("lost")}, out);
}

static void put_damaged(struct buffer *out)
{
        struct wire_damaged damaged = {
                sample_id(7),          LANE_BULK,      300,         bytes_text("header as it is"),
                bytes_text("body \1"), bytes_text(""), sample_id(9)};

        wire_put_damaged(&damaged, out);
}

static void put_run(struct buffer *out)
{
        CLEANUP(buffer_deinit) struct buffer header = BUFFER_INIT;
        struct entry_header entry;
        struct wire_entry entries[1];
        struct wire_run run = {
                .incarnation = sample_id(7),
                .lane = LANE_ROUTINE,
                .first = 1000,
                .entries = entries,
                .entries_count = 1,
        };

        sample_header(&entry);
        entry_header_encode(&entry, &header);
        entries[0] = (struct wire_entry){buffer_view(&header), bytes_text("\1\1packed")};
        fill(run.previous, HASH_SIZE, 30);
        fill(run.signature, SIGNATURE_SIZE, 40);
        wire_put_run(&run, out);
}

static void put_draft(struct buffer *out)
{
        struct wire_draft draft = {sample_id(13), sample_id(4), UUID_NONE, SAMPLE_MS,
                                   bytes_text("\1\1half a visit")};

        wire_put_draft(&draft, out);
}

static void put_again(struct buffer *out)
{
        struct wire_receipt receipt = {
                .entry = sample_id(8), .outcome = OUTCOME_APPLIED, .epoch = 1, .position = 5001};
        struct wire_again again = {.now_ms = SAMPLE_MS, .receipts = &receipt, .receipts_count = 1};
        CLEANUP(buffer_deinit) struct buffer hashes = BUFFER_INIT;

        fill(receipt.body_hash, HASH_SIZE, 50);
        wire_receipt_hashes(&receipt, 1, &hashes);
        again.hashes = buffer_view(&hashes);
        fill(again.signature, SIGNATURE_SIZE, 60);
        wire_put_again(&again, out);
}

static void put_store_hello(struct buffer *out)
{
        struct wire_order order = {1, 2, bytes_text("lock"), {1}};
        struct wire_policy policy = {1, 60, 3600, 10 << 20, 72 * 3600};
        struct wire_grant grants[] = {
                {sample_id(3), SCOPE_LOCALITY, sample_id(3), CLASS_CLINICAL},
                {sample_id(3), SCOPE_TEAM, sample_id(11), CLASS_RESTRICTED},
        };
        struct wire_locality locality = {sample_head(), 1, 4000, 3990};
        struct wire_lane_state lanes[LANE_COUNT] = {
                {25, false, 0}, {1001, false, WIRE_STOP_REFUSED}, {1, true, 0}};
        struct wire_seal_key key = {1, {4, 1, 2}, {5, 6}};
        struct wire_trust trust = {1, bytes_text("ca"), bytes_text("signing"), &key, 1};
        struct wire_store_hello hello = {
                .protocol = WIRE_PROTOCOL,
                .catalogue = 1,
                .now_ms = SAMPLE_MS + 5,
                .state = DEVICE_ACTIVE,
                .orders = &order,
                .orders_count = 1,
                .policy = &policy,
                .grants_listed = true,
                .grants = grants,
                .grants_count = 2,
                .localities = &locality,
                .localities_count = 1,
                .lanes = lanes,
                .lanes_count = LANE_COUNT,
                .vector_wanted = true,
                .trust = &trust,
        };

        assert(wire_grants_hash(grants, 2, hello.grants_hash) == 0);
        wire_put_store_hello(&hello, out);
}

static void put_receipts(struct buffer *out)
{
        struct wire_effect effect = {5, EFFECT_HELD};
        struct uuid conflict = sample_id(14);
        struct wire_receipt receipts[] = {
                {.entry = sample_id(8), .outcome = OUTCOME_APPLIED, .epoch = 1, .position = 5001},
                {.entry = sample_id(15),
                 .outcome = OUTCOME_HELD,
                 .epoch = 1,
                 .position = 5001,
                 .effects = &effect,
                 .effects_count = 1,
                 .conflicts = &conflict,
                 .conflicts_count = 1},
                {.entry = sample_id(16), .outcome = OUTCOME_QUARANTINED, .reason = REASON_ID_TAKEN},
        };
        struct wire_receipts message = {SAMPLE_MS, receipts, 3, {0}};

        fill(receipts[2].body_hash, HASH_SIZE, 50);
        fill(message.signature, SIGNATURE_SIZE, 60);
        wire_put_receipts(&message, out);
}

static void put_closings(struct buffer *out)
{
        struct wire_closing closings[] = {
                {3, sample_id(16), sample_id(21), CLOSING_RELEASED, SAMPLE_MS, OUTCOME_APPLIED,
                 bytes_text("released by A. Cole: the role was loaded wrongly")},
                {4, sample_id(22), sample_id(23), CLOSING_DISMISSED, SAMPLE_MS + 1, OUTCOME_APPLIED,
                 bytes_text("put aside by A. Cole: a test")},
        };
        struct wire_closings message = {closings, 2};

        wire_put_closings(&message, out);
}

static void put_records(struct buffer *out)
{
        struct wire_records_writer writer = {0};
        struct record record;

        sample_record(&record);
        wire_records_add(&writer, &record);
        record.id = sample_id(17); /* the next one leans on it */
        record.position--;
        wire_records_add(&writer, &record);
        record.id = record.person; /* a person's own record */
        memset(record.values, 0, sizeof(record.values));
        wire_records_add(&writer, &record);
        record.id = sample_id(18); /* reference data, imported by the store */
        record.person = UUID_NONE;
        record.device = UUID_NONE;
        record.unknown = bytes_text("\242\025\001\026\201\366"); /* {21: 1, 22: [null]} */
        wire_records_add(&writer, &record);
        wire_records_end(&writer, &record.locality, 1, 200, out);
        buffer_deinit(&writer.rows);
}

static void put_feed(struct buffer *out)
{
        struct uuid joins[] = {sample_id(2), sample_id(19)}, exits[] = {sample_id(20)};
        struct wire_feed feed = {sample_feeds()[0].key,    joins, 2, exits, 1,
                                 sample_feeds()[0].cursor, false};

        wire_put_feed(&feed, out);
}

static void put_end(struct buffer *out)
{
        struct wire_end end = {.more = true, .feeds = sample_feeds(), .feeds_count = 2};

        assert(wire_vector_hash(sample_feeds(), 2, end.vector_hash) == 0);
        memset(end.digest_hash, 0x5d, HASH_SIZE);
        wire_put_end(&end, out);
}

static void put_check(struct buffer *out)
{
        struct uuid people[] = {sample_id(2), sample_id(19)};
        struct wire_check check = {
                .protocol = WIRE_PROTOCOL,
                .feeds = sample_feeds() + 1,
                .feeds_count = 1,
                .position = 3900,
                .person = sample_id(20),
                .people = people,
                .people_count = 2,
        };

        wire_put_check(&check, out);
}

static void put_repaired(struct buffer *out)
{
        struct wire_repair repairs[] = {
                {7, sample_id(3), sample_id(2), CLASS_CLINICAL, 1, 4001, REPAIR_MADE, SAMPLE_MS},
                {8, sample_id(3), UUID_NONE, CLASS_BASIC, 1, 4000, REPAIR_ERASED, SAMPLE_MS},
        };

        wire_put_repaired(&(struct wire_repaired){repairs, 2}, out);
}

static void put_differ(struct buffer *out)
{
        struct wire_sum sums[] = {{.owner = sample_id(2)}, {.owner = sample_id(19)}};
        struct wire_differ differ = {
                .key = sample_feeds()[1].key,
                .sums = sums,
                .sums_count = 2,
                .position = 3950,
                .person = sample_id(19),
                .complete = true,
        };

        fill(differ.digest, WIRE_DIGEST_SIZE, 30);
        fill(sums[0].digest, WIRE_DIGEST_SIZE, 30);
        wire_put_differ(&differ, out);
}

static void put_checked(struct buffer *out)
{
        struct uuid people[] = {sample_id(2)};

        wire_put_checked(&(struct wire_checked){CHECK_RECORDS, people, 1}, out);
}

static void put_bundle(struct buffer *out)
{
        struct wire_bundle bundle = {
                .device = sample_id(5),
                .bundle = sample_id(21),
                .part = 2,
                .last = true,
                .sealed = bytes_text("what nobody on the way can read"),
        };

        fill(bundle.key, sizeof(bundle.key), 90);
        fill(bundle.encapsulated, sizeof(bundle.encapsulated), 4);
        wire_put_bundle(&bundle, out);
}

static void put_bundle_receipts(struct buffer *out)
{
        struct wire_bundle_receipts receipts = {
                .device = sample_id(5),
                .bundle = sample_id(21),
                .part = 2,
                .sealed = bytes_text("nor this"),
        };

        fill(receipts.nonce, sizeof(receipts.nonce), 91);
        wire_put_bundle_receipts(&receipts, out);
}

static struct wire_attachment sample_attachment(void)
{
        struct wire_attachment attachment = {
                .entry = sample_id(8), .size = 300000, .next = 2, .now_ms = SAMPLE_MS};

        fill(attachment.hash, HASH_SIZE, 90);
        fill(attachment.signature, SIGNATURE_SIZE, 91);
        return attachment;
}

static void put_attachment(struct buffer *out)
{
        struct wire_attachment attachment = sample_attachment();

        wire_put_attachment(&attachment, out);
}

static void put_wanted(struct buffer *out)
{
        const struct uuid records[] = {sample_id(8), sample_id(9)};
        struct wire_wanted wanted = {records, 2};

        wire_put_wanted(&wanted, out);
}

/* What a build of a newer protocol might send and this one may pass over. */
static void put_skipped(struct buffer *out)
{
        buffer_append(out, BYTES("\203\030\310\001\241\001\002", 7)); /* [200, 1, {1: 2}] */
}

const struct wire_sample wire_samples[] = {
        {"device_hello", put_device_hello},
        {"vector", put_vector},
        {"gap", put_gap},
        {"damaged", put_damaged},
        {"run", put_run},
        {"draft", put_draft},
        {"again", put_again},
        {"check", put_check},
        {"repaired", put_repaired},
        {"store_hello", put_store_hello},
        {"receipts", put_receipts},
        {"closings", put_closings},
        {"records", put_records},
        {"feed", put_feed},
        {"end", put_end},
        {"differ", put_differ},
        {"checked", put_checked},
        {"bundle", put_bundle},
        {"bundle_receipts", put_bundle_receipts},
        {"attachment", put_attachment},
        {"wanted", put_wanted},
        {"skipped", put_skipped},
};
const size_t wire_sample_count = sizeof(wire_samples) / sizeof(wire_samples[0]);

static void put_header(struct buffer *out)
{
        struct entry_header header;

        sample_header(&header);
        entry_header_encode(&header, out);
}

static void put_sealed_header(struct buffer *out)
{
        struct entry_header header;

        sample_header(&header);
        header.needs = (struct entry_needs){0};
        header.seal_key = 3;
        header.seal_enc = bytes_text("encapsulated");
        header.seal_number = 17;
        entry_header_encode(&header, out);
}

static void put_body_instead(struct buffer *out)
{
        struct entry_header header;
        struct entry_body body;

        sample_header(&header);
        sample_body(&body);
        body.instead = sample_id(16);
        entry_body_encode(&body, &header, out);
}

static void put_body(struct buffer *out)
{
        struct entry_header header;
        struct entry_body body;

        sample_header(&header);
        sample_body(&body);
        entry_body_encode(&body, &header, out);
}

static void put_signed_lane_head(struct buffer *out)
{
        struct uuid device = sample_id(5), incarnation = sample_id(7);
        uint8_t head[HASH_SIZE];

        fill(head, sizeof(head), 70);
        entry_head_message(&device, &incarnation, LANE_ROUTINE, 1000, head, out);
}

static void put_signed_head(struct buffer *out)
{
        struct wire_head head = sample_head();

        wire_head_message(&head, out);
}

static void put_signed_receipts(struct buffer *out)
{
        struct uuid device = sample_id(5);
        struct wire_receipt receipt = {.entry = sample_id(8), .outcome = OUTCOME_APPLIED};

        fill(receipt.body_hash, HASH_SIZE, 80);
        wire_receipts_message(&device, SAMPLE_MS, &receipt, 1, out);
}

static void put_signed_bundle(struct buffer *out)
{
        struct uuid device = sample_id(5), bundle = sample_id(21);
        uint8_t point[PUBLIC_KEY_SIZE];

        fill(point, sizeof(point), 4);
        bundle_signed_message(&(struct bundle_name){device, bundle, 2, true}, point,
                              bytes_text("a body"), out);
}

static void put_signed_seal_key(struct buffer *out)
{
        struct wire_seal_key key = {.id = 1};

        fill(key.point, sizeof(key.point), 4);
        wire_seal_key_message(&key, out);
}

static void put_signed_attachment(struct buffer *out)
{
        struct uuid device = sample_id(5);
        struct wire_attachment attachment = sample_attachment();

        attachment_message(&device, &attachment, out);
}

const struct wire_sample part_samples[] = {
        {"header", put_header},
        {"sealed_header", put_sealed_header},
        {"body", put_body},
        {"body_instead", put_body_instead},
        {"signed_lane_head", put_signed_lane_head},
        {"signed_head", put_signed_head},
        {"signed_receipts", put_signed_receipts},
        {"signed_bundle", put_signed_bundle},
        {"signed_seal_key", put_signed_seal_key},
        {"signed_attachment", put_signed_attachment},
};
const size_t part_sample_count = sizeof(part_samples) / sizeof(part_samples[0]);
