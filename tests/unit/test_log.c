#include "common/clock.h"
#include "common/date.h"
#include "common/error.h"
#include "common/file.h"
#include "common/json.h"
#include "common/log.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Standard error goes to a file while a test runs. */
static int saved = -1;

static void catch_begin(void **state)
{
        int file = open(unit_path(state, "log"), O_CREAT | O_TRUNC | O_WRONLY, 0600);

        assert_true(file >= 0);
        saved = dup(STDERR_FILENO);
        assert_true(dup2(file, STDERR_FILENO) >= 0);
        (void)close(file);
}

static void catch_end(void **state, struct buffer *out)
{
        (void)dup2(saved, STDERR_FILENO);
        (void)close(saved);
        buffer_reset(out);
        assert_int_equal(file_read(unit_path(state, "log"), 1 << 16, out), 0);
}

static size_t line_count(const struct buffer *text)
{
        size_t count = 0;

        for (size_t i = 0; i < text->size; i++)
                count += text->data[i] == '\n';
        return count;
}

static void assert_holds(const struct buffer *text, const char *what)
{
        assert_non_null(memmem(text->data, text->size, what, strlen(what)));
}

static void test_a_line_has_time_level_and_message(void **state)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        int64_t before = clock_now_ms(), at;

        log_set_up(LOG_LEVEL_INFO, false);
        catch_begin(state);
        log_info("exchange %d done", 7);
        catch_end(state, &text);
        assert_bytes(BYTES(text.data + 24, text.size - 24), bytes_text(" info: exchange 7 done\n"));
        assert_int_equal(instant_parse(BYTES(text.data, 24), &at), 0);
        assert_in_range(at, before, clock_now_ms());
}

static void test_lines_above_the_level_are_dropped(void **state)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;

        for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
                log_set_up((enum log_level)level, false);
                catch_begin(state);
                log_error("x");
                log_warning("x");
                log_info("x");
                log_debug("x");
                catch_end(state, &text);
                assert_int_equal(line_count(&text), (size_t)level + 1);
        }
}

static void test_nobody_can_forge_a_second_line_or_drive_the_terminal(void **state)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;

        log_set_up(LOG_LEVEL_INFO, false);
        catch_begin(state);
        log_info("%s", "a\n2026 error: forged\r\x1b[2J\x7f\xc2\x9b\\n");
        catch_end(state, &text);
        assert_int_equal(line_count(&text), 1);
        assert_holds(&text, "a\\x0a2026 error: forged\\x0d\\x1b[2J\\x7f\\x9b\\\\n");
}

static void assert_json_line(const struct buffer *text, const char *message)
{
        CLEANUP(json_freep) json_t *json = NULL;

        assert_int_equal(line_count(text), 1);
        assert_int_equal(json_load(buffer_view(text), &json), 0);
        assert_string_equal(json_string_value(json_object_get(json, "level")), "error");
        if (message)
                assert_string_equal(json_string_value(json_object_get(json, "message")), message);
}

static void test_as_json_every_line_is_an_object_whatever_is_in_it(void **state)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        char message[3000];

        log_set_up(LOG_LEVEL_INFO, true);
        catch_begin(state);
        log_error("%s", "say \"hello\"\n\\ ü");
        catch_end(state, &text);
        assert_json_line(&text, "say \"hello\"\n\\ ü");
        for (int odd = 0; odd < 4; odd++) {
                static const char *const fill[] = {"\x01", "\"", "€", "\xff"};

                message[0] = '\0';
                for (size_t used = (size_t)odd; used < sizeof(message) - 4;
                     used += strlen(fill[odd]))
                        memcpy(message + used - (size_t)odd, fill[odd], strlen(fill[odd]) + 1);
                catch_begin(state);
                log_error("%s", message);
                catch_end(state, &text);
                assert_json_line(&text, NULL);
                assert_true(text.size <= 1024 + 8);
        }
}

static void test_a_failure_is_told_once_with_reason_code_and_place(void **state)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;

        log_set_up(LOG_LEVEL_INFO, false);
        (void)FAIL(PANNIER_E_STORAGE, "the disk is full");
        catch_begin(state);
        log_failure(LOG_LEVEL_ERROR, PANNIER_E_STORAGE, "recording %s", "entry");
        catch_end(state, &text);
        assert_holds(&text, "error: recording entry: the disk is full (storage, ");
        assert_holds(&text, "test_log.c:");
        assert_string_equal(error_detail(), "");
}

static void test_levels_have_names(void **state)
{
        enum log_level level;

        (void)state;
        assert_true(log_level_from_name("warning", &level));
        assert_int_equal(level, LOG_LEVEL_WARNING);
        assert_false(log_level_from_name("loud", &level));
        assert_false(log_level_from_name("", &level));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, unit_folder_make, unit_folder_remove)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_FOLDER(test_a_line_has_time_level_and_message),
                IN_FOLDER(test_lines_above_the_level_are_dropped),
                IN_FOLDER(test_nobody_can_forge_a_second_line_or_drive_the_terminal),
                IN_FOLDER(test_as_json_every_line_is_an_object_whatever_is_in_it),
                IN_FOLDER(test_a_failure_is_told_once_with_reason_code_and_place),
                cmocka_unit_test(test_levels_have_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
