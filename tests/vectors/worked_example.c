/*
 * The worked example of docs/protocol.md: one entry on its way, every step as bytes. worked_example FILE [--write]
 *
 * FILE has a line "name hex" for each step. The code here must make exactly these bytes, and worked.py makes them a second time
 * without it. Signatures differ each time they are made, so those of FILE are verified; --write signs with new keys.
 */
#include "common/body.h"
#include "common/digest.h"
#include "common/error.h"
#include "wire_samples.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { STEPS_MAX = 40, STEP_SIZE_MAX = 2000, ALLERGY = 17 };

#define NOON_MS INT64_C(1795262400000) /* 2026-11-21T12:00:00Z */

struct step {
        char name[32];
        struct buffer bytes;
};

static struct example {
        bool write;
        struct step steps[STEPS_MAX];
        size_t count;
        struct step kept[STEPS_MAX]; /* as the file has them */
        size_t kept_count;
        struct private_key *device, *store; /* only with --write */
} example;

static struct buffer *step(const char *name)
{
        struct step *next = &example.steps[example.count++];

        assert(example.count <= STEPS_MAX);
        (void)snprintf(next->name, sizeof(next->name), "%s", name);
        return &next->bytes;
}

static struct bytes find(const struct step *steps, size_t count, const char *name)
{
        for (size_t i = 0; i < count; i++) {
                if (strcmp(steps[i].name, name) == 0)
                        return buffer_view(&steps[i].bytes);
        }
        return BYTES_NONE;
}

static struct bytes made(const char *name)
{
        return find(example.steps, example.count, name);
}

static void put(const char *name, const void *data, size_t size)
{
        buffer_append(step(name), BYTES(data, size));
}

/* A key's point, and its signature over a step: new ones with --write, else those of the file, verified. */
static int put_key(const char *name, const struct private_key *key)
{
        struct bytes kept = find(example.kept, example.kept_count, name);
        uint8_t point[PUBLIC_KEY_SIZE] = {0};

        if (key)
                private_key_public(key, point);
        else if (kept.size == sizeof(point))
                memcpy(point, kept.data, sizeof(point));
        put(name, point, sizeof(point));
        return key || kept.size == sizeof(point) ? 0 : -1;
}

static int put_signature(const char *name, const char *message, const char *key_name,
                         const struct private_key *key)
{
        struct bytes kept = find(example.kept, example.kept_count, name);
        CLEANUP(public_key_freep) struct public_key *public = NULL;
        uint8_t signature[SIGNATURE_SIZE] = {0};

        if (key) {
                if (private_key_sign(key, made(message), signature) < 0)
                        return -1;
        } else if (kept.size == sizeof(signature)) {
                memcpy(signature, kept.data, sizeof(signature));
        }
        put(name, signature, sizeof(signature));
        if (public_key_from_point(made(key_name).data, &public) < 0)
                return -1;
        return public_key_verify(public, made(message), signature);
}

/* The body in clear: a severe allergy, told to a nurse in the kitchen. */
static void put_body(const struct entry_header *header)
{
        struct entry_change changes[] = {
                {.number = 1, .raw = {(const uint8_t *)"\152Penicillin", 11}},
                {.number = 3, .raw = {(const uint8_t *)"\003", 1}}, /* severe */
                {.number = 4, .raw = {(const uint8_t *)"\001", 1}}, /* active */
        };
        struct entry_body body = {
                .type = ALLERGY,
                .record = header->id,
                .person = sample_id(2),
                .operation = ENTRY_CREATE,
                .base_locality = header->locality,
                .base = {1, 4711},
                .author = sample_id(4),
                .role = 1,
                .recorded_ms = NOON_MS + 61000,
                .boot_id = 123456789,
                .boot_ms = 987654,
                .quality = CLOCK_SYNCHRONISED,
                .catalogue_version = 1,
                .changes = changes,
                .change_count = sizeof(changes) / sizeof(changes[0]),
        };

        entry_body_encode(&body, header, step("body"));
}

static int put_packed(void)
{
        CLEANUP(body_codec_freep) struct body_codec *codec = NULL;
        int r = body_codec_new(&codec);

        return r < 0 ? r : body_pack(codec, made("body"), step("packed-body"));
}

static int put_entry(void)
{
        struct entry_header header = {
                .device = sample_id(5),
                .incarnation = sample_id(7),
                .locality = sample_id(3),
                .lane = LANE_URGENT,
                .seq = 1,
                .id = sample_id(8),
        };
        uint8_t hash[HASH_SIZE];
        const uint8_t none[HASH_SIZE] = {0};
        int r;

        entry_header_encode(&header, step("header"));
        put_body(&header);
        r = put_packed();
        if (r < 0)
                return r;
        entry_body_hash(made("packed-body"), hash);
        put("body-hash", hash, sizeof(hash));
        entry_chain(none, made("header"), made("packed-body"), hash);
        put("head", hash, sizeof(hash));
        entry_head_message(&header.device, &header.incarnation, header.lane, header.seq, hash,
                           step("signed-lane-head"));
        r = put_key("device-key", example.device);
        return r < 0 ? r
                     : put_signature("device-signature", "signed-lane-head", "device-key",
                                     example.device);
}

