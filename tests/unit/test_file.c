#include "common/error.h"
#include "common/file.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void assert_content(const char *path, const char *want)
{
        CLEANUP(buffer_deinit) struct buffer content = BUFFER_INIT;

        assert_int_equal(file_read(path, 1 << 20, &content), 0);
        assert_text(buffer_view(&content), want);
}

static mode_t mode_of(const char *path)
{
        struct stat status;

        assert_int_equal(stat(path, &status), 0);
        return status.st_mode & 07777;
}

static size_t files_in(const char *folder)
{
        DIR *stream = opendir(folder);
        size_t count = 0;

        assert_non_null(stream);
        while (readdir(stream))
                count++;
        (void)closedir(stream);
        return count - 2; /* . and .. */
}

static void test_what_was_written_is_read_with_the_mode_that_was_asked_for(void **state)
{
        const char *path = unit_path(state, "a");
        mode_t old = umask(0777); /* as hostile as can be */

        assert_int_equal(file_write(path, bytes_text("first"), 0600), 0);
        assert_int_equal(mode_of(path), 0600);
        assert_content(path, "first");
        assert_int_equal(file_write(path, bytes_text("second, and longer"), 0644), 0);
        assert_int_equal(mode_of(path), 0644);
        assert_content(path, "second, and longer");
        assert_int_equal(file_write(path, BYTES_NONE, 0600), 0);
        assert_content(path, "");
        assert_int_equal(files_in(*state), 1);
        (void)umask(old);
}

static void test_a_reader_finds_the_old_content_or_the_new_at_every_moment(void **state)
{
        const char *path = unit_path(state, "a");
        char a[5000], b[5000];
        pid_t writer;
        int status;

        memset(a, 'a', sizeof(a));
        memset(b, 'b', sizeof(b));
        assert_int_equal(file_write(path, BYTES(a, sizeof(a)), 0600), 0);
        writer = fork();
        assert_true(writer >= 0);
        if (writer == 0) {
                for (int i = 0; i < 200; i++)
                        if (file_write(path, i % 2 ? BYTES(a, sizeof(a)) : BYTES(b, sizeof(b)),
                                       0600) < 0)
                                _exit(1);
                _exit(0);
        }
        for (int round = 0; round < 2000; round++) {
                CLEANUP(buffer_deinit) struct buffer content = BUFFER_INIT;

                assert_int_equal(file_read(path, sizeof(a), &content), 0);
                assert_int_equal(content.size, sizeof(a));
                assert_bytes(buffer_view(&content),
                             content.data[0] == 'a' ? BYTES(a, sizeof(a)) : BYTES(b, sizeof(b)));
        }
        assert_int_equal(waitpid(writer, &status, 0), writer);
        assert_int_equal(status, 0);
}

static void test_what_a_crash_left_beside_is_written_over_and_never_followed(void **state)
{
        const char *path = unit_path(state, "a"), *beside = unit_path(state, "a.new");

        assert_int_equal(file_write(unit_path(state, "victim"), bytes_text("untouched"), 0600), 0);
        assert_int_equal(symlink(unit_path(state, "victim"), beside), 0);
        assert_int_equal(file_write(path, bytes_text("x"), 0600), 0);
        assert_content(path, "x");
        assert_content(unit_path(state, "victim"), "untouched");
}

static void test_a_limit_is_exact_and_leaves_the_buffer_as_it_was(void **state)
{
        CLEANUP(buffer_deinit) struct buffer content = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer large = BUFFER_INIT;
        const char *path = unit_path(state, "a");
        const size_t sizes[] = {0, 1, 4095, 4096, 4097, 8192, 10000};

        for (size_t i = 0; i < COUNT(sizes); i++) {
                buffer_reset(&large);
                while (large.size < sizes[i])
                        buffer_append_byte(&large, 'x');
                assert_int_equal(file_write(path, buffer_view(&large), 0600), 0);
                buffer_reset(&content);
                buffer_append_text(&content, "in front");
                assert_int_equal(file_read(path, sizes[i], &content), 0);
                assert_int_equal(content.size, 8 + sizes[i]);
                content.size = 8;
                if (sizes[i] == 0)
                        continue;
                assert_int_equal(file_read(path, sizes[i] - 1, &content), PANNIER_E_LIMIT);
                assert_text(buffer_view(&content), "in front");
        }
}

static void test_failures_have_their_own_names_and_leave_nothing_behind(void **state)
{
        CLEANUP(buffer_deinit) struct buffer content = BUFFER_INIT;

        assert_int_equal(file_read(unit_path(state, "none"), 10, &content), PANNIER_E_NOT_FOUND);
        assert_int_equal(file_read(*state, 10, &content), PANNIER_E_SYSTEM);
        assert_int_equal(file_write(unit_path(state, "no/folder"), bytes_text("x"), 0600),
                         PANNIER_E_SYSTEM);
        assert_int_equal(file_make_folder(unit_path(state, "taken"), 0700), 0);
        assert_int_equal(file_write(unit_path(state, "taken"), bytes_text("x"), 0600),
                         PANNIER_E_SYSTEM);
        assert_int_equal(files_in(*state), 1);
        assert_int_equal(file_read("/dev/full", 10, &content), PANNIER_E_LIMIT);
}

static void test_a_folder_is_made_once(void **state)
{
        const char *path = unit_path(state, "folder");

        assert_int_equal(file_make_folder(path, 0700), 0);
        assert_int_equal(mode_of(path), 0700);
        assert_int_equal(file_make_folder(path, 0700), 0);
        assert_int_equal(file_write(unit_path(state, "file"), BYTES_NONE, 0600), 0);
        assert_int_equal(file_make_folder(unit_path(state, "file"), 0700), PANNIER_E_SYSTEM);
        assert_int_equal(file_make_folder(unit_path(state, "no/folder"), 0700), PANNIER_E_SYSTEM);
}

static void test_one_holds_a_lock_at_a_time_also_across_processes(void **state)
{
        const char *path = unit_path(state, "lock");
        int lock = -1, second = -1, status;
        pid_t child;

        assert_int_equal(file_lock(path, &lock), 0);
        assert_int_equal(file_lock(path, &second), PANNIER_E_BUSY);
        child = fork();
        assert_true(child >= 0);
        if (child == 0)
                _exit(file_lock(path, &second) == PANNIER_E_BUSY ? 0 : 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        file_unlock(lock);
        assert_int_equal(file_lock(path, &second), 0);
        file_unlock(second);
        file_unlock(-1);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, unit_folder_make, unit_folder_remove)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_FOLDER(test_what_was_written_is_read_with_the_mode_that_was_asked_for),
                IN_FOLDER(test_a_reader_finds_the_old_content_or_the_new_at_every_moment),
                IN_FOLDER(test_what_a_crash_left_beside_is_written_over_and_never_followed),
                IN_FOLDER(test_a_limit_is_exact_and_leaves_the_buffer_as_it_was),
                IN_FOLDER(test_failures_have_their_own_names_and_leave_nothing_behind),
                IN_FOLDER(test_a_folder_is_made_once),
                IN_FOLDER(test_one_holds_a_lock_at_a_time_also_across_processes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
