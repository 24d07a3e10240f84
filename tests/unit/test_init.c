#include "tests/unit/unit.h"

#include "common/error.h"
#include "common/file.h"
#include "store/identity.h"
#include "store/init.h"
#include "store/layout.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW_MS ((int64_t)1795000000000)

static struct store_settings settings;
static char data[512];

static int setup(void **state)
{
        int r = unit_folder_make(state);

        settings_defaults(&settings);
        (void)snprintf(settings.hosts, sizeof(settings.hosts), "store.example, 127.0.0.1 ,::1");
        settings.port = 0;
        (void)snprintf(data, sizeof(data), "%s", unit_path(state, "store"));
        return r;
}

static int init(void)
{
        const struct uuid locality = {{1, 2, 3, 4, 5, 6, 0x70, 8, 0x80}};
        const struct store_init wish = {.data = data,
                                        .settings = &settings,
                                        .localities = &locality,
                                        .locality_count = 1,
                                        .now_ms = NOW_MS};

        return store_init(&wish);
}

static mode_t mode_of(const char *path)
{
        struct stat status;

        assert_int_equal(stat(path, &status), 0);
        return status.st_mode & 0777;
}

static void everything_is_there_and_private(void **state)
{
        CLEANUP(store_identity_freep) struct store_identity *identity = NULL;
        struct store_settings loaded;
        char path[LAYOUT_PATH_MAX];

        (void)state;
        assert_int_equal(init(), 0);
        assert_int_equal(mode_of(data), 0700);
        for (int file = LAYOUT_CONF; file <= LAYOUT_SIGNING_CERTIFICATE; file++) {
                assert_int_equal(layout_path(data, (enum layout_file)file, path), 0);
                assert_int_equal(mode_of(path) & 0077, 0);
        }
        assert_int_equal(identity_load(data, &identity), 0);
        assert_int_equal(ca_issued(identity->ca, buffer_view(&identity->server_der)), 0);
        assert_int_equal(settings_load(data, &loaded), 0);
        assert_string_equal(loaded.hosts, settings.hosts);
        assert_int_equal(loaded.port, 0);
        assert_int_equal(loaded.connections, 12000);
}

static void a_store_is_never_made_twice(void **state)
{
        CLEANUP(buffer_deinit) struct buffer before = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer after = BUFFER_INIT;
        char path[LAYOUT_PATH_MAX];

        (void)state;
        assert_int_equal(init(), 0);
        assert_int_equal(layout_path(data, LAYOUT_CA_KEY, path), 0);
        assert_int_equal(file_read(path, 65536, &before), 0);
        assert_int_equal(init(), PANNIER_E_TAKEN);
        assert_int_equal(file_read(path, 65536, &after), 0);
        assert_bytes(buffer_view(&after), buffer_view(&before));
}

static void somebody_elses_folder_is_left_alone(void **state)
{
        char path[600];

        (void)state;
        assert_int_equal(file_make_folder(data, 0755), 0);
        (void)snprintf(path, sizeof(path), "%s/letter.txt", data);
        assert_int_equal(file_write(path, bytes_text("dear"), 0644), 0);
        assert_int_equal(init(), PANNIER_E_TAKEN);
        assert_int_equal(mode_of(data), 0755);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(init(), 0); /* empty, but there: as a service manager makes it */
        assert_int_equal(mode_of(data), 0700);
}

/* As if the power had gone after each file in turn. */
static void an_interrupted_init_is_finished_by_the_next(void **state)
{
        (void)state;
        for (int last = LAYOUT_SIGNING_CERTIFICATE; last >= LAYOUT_CA_KEY; last--) {
                CLEANUP(store_identity_freep) struct store_identity *identity = NULL;
                char path[LAYOUT_PATH_MAX];

                assert_int_equal(layout_path(data, LAYOUT_CONF, path), 0);
                (void)unlink(path);
                for (int file = last; file <= LAYOUT_SIGNING_CERTIFICATE; file++) {
                        assert_int_equal(layout_path(data, (enum layout_file)file, path), 0);
                        (void)unlink(path);
                }
                assert_int_equal(init(), 0);
                assert_int_equal(identity_load(data, &identity), 0);
        }
}

static void a_wrong_host_makes_no_store(void **state)
{
        struct store_settings loaded;

        (void)state;
        (void)snprintf(settings.hosts, sizeof(settings.hosts), "good.example,bad host/x");
        assert_int_equal(init(), PANNIER_E_INVALID);
        assert_int_equal(settings_load(data, &loaded), PANNIER_E_NOT_FOUND);
        (void)snprintf(settings.hosts, sizeof(settings.hosts), " , ");
        assert_int_equal(init(), PANNIER_E_INVALID);
}

static void the_server_certificate_is_renewed_in_time(void **state)
{
        CLEANUP(store_identity_freep) struct store_identity *identity = NULL;
        CLEANUP(store_identity_freep) struct store_identity *renewed = NULL;
        const char *const hosts[] = {"store.example"};
        const int64_t due_ms = NOW_MS + CA_LIFE_SERVER_MS - CA_LIFE_SERVER_MS / 3;

        (void)state;
        assert_int_equal(init(), 0);
        assert_int_equal(identity_load(data, &identity), 0);
        assert_int_equal(identity_renew_server(data, identity, hosts, 1, due_ms - 2000), 0);
        assert_int_equal(identity_renew_server(data, identity, hosts, 1, due_ms + 2000), 1);
        assert_int_equal(identity_load(data, &renewed), 0);
        assert_true(renewed->server_until_ms >= due_ms + CA_LIFE_SERVER_MS);
        assert_bytes(buffer_view(&renewed->server_key), buffer_view(&identity->server_key));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, unit_folder_remove)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(everything_is_there_and_private),
                TEST(a_store_is_never_made_twice),
                TEST(somebody_elses_folder_is_left_alone),
                TEST(an_interrupted_init_is_finished_by_the_next),
                TEST(a_wrong_host_makes_no_store),
                TEST(the_server_certificate_is_renewed_in_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
