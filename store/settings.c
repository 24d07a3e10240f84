#include "store/settings.h"

#include "common/conf.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "store/layout.h"

#include <string.h>

static const char *const environments[] = {"test", "live", NULL};
static const char *const levels[] = {"error", "warning", "info", "debug", NULL};

#define S struct store_settings

static const struct conf_option options[] = {
        CONF_TEXT(S, "store", name, "Pannier", "name of the store, in its certificates"),
        CONF_CHOICE(S, "store", environment, "test", environments,
                    "test: only NHS numbers that are never issued (9...); live: never those"),
        CONF_TEXT(S, "store", hosts, "localhost",
                  "names and addresses of this machine, separated by commas; the first one stands "
                  "in enrolment links"),
        CONF_TEXT(S, "listen", address, "", "address to listen on; empty: all"),
        CONF_INTEGER(S, "listen", port, "8443", 0, 65535, "TLS port of devices; 0: any free one"),
        CONF_INTEGER(S, "listen", public_port, "0", 0, 65535,
                     "port in enrolment links where it is another one; 0: the same"),
        CONF_INTEGER(S, "listen", health_port, "9464", 0, 65535,
                     "loopback port of health and metrics; 0: any free one"),
        CONF_INTEGER(S, "limits", loops, "0", 0, 64,
                     "threads that serve connections; 0: one a processor"),
        CONF_INTEGER(S, "limits", workers, "0", 0, 64,
                     "threads that make answers; 0: one a processor"),
        CONF_INTEGER(S, "limits", connections, "12000", 8, 1000000, "open connections"),
        CONF_INTEGER(S, "limits", device_connections, "8", 2, 1000,
                     "open connections of one device; more are answered 429"),
        CONF_INTEGER(S, "limits", stranger_connections, "2000", 1, 1000000,
                     "open connections of one address that have not shown a device's certificate; "
                     "more are cut"),
        CONF_INTEGER(S, "limits", exchanges, "2000", 1, 100000,
                     "exchanges waiting or in work; more are told to come back later"),
        CONF_INTEGER(S, "limits", answer_mib, "256", 8, 65536,
                     "memory of answers that are being sent, MiB"),
        CONF_INTEGER(S, "limits", wait_s, "240", 1, 3000, "longest wait for news, seconds"),
        CONF_INTEGER(S, "limits", attachment_gib, "64", 1, 1048576,
                     "disk space of all attachments, GiB"),
        CONF_INTEGER(S, "limits", attachment_day_mib, "512", 1, 1048576,
                     "attachments that one device may bring in a day, MiB"),
        CONF_INTEGER(S, "limits", attachment_reserve_mib, "1024", 0, 1048576,
                     "disk space that attachments leave free, MiB"),
        CONF_INTEGER(S, "limits", request_s, "20", 1, 600,
                     "time for a request besides what its bytes take, seconds"),
        CONF_INTEGER(S, "limits", stop_s, "25", 1, 600,
                     "time to finish what is in flight when stopped, seconds"),
        CONF_INTEGER(S, "policy", version, "1", 1, INT32_MAX, "raise it with every change below"),
        CONF_INTEGER(S, "policy", poll_s, "0", 0, 86400,
                     "shortest time between two exchanges without cause; 0: the device's own"),
        CONF_INTEGER(S, "policy", poll_max_s, "0", 0, 604800,
                     "longest time between two exchanges; 0: the device's own"),
        CONF_INTEGER(S, "policy", day_kib, "0", 0, INT32_MAX,
                     "budget a day on a metered link, KiB; 0: the device's own"),
        CONF_CHOICE(S, "log", level, "info", levels, "error, warning, info or debug"),
        CONF_BOOL(S, "log", json, "no", "a JSON object a line"),
};

enum { OPTION_COUNT = sizeof(options) / sizeof(options[0]) };

void settings_defaults(struct store_settings *settings)
{
        memset(settings, 0, sizeof(*settings));
        conf_defaults(options, OPTION_COUNT, settings);
}

int settings_load(const char *data, struct store_settings *ret)
{
        char path[LAYOUT_PATH_MAX];
        int r = layout_path(data, LAYOUT_CONF, path);

        if (r < 0)
                return r;
        settings_defaults(ret);
        r = conf_load(path, options, OPTION_COUNT, ret);
        if (r == PANNIER_E_NOT_FOUND)
                return FAIL(
                        PANNIER_E_NOT_FOUND,
                        "%s is no store: make one with pannier-store init --data %s --host NAME",
                        data, data);
        return r;
}

static void write_text(struct buffer *out, const char *name, const char *value)
{
        buffer_append_format(out, "%s = %s\n", name, value);
}

int settings_write(const char *data, const struct store_settings *settings)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        char path[LAYOUT_PATH_MAX];
        int r = layout_path(data, LAYOUT_CONF, path);

        if (r < 0)
                return r;
        buffer_append_text(&text,
                           "# Settings of this store; pannier-store.conf(5) has all of them.\n"
                           "[store]\n");
        write_text(&text, "name", settings->name);
        write_text(&text, "environment", environments[settings->environment]);
        write_text(&text, "hosts", settings->hosts);
        buffer_append_text(&text, "[listen]\n");
        if (settings->address[0])
                write_text(&text, "address", settings->address);
        buffer_append_format(&text, "port = %lld\nhealth_port = %lld\n", (long long)settings->port,
                             (long long)settings->health_port);
        r = buffer_check(&text);
        return r < 0 ? r : file_write(path, buffer_view(&text), 0600);
}

size_t settings_hosts(const struct store_settings *settings, char copy[SETTINGS_HOSTS_SIZE],
                      const char *ret[CA_HOST_MAX + 1])
{
        size_t count = 0;
        char *at = copy;

        memcpy(copy, settings->hosts, SETTINGS_HOSTS_SIZE);
        while (at && count <= CA_HOST_MAX) {
                char *name = strsep(&at, ",");
                size_t size;

                name += strspn(name, " \t");
                size = strlen(name);
                while (size && (name[size - 1] == ' ' || name[size - 1] == '\t'))
                        size--;
                name[size] = '\0';
                if (size)
                        ret[count++] = name;
        }
        return count;
}

void settings_print_sample(FILE *out)
{
        conf_print_sample(options, OPTION_COUNT, out);
}
