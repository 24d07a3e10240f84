#include "tests/unit/unit.h"

#include "common/notify.h"

#include <pannier/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void nobody_is_told_where_nobody_asked(void **state)
{
        (void)state;
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
        assert_int_equal(notify_ready("listening"), 0);
}

static void the_socket_gets_the_state(void **state)
{
        const char *path = unit_path(state, "notify");
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        char text[128];
        ssize_t size;
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
        assert_int_equal(notify_ready("listening on 8443"), 1);
        size = recv(fd, text, sizeof(text), 0);
        assert_bytes(BYTES(text, (size_t)size), bytes_text("READY=1\nSTATUS=listening on 8443"));
        assert_int_equal(notify_stopping(), 1);
        size = recv(fd, text, sizeof(text), 0);
        assert_bytes(BYTES(text, (size_t)size), bytes_text("STOPPING=1"));
        (void)close(fd);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(notify_stopping(), PANNIER_E_SYSTEM); /* nobody there any more */
}

static void the_watchdog_is_fed_twice_as_often_as_asked(void **state)
{
        char pid[32];

        (void)state;
        assert_int_equal(setenv("NOTIFY_SOCKET", "/run/nobody", 1), 0);
        assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
        assert_int_equal(notify_watchdog_ms(), 0);
        assert_int_equal(setenv("WATCHDOG_USEC", "30000000", 1), 0);
        assert_int_equal(notify_watchdog_ms(), 15000);
        assert_int_equal(setenv("WATCHDOG_USEC", "1", 1), 0);
        assert_int_equal(notify_watchdog_ms(), 1);
        assert_int_equal(setenv("WATCHDOG_USEC", "soon", 1), 0);
        assert_int_equal(notify_watchdog_ms(), 0);
        /* asked of another process: whoever started us did not clean up */
        assert_int_equal(setenv("WATCHDOG_USEC", "30000000", 1), 0);
        assert_int_equal(setenv("WATCHDOG_PID", "1", 1), 0);
        assert_int_equal(notify_watchdog_ms(), 0);
        (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
        assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
        assert_int_equal(notify_watchdog_ms(), 15000);
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
        assert_int_equal(notify_watchdog_ms(), 0);
}

static void what_is_no_unix_socket_is_refused(void **state)
{
        char longest[200];

        (void)state;
        assert_int_equal(setenv("NOTIFY_SOCKET", "vsock:2:1234", 1), 0);
        assert_int_equal(notify_stopping(), PANNIER_E_INVALID);
        assert_int_equal(setenv("NOTIFY_SOCKET", "", 1), 0);
        assert_int_equal(notify_stopping(), PANNIER_E_INVALID);
        memset(longest, '/', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        assert_int_equal(setenv("NOTIFY_SOCKET", longest, 1), 0);
        assert_int_equal(notify_stopping(), PANNIER_E_INVALID);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nobody_is_told_where_nobody_asked),
                cmocka_unit_test(the_watchdog_is_fed_twice_as_often_as_asked),
                cmocka_unit_test_setup_teardown(the_socket_gets_the_state, unit_folder_make,
                                                unit_folder_remove),
                cmocka_unit_test(what_is_no_unix_socket_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
