#include "common/conf.h"
#include "common/error.h"
#include "tests/unit/unit.h"

#include <string.h>

struct conf {
        char socket[16];
        int64_t cache_kib;
        bool debug;
        int level;
        char above[8];
};

static const char *const levels[] = {"error", "info", "debug", NULL};
static const struct conf_option options[] = {
        CONF_TEXT(struct conf, "", above, "", "stands above every section"),
        CONF_TEXT(struct conf, "api", socket, "/run/x.sock", "where programs connect"),
        CONF_INTEGER(struct conf, "database", cache_kib, "2048", 256, 65536, "page cache, KiB"),
        CONF_BOOL(struct conf, "log", debug, "no", "log everything"),
        CONF_CHOICE(struct conf, "log", level, "info", levels, "what is logged"),
};

static int load_text(void **state, const char *text, struct conf *conf)
{
        const char *path = unit_path(state, "x.conf");
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
        conf_defaults(options, COUNT(options), conf);
        return conf_load(path, options, COUNT(options), conf);
}

static void test_without_a_file_the_defaults_stand(void **state)
{
        struct conf conf;

        conf_defaults(options, COUNT(options), &conf);
        assert_string_equal(conf.socket, "/run/x.sock");
        assert_int_equal(conf.cache_kib, 2048);
        assert_false(conf.debug);
        assert_int_equal(conf.level, 1);
        assert_int_equal(conf_load(unit_path(state, "none"), options, COUNT(options), &conf),
                         PANNIER_E_NOT_FOUND);
}

static void test_a_file_sets_what_it_names_and_nothing_else(void **state)
{
        struct conf conf;

        assert_int_equal(load_text(state,
                                   "# comment\n"
                                   "above = x\n"
                                   "\n"
                                   "[api]\n"
                                   "socket = /tmp/s ; not part of it\n"
                                   "[log]\r\n"
                                   "debug=yes\n"
                                   "; another\n"
                                   "level = debug",
                                   &conf),
                         0);
        assert_string_equal(conf.above, "x");
        assert_string_equal(conf.socket, "/tmp/s");
        assert_true(conf.debug);
        assert_int_equal(conf.level, 2);
        assert_int_equal(conf.cache_kib, 2048);
        assert_int_equal(load_text(state, "", &conf), 0);
}

static void test_what_is_wrong_is_told_with_file_and_line(void **state)
{
        static const struct {
                const char *text, *line, *reason;
        } cases[] = {
                {"[api]\nsokcet = /x\n", "x.conf:2:", "there is no option api.sokcet"},
                {"[apy]\nsocket = /x\n", "x.conf:2:", "there is no option apy.socket"},
                {"socket = /x\n", "x.conf:1:", "there is no option socket"},
                {"[api]\nsocket = 0123456789012345\n", "x.conf:2:", "at most 15 fit"},
                {"[api]\nsocket = \xff\n", "x.conf:2:", "not UTF-8"},
                {"[database]\ncache_kib = 255\n", "x.conf:2:", "must be 256 to 65536"},
                {"[database]\ncache_kib = 65537\n", "x.conf:2:", "must be 256 to 65536"},
                {"[database]\ncache_kib = 2k\n", "x.conf:2:", "no whole number"},
                {"[database]\ncache_kib =\n", "x.conf:2:", "no whole number"},
                {"[database]\ncache_kib = 99999999999999999999\n", "x.conf:2:", "no whole number"},
                {"[log]\n\ndebug = maybe\n", "x.conf:3:", "neither yes nor no"},
                {"[log]\nlevel = loud\n", "x.conf:2:", "error, info, debug"},
                {"[log]\ndebug = yes\ndebug = no\n", "x.conf:3:", "twice"},
                {"[log]\ndebug = yes\n  no\n", "x.conf:3:", "begins with a blank"},
                {"[log\n", "x.conf:1:", "neither [section]"},
                {"[log]\nnonsense\n[api]\nsokcet = 1\n", "x.conf:2:", "neither [section]"},
                {"[log]\ndebug = maybe\nnonsense\n", "x.conf:2:", "neither yes nor no"},
        };
        struct conf conf;

        for (size_t i = 0; i < COUNT(cases); i++) {
                assert_int_equal(load_text(state, cases[i].text, &conf), PANNIER_E_INVALID);
                if (!strstr(error_detail(), cases[i].line) ||
                    !strstr(error_detail(), cases[i].reason))
                        fail_msg("%s: %s", cases[i].text, error_detail());
        }
}

static void test_a_line_that_is_too_long_is_refused_and_not_cut(void **state)
{
        char text[5000];
        struct conf conf;

        memset(text, 'x', sizeof(text));
        memcpy(text, "above = ", 8);
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(load_text(state, text, &conf), PANNIER_E_INVALID);
        memcpy(text, "# commen", 8);
        assert_int_equal(load_text(state, text, &conf), PANNIER_E_INVALID);
        assert_non_null(strstr(error_detail(), "x.conf:1: the line is too long"));
}

static void test_a_folder_is_no_file(void **state)
{
        struct conf conf;

        assert_int_equal(conf_load(*state, options, COUNT(options), &conf), PANNIER_E_SYSTEM);
}

static void test_one_option_can_be_set_from_elsewhere(void **state)
{
        struct conf conf;

        (void)state;
        conf_defaults(options, COUNT(options), &conf);
        assert_int_equal(conf_set(options, COUNT(options), "log", "debug", "on", &conf), 0);
        assert_true(conf.debug);
        assert_int_equal(conf_set(options, COUNT(options), "log", "debug", "On", &conf),
                         PANNIER_E_INVALID);
        assert_int_equal(conf_set(options, COUNT(options), "log", "nothing", "on", &conf),
                         PANNIER_E_INVALID);
        assert_true(conf.debug);
}

static void test_the_sample_with_its_comments_taken_off_is_the_default(void **state)
{
        char *sample = NULL, *line, *next;
        size_t size = 0;
        FILE *file = open_memstream(&sample, &size);
        CLEANUP(buffer_deinit) struct buffer bare = BUFFER_INIT;
        struct conf before, after;

        assert_non_null(file);
        conf_print_sample(options, COUNT(options), file);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(load_text(state, sample, &after), 0); /* all commented out */
        for (line = sample; line && *line != '\0'; line = next) {
                next = strchr(line, '\n');
                assert_non_null(next);
                *next++ = '\0';
                buffer_append_text(&bare, line[0] == ';' && line[1] != ' ' ? line + 1 : line);
                buffer_append_byte(&bare, '\n');
        }
        buffer_append_byte(&bare, '\0');
        assert_int_equal(load_text(state, (const char *)bare.data, &after), 0);
        conf_defaults(options, COUNT(options), &before);
        assert_string_equal(before.socket, after.socket);
        assert_int_equal(before.cache_kib, after.cache_kib);
        assert_int_equal(before.level, after.level);
        free(sample);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, unit_folder_make, unit_folder_remove)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_FOLDER(test_without_a_file_the_defaults_stand),
                IN_FOLDER(test_a_file_sets_what_it_names_and_nothing_else),
                IN_FOLDER(test_what_is_wrong_is_told_with_file_and_line),
                IN_FOLDER(test_a_line_that_is_too_long_is_refused_and_not_cut),
                IN_FOLDER(test_a_folder_is_no_file),
                cmocka_unit_test(test_one_option_can_be_set_from_elsewhere),
                IN_FOLDER(test_the_sample_with_its_comments_taken_off_is_the_default),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