static int put_receipt(void)
{
        struct wire_receipt receipt = {
                .entry = sample_id(8), .outcome = OUTCOME_APPLIED, .epoch = 1, .position = 4712};
        struct uuid device = sample_id(5);
        CLEANUP(buffer_deinit) struct buffer hashes = BUFFER_INIT;
        int r;

        memcpy(receipt.body_hash, made("body-hash").data, HASH_SIZE);
        wire_receipt_put(&receipt, step("receipt"));
        wire_receipt_hashes(&receipt, 1, &hashes);
        put("receipt-hash", hashes.data, hashes.size);
        wire_receipts_signed(&device, NOON_MS + 62000, buffer_view(&hashes),
                             step("signed-receipts"));
        r = put_key("store-key", example.store);
        return r < 0 ? r
                     : put_signature("store-signature", "signed-receipts", "store-key",
                                     example.store);
}

/* What the store keeps of the new record in the digests of its feeds. */
static int put_digest(struct digest *ret)
{
        CLEANUP(buffer_deinit) struct buffer fields = BUFFER_INIT;
        struct wire_row row = {
                .position = 4712,
                .id = sample_id(8),
                .person = sample_id(2),
                .author = sample_id(4),
                .role = 1,
                .device = sample_id(5),
                .recorded_ms = NOON_MS + 61000,
        };
        uint8_t digest[DIGEST_SIZE];

        buffer_append(&fields, BYTES("\204\152Penicillin\366\003\001", 15));
        row.fields = buffer_view(&fields);
        put("row-fields", row.fields.data, row.fields.size);
        digest_of_row(CLASS_CLINICAL, &row, ret);
        digest_write(ret, digest);
        put("row-digest", digest, sizeof(digest));
        return buffer_check(&fields);
}

static int put_feeds(void)
{
        struct wire_feed_state feeds[2] = {
                {.key = {sample_id(3), SCOPE_TEAM, sample_id(11), CLASS_BASIC},
                 .cursor = {1, 4000, sample_id(2), 0, UUID_NONE}},
                {.key = {sample_id(3), SCOPE_TEAM, sample_id(11), CLASS_CLINICAL},
                 .cursor = {1, 4712, sample_id(8), 0, UUID_NONE}},
        };
        struct wire_grant grant = {sample_id(3), SCOPE_TEAM, sample_id(11), CLASS_CLINICAL};
        struct wire_vector vector = {feeds, 2};
        struct digest digests[2] = {{0}};
        uint8_t hash[HASH_SIZE];
        int r = put_digest(&digests[1]);

        if (r < 0)
                return r;
        wire_put_vector(&vector, step("vector"));
        r = wire_vector_hash(feeds, 2, hash);
        put("vector-hash", hash, sizeof(hash));
        if (r == 0)
                r = digest_hash(hash, digests, 2, hash);
        put("digest-hash", hash, sizeof(hash));
        wire_grant_put(&grant, step("grant"));
        if (r == 0)
                r = wire_grants_hash(&grant, 1, hash);
        put("grants-hash", hash, sizeof(hash));
        return r;
}

static int put_parked(void)
{
        struct uuid parked[] = {sample_id(8), sample_id(9)};
        uint8_t hash[HASH_SIZE];
        int r = wire_parked_hash(parked, 2, hash);

        put("parked-hash", hash, sizeof(hash));
        return r;
}

static int read_kept(const char *path)
{
        FILE *file = fopen(path, "r");
        char name[32], hex[2 * STEP_SIZE_MAX + 1];

        if (!file)
                return -1;
        while (example.kept_count < STEPS_MAX && fscanf(file, "%31s %4000s", name, hex) == 2) {
                struct step *kept = &example.kept[example.kept_count++];

                (void)snprintf(kept->name, sizeof(kept->name), "%s", name);
                for (size_t i = 0; hex[i] && hex[i + 1]; i += 2) {
                        char pair[3] = {hex[i], hex[i + 1], 0};

                        buffer_append_byte(&kept->bytes, (uint8_t)strtoul(pair, NULL, 16));
                }
        }
        return fclose(file);
}

static int write_steps(const char *path)
{
        FILE *file = fopen(path, "w");

        if (!file)
                return 1;
        for (size_t i = 0; i < example.count; i++) {
                struct bytes bytes = buffer_view(&example.steps[i].bytes);

                (void)fprintf(file, "%s ", example.steps[i].name);
                for (size_t k = 0; k < bytes.size; k++)
                        (void)fprintf(file, "%02x", bytes.data[k]);
                (void)fputc('\n', file);
        }
        return fclose(file) != 0;
}

static int compare_steps(void)
{
        int failed = example.count != example.kept_count;

        for (size_t i = 0; i < example.count; i++) {
                const char *name = example.steps[i].name;

                if (bytes_equal(made(name), find(example.kept, example.kept_count, name)))
                        continue;
                (void)fprintf(stderr, "%s: not as it is made here\n", name);
                failed = 1;
        }
        return failed;
}

static int run(const char *path)
{
        int r = 0;

        if (example.write) {
                r = private_key_generate(&example.device);
                if (r == 0)
                        r = private_key_generate(&example.store);
        } else {
                r = read_kept(path);
        }
        if (r == 0)
                r = put_entry();
        if (r == 0)
                r = put_receipt();
        if (r == 0)
                r = put_feeds();
        if (r == 0)
                r = put_parked();
        if (r == 0)
                r = example.write ? write_steps(path) : compare_steps();
        return r;
}

int main(int argc, char **argv)
{
        int r;

        if (argc < 2)
                return 2;
        example.write = argc == 3 && strcmp(argv[2], "--write") == 0;
        r = run(argv[1]);
        if (r != 0)
                (void)fprintf(stderr, "worked_example: failed (%d)\n", r);
        for (size_t i = 0; i < STEPS_MAX; i++) {
                buffer_deinit(&example.steps[i].bytes);
                buffer_deinit(&example.kept[i].bytes);
        }
        (void)private_key_free(example.device);
        (void)private_key_free(example.store);
        return r != 0;
}
