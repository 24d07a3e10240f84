#include "store/init.h"

#include "common/error.h"
#include "common/file.h"
#include "store/identity.h"
#include "store/journal.h"
#include "store/layout.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_folder(const char *data)
{
        DIR *folder = opendir(data);
        const struct dirent *entry;
        int r = 0;

        if (!folder)
                return FAIL(PANNIER_E_SYSTEM, "%s: %s", data, strerror(errno));
        while (!r && (entry = readdir(folder)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                    !layout_owns(entry->d_name))
                        r = FAIL(PANNIER_E_TAKEN,
                                 "%s holds something else (%.64s): choose an empty folder", data,
                                 entry->d_name);
        (void)closedir(folder);
        return r;
}

static int prepare_folder(const char *data)
{
        char path[LAYOUT_PATH_MAX];
        int r = layout_path(data, LAYOUT_CONF, path);

        r = r < 0 ? r : file_make_folder(data, 0700);
        if (r < 0)
                return r;
        if (access(path, F_OK) == 0)
                return FAIL(PANNIER_E_TAKEN, "%s is a store already; nothing was changed", data);
        r = check_folder(data);
        if (r < 0)
                return r;
        if (chmod(data, 0700) < 0) /* it may have been there with other permissions */
                return FAIL(PANNIER_E_SYSTEM, "%s: %s", data, strerror(errno));
        return 0;
}

static int make_database(const struct store_init *wish)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        struct journal_report journal;
        char path[LAYOUT_PATH_MAX];
        int r = layout_path(wish->data, LAYOUT_DATABASE, path);

        r = r < 0 ? r : storage_sqlite_open(path, false, &storage);
        for (size_t i = 0; i < wish->locality_count && !r; i++) {
                struct uuid epoch;

                crypto_random(&epoch, sizeof(epoch));
                r = storage->ops->locality_add(storage, &wish->localities[i], &epoch, wish->now_ms);
                if (r == PANNIER_E_TAKEN)
                        r = 0; /* of a run before this one */
        }
        if (!r && chmod(path, 0600) < 0)
                r = FAIL(PANNIER_E_SYSTEM, "%s: %s", path, strerror(errno));
        r = r < 0 ? r : layout_path(wish->data, LAYOUT_JOURNAL, path);
        return r < 0 ? r
                     : journal_attach(storage, path,
                                      (enum nhs_environment)wish->settings->environment,
                                      wish->now_ms, &journal);
}

static int make_all(const struct store_init *wish)
{
        const char *hosts[CA_HOST_MAX + 1];
        char copy[SETTINGS_HOSTS_SIZE];
        size_t count = settings_hosts(wish->settings, copy, hosts);
        int r = identity_make(wish->data, wish->settings->name, hosts, count, wish->now_ms);

        r = r < 0 ? r : make_database(wish);
        return r < 0 ? r : settings_write(wish->data, wish->settings);
}

int store_init(const struct store_init *wish)
{
        char path[LAYOUT_PATH_MAX];
        mode_t mask;
        int lock, r = prepare_folder(wish->data);

        r = r < 0 ? r : layout_path(wish->data, LAYOUT_LOCK, path);
        r = r < 0 ? r : file_lock(path, &lock);
        if (r < 0)
                return r;
        mask = umask(0077);
        r = make_all(wish);
        (void)umask(mask);
        file_unlock(lock);
        return r;
}
