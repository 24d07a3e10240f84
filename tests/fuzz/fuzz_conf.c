/* A configuration file: whatever is in it, the values stay within what was declared. */
#include "fuzz.h"

#include "common/conf.h"

#include <string.h>

struct conf {
        char text[16];
        int64_t integer;
        bool truth;
        int choice;
};

static const char *const choices[] = {"one", "two", NULL};
static const struct conf_option options[] = {
        CONF_TEXT(struct conf, "", text, "x", "a text"),
        CONF_INTEGER(struct conf, "a", integer, "5", -10, 10, "a number"),
        CONF_BOOL(struct conf, "a", truth, "no", "a truth"),
        CONF_CHOICE(struct conf, "b", choice, "two", choices, "a choice"),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const size_t count = sizeof(options) / sizeof(options[0]);
        CLEANUP(free_pointerp) uint8_t *copy = malloc(size + 1);
        struct conf conf;
        FILE *file;

        if (size == 0 || !copy)
                return 0;
        memcpy(copy, data, size);
        file = fmemopen(copy, size, "r");
        REQUIRE(file);
        conf_defaults(options, count, &conf);
        (void)conf_read(file, "fuzz", options, count, &conf);
        (void)fclose(file);
        REQUIRE(memchr(conf.text, '\0', sizeof(conf.text)));
        REQUIRE(bytes_is_utf8(bytes_text(conf.text)));
        REQUIRE(conf.integer >= -10 && conf.integer <= 10);
        REQUIRE(conf.choice == 0 || conf.choice == 1);
        return 0;
}
