/* A bundle's file, of up or of back: what is read from it is opened with keys that never fit, or, once in a blue moon, do. */
#include "fuzz.h"

#include "common/bundle.h"

static struct {
        struct private_key *seal_key;
        struct public_key *device_key;
} keys;

static void make_keys(void)
{
        const uint8_t seed[HPKE_SEED_SIZE] = {1};
        uint8_t point[PUBLIC_KEY_SIZE];

        REQUIRE(hpke_key_pair(seed, &keys.seal_key) == 0);
        private_key_public(keys.seal_key, point);
        REQUIRE(public_key_from_point(point, &keys.device_key) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        const uint8_t secret[BUNDLE_SECRET_SIZE] = {2}, encapsulated[HPKE_ENCAPSULATED_SIZE] = {4};
        struct wire_reader reader;
        struct wire_message message;
        struct bundle_reply reply;

        if (!keys.seal_key)
                make_keys();
        if (bundle_file_open(BYTES(data, size), &arena, &reader) < 0)
                return 0;
        while (wire_next(&reader, &message) == 1) {
                size_t before = out.size;

                if (message.kind == WIRE_KIND_BUNDLE &&
                    bundle_open(&message.bundle, keys.seal_key, keys.device_key, &out, &reply) < 0)
                        REQUIRE(out.size == before);
                else if (message.kind == WIRE_KIND_BUNDLE_RECEIPTS &&
                         bundle_receipts_open(&message.bundle_receipts, encapsulated, secret,
                                              &out) < 0)
                        REQUIRE(out.size == before);
        }
        return 0;
}
