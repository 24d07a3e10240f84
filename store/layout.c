#include "store/layout.h"

#include "common/error.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {
        [LAYOUT_CONF] = "store.conf",         [LAYOUT_LOCK] = "lock",
        [LAYOUT_DATABASE] = "store.db",       [LAYOUT_JOURNAL] = "journal",
        [LAYOUT_CA_KEY] = "ca.key",           [LAYOUT_CA_CERTIFICATE] = "ca.pem",
        [LAYOUT_SERVER_KEY] = "server.key",   [LAYOUT_SERVER_CERTIFICATE] = "server.pem",
        [LAYOUT_SIGNING_KEY] = "signing.key", [LAYOUT_SIGNING_CERTIFICATE] = "signing.pem",
        [LAYOUT_SEAL_KEY] = "seal-1.key",     [LAYOUT_ATTACHMENTS] = "attachments",
};

int layout_path(const char *data, enum layout_file file, char ret[LAYOUT_PATH_MAX])
{
        int size = snprintf(ret, LAYOUT_PATH_MAX, "%s/%s", data, names[file]);

        if (size < 0 || size >= LAYOUT_PATH_MAX)
                return FAIL(PANNIER_E_LIMIT, "the path of the store's folder is too long");
        return 0;
}

bool layout_owns(const char *name)
{
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (strncmp(name, names[i], strlen(names[i])) == 0) /* with -wal, -shm, .new … */
                        return true;
        return false;
}
