/* JSON of the local API: what is accepted is bounded, has no reals, and reads the same after it was written. */
#include "fuzz.h"

#include "common/json.h"

static size_t check_tree(const json_t *json, size_t depth)
{
        size_t count = 1, i;
        const char *key;
        json_t *value;

        REQUIRE(depth <= JSON_DEPTH_MAX && !json_is_real(json));
        if (json_is_array(json)) {
                json_array_foreach(json, i, value) count += check_tree(value, depth + 1);
        } else if (json_is_object(json)) {
                json_object_foreach((json_t *)(uintptr_t)json, key, value) count +=
                        check_tree(value, depth + 1);
        } else if (json_is_string(json)) {
                REQUIRE(bytes_is_utf8(json_view(json)));
        }
        return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        CLEANUP(json_freep) json_t *json = NULL;
        CLEANUP(json_freep) json_t *again = NULL;

        if (json_load(BYTES(data, size), &json) < 0)
                return 0;
        REQUIRE(check_tree(json, 0) <= 2 * JSON_VALUE_MAX);
        json_append(json, &out);
        REQUIRE(buffer_check(&out) == 0);
        REQUIRE(json_load(buffer_view(&out), &again) == 0);
        REQUIRE(json_equal(json, again));
        return 0;
}
