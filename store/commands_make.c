/* pannier-store init, serve. */
#include "store/commands.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"
#include "common/log.h"
#include "store/identity.h"
#include "store/init.h"
#include "store/serve.h"

#include <stdio.h>
#include <string.h>

static int join_hosts(const struct command_line *line, struct store_settings *settings)
{
        const char *host;
        size_t place = 0, size = 0;

        settings->hosts[0] = '\0';
        while ((host = command_each(line, "host", &place))) {
                int n = snprintf(settings->hosts + size, sizeof(settings->hosts) - size, "%s%s",
                                 size ? "," : "", host);

                if (n < 0 || (size_t)n >= sizeof(settings->hosts) - size || strpbrk(host, "\r\n#;"))
                        return FAIL(PANNIER_E_INVALID, "too many, or wrong, names of this machine");
                size += (size_t)n;
        }
        if (!size)
                return FAIL(PANNIER_E_INVALID,
                            "--host is missing: the name by which devices reach this machine");
        return 0;
}

static int copy_text(const struct command_line *line, const char *name, char *ret, size_t size)
{
        const char *value = command_value(line, name);

        if (!value)
                return 0;
        if (strlen(value) >= size || strpbrk(value, "\r\n") || !bytes_is_utf8(bytes_text(value)))
                return FAIL(PANNIER_E_INVALID, "--%s is at most %zu bytes of UTF-8 in one line",
                            name, size - 1);
        (void)snprintf(ret, size, "%s", value);
        return 0;
}

static int read_environment(const struct command_line *line, struct store_settings *settings)
{
        const char *value = command_value(line, "environment");

        if (!value || strcmp(value, "test") == 0)
                settings->environment = NHS_ENVIRONMENT_TEST;
        else if (strcmp(value, "live") == 0)
                settings->environment = NHS_ENVIRONMENT_LIVE;
        else
                return FAIL(PANNIER_E_INVALID, "--environment is test or live");
        return 0;
}

static int read_settings(const struct command_line *line, struct store_settings *settings)
{
        int r;

        settings_defaults(settings);
        r = join_hosts(line, settings);
        r = r < 0 ? r : copy_text(line, "name", settings->name, sizeof(settings->name));
        r = r < 0 ? r : copy_text(line, "address", settings->address, sizeof(settings->address));
        r = r < 0 ? r : read_environment(line, settings);
        r = r < 0 ? r : command_number(line, "port", 0, 65535, &settings->port);
        return r < 0 ? r : command_number(line, "health-port", 0, 65535, &settings->health_port);
}

static int say_made(const struct command_line *line, const struct store_settings *settings)
{
        CLEANUP(store_identity_freep) struct store_identity *identity = NULL;
        uint8_t fingerprint[HASH_SIZE];
        char hex[2 * HASH_SIZE + 1];
        int r = identity_load(line->data, &identity);

        if (r < 0)
                return r;
        identity_fingerprint(identity, fingerprint);
        for (size_t i = 0; i < HASH_SIZE; i++)
                (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned)fingerprint[i]);
        if (line->json)
                return command_print_json(json_pack("{s:s, s:s, s:s, s:I}", "data", line->data,
                                                    "ca", hex, "hosts", settings->hosts, "port",
                                                    (json_int_t)settings->port));
        (void)printf("Made a store in %s for %s.\nThe authority's fingerprint is %s.\n"
                     "Next: pannier-store load, then pannier-store serve, both with --data %s\n"
                     "Back up ca.key and signing.key apart from the database.\n",
                     line->data, settings->hosts, hex, line->data);
        return 0;
}

int command_init(struct command_line *line)
{
        struct store_settings settings;
        struct uuid localities[16];
        struct store_init wish = {.data = line->data,
                                  .settings = &settings,
                                  .localities = localities,
                                  .now_ms = clock_now_ms()};
        const char *text;
        size_t place = 0;
        int r = read_settings(line, &settings);

        while (!r && (text = command_each(line, "locality", &place))) {
                if (wish.locality_count == sizeof(localities) / sizeof(localities[0]))
                        r = FAIL(PANNIER_E_INVALID, "too many localities");
                else
                        r = uuid_parse(bytes_text(text), &localities[wish.locality_count++]);
        }
        r = r < 0 ? r : store_init(&wish);
        return r < 0 ? r : say_made(line, &settings);
}

int command_serve(struct command_line *line)
{
        struct store_settings settings;
        const char *level = command_value(line, "log");
        enum log_level wanted;
        int r = settings_load(line->data, &settings);

        r = r < 0 ? r : command_number(line, "port", 0, 65535, &settings.port);
        r = r < 0 ? r : command_number(line, "health-port", 0, 65535, &settings.health_port);
        if (r < 0)
                return r;
        wanted = (enum log_level)settings.level;
        if (level && !log_level_from_name(level, &wanted))
                return FAIL(PANNIER_E_INVALID, "--log is error, warning, info or debug");
        log_set_up(wanted, settings.json || line->json);
        return store_serve(line->data, &settings);
}

int command_conf(struct command_line *line)
{
        (void)line;
        settings_print_sample(stdout);
        return fflush(stdout) == 0 ? 0 : FAIL(PANNIER_E_SYSTEM, "standard output");
}
