/* pannierd: parse, wire, run. */
#include "common/conf.h"
#include "common/error.h"
#include "common/log.h"
#include "common/notify.h"
#include "daemon/link.h"
#include "daemon/loop.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>

struct conf {
        char folder[400];
        char socket[108];
        char group[64];
        int kind, metered;
        int64_t wired_mib, wifi_mib, mobile_mib, connect_s, stall_s;
        int64_t portal_port;
        int64_t reserve_mib;
        char proxy[280];
        char proxy_credentials[400];
        int level;
        bool json;
};

static const char *const levels[] = {"error", "warning", "info", "debug", NULL};

static const char *const kinds[] = {"auto", "wired", "wifi", "mobile", NULL};
static const char *const metered_choices[] = {"auto", "yes", "no", NULL};

static const struct conf_option conf_options[] = {
        CONF_TEXT(struct conf, "state", folder, "/var/lib/pannier",
                  "where outbox, replica and keys lie"),
        CONF_TEXT(struct conf, "api", socket, "/run/pannier/pannier.sock",
                  "where programs of this device connect"),
        CONF_TEXT(struct conf, "api", group, "", "group that may connect besides the daemon's own"),
        CONF_CHOICE(struct conf, "link", kind, "auto", kinds,
                    "wired, wifi or mobile; auto: what the default route goes through"),
        CONF_CHOICE(struct conf, "link", metered, "auto", metered_choices,
                    "yes: the network costs money: ask the store now and then instead of "
                    "listening; auto: mobile data does"),
        CONF_INTEGER(struct conf, "link", connect_s, "15", 1, 120,
                     "time for name, connection and handshake together, seconds"),
        CONF_INTEGER(struct conf, "link", stall_s, "60", 1, 3600,
                     "an exchange that gets nowhere for so long is ended and tried anew, seconds"),
        CONF_INTEGER(struct conf, "budget", wired_mib, "0", 0, 1048576,
                     "what a wired network may carry in a day, MiB; 0: no limit"),
        CONF_INTEGER(struct conf, "budget", wifi_mib, "0", 0, 1048576,
                     "the same of a wireless one"),
        CONF_INTEGER(struct conf, "budget", mobile_mib, "256", 0, 1048576,
                     "the same of mobile data; used up, news waits and work is still sent"),
        CONF_INTEGER(struct conf, "link", portal_port, "80", 1, 65535,
                     "port on which a captive portal is looked for"),
        CONF_TEXT(struct conf, "link", proxy, "",
                  "http://HOST:PORT through which the store is reached; empty: none"),
        CONF_TEXT(struct conf, "link", proxy_credentials, "",
                  "file whose first line is the proxy's USER:PASSWORD"),
        CONF_INTEGER(struct conf, "attachments", reserve_mib, "64", 0, 1048576,
                     "disk space that photos and documents leave to what is written, MiB"),
        CONF_CHOICE(struct conf, "log", level, "info", levels, "error, warning, info or debug"),
        CONF_BOOL(struct conf, "log", json, "no", "one JSON object per line"),
};

enum { OPTION_COUNT = sizeof(conf_options) / sizeof(conf_options[0]) };

static const char usage[] =
        "Usage: pannierd [--conf FILE] [--state DIR] [--socket PATH]\n"
        "\n"
        "Keeps this device's people and records, and exchanges them with the store.\n"
        "\n"
        "  --conf FILE     read the configuration from FILE (pannierd.conf(5));\n"
        "                  without it, /etc/pannier/pannierd.conf where it exists\n"
        "  --state DIR     where outbox, replica and keys lie\n"
        "  --socket PATH   where programs of this device connect\n"
        "  --sample        print a configuration file with every option and its default\n"
        "  --version       print the version\n"
        "  --help          print this\n";

static int load_conf(const char *path, struct conf *conf)
{
        static const char standard[] = "/etc/pannier/pannierd.conf";
        int r = conf_load(path ? path : standard, conf_options, OPTION_COUNT, conf);

        return r == PANNIER_E_NOT_FOUND && !path ? 0 : r;
}

static int set_option(struct conf *conf, const char *section, const char *name, const char *value)
{
        return value ? conf_set(conf_options, OPTION_COUNT, section, name, value, conf) : 0;
}

/* 0 to run, 1 where everything is said, negative: wrong arguments */
static int parse(int argc, char **argv, struct conf *conf)
{
        static const struct option options[] = {
                {"conf", required_argument, NULL, 'c'},
                {"state", required_argument, NULL, 's'},
                {"socket", required_argument, NULL, 'S'},
                {"sample", no_argument, NULL, 'p'},
                {"version", no_argument, NULL, 'v'},
                {"help", no_argument, NULL, 'h'},
                {0},
        };
        const char *path = NULL, *folder = NULL, *socket = NULL;
        int c, r;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                switch (c) {
                case 'c':
                        path = optarg;
                        break;
                case 's':
                        folder = optarg;
                        break;
                case 'S':
                        socket = optarg;
                        break;
                case 'p':
                        conf_print_sample(conf_options, OPTION_COUNT, stdout);
                        return 1;
                case 'v':
                        (void)puts("pannierd " PANNIER_VERSION);
                        return 1;
                case 'h':
                        (void)fputs(usage, stdout);
                        return 1;
                default:
                        return FAIL(PANNIER_E_INVALID, "see pannierd --help");
                }
        }
        if (optind < argc)
                return FAIL(PANNIER_E_INVALID, "%s is not understood; see pannierd --help",
                            argv[optind]);
        conf_defaults(conf_options, OPTION_COUNT, conf);
        r = load_conf(path, conf);
        if (r >= 0)
                r = set_option(conf, "state", "folder", folder);
        if (r >= 0)
                r = set_option(conf, "api", "socket", socket);
        return r;
}

/* Nothing that was in our memory goes to a core file or to a debugger of the same user. */
static void keep_memory_private(void)
{
        const struct rlimit none = {0, 0};

        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)umask(0077);
}

static int run(const struct conf *conf)
{
        CLEANUP(loop_freep) struct loop *loop = NULL;
        struct loop_options options = {
                .state = conf->folder,
                .socket = conf->socket,
                .socket_group = *conf->group ? conf->group : NULL,
                .kind = (enum loop_kind_choice)conf->kind,
                .metered = (enum loop_metered)conf->metered,
                .day_bytes = {[LINK_WIRED] = (uint64_t)conf->wired_mib << 20,
                              [LINK_WIFI] = (uint64_t)conf->wifi_mib << 20,
                              [LINK_MOBILE] = (uint64_t)conf->mobile_mib << 20},
                .connect_s = (uint32_t)conf->connect_s,
                .stall_s = (uint32_t)conf->stall_s,
                .portal_port = (uint16_t)conf->portal_port,
                .attachment_reserve_bytes = (uint64_t)conf->reserve_mib << 20,
                .proxy = *conf->proxy ? conf->proxy : NULL,
                .proxy_file = *conf->proxy_credentials ? conf->proxy_credentials : NULL,
        };
        int r = loop_new(&options, &loop);

        if (r < 0)
                return r;
        (void)printf("READY %s%s\n", conf->socket, loop_enrolled(loop) ? "" : " not enrolled");
        (void)fflush(stdout);
        (void)notify_ready(loop_enrolled(loop) ? "enrolled" : "not enrolled");
        r = loop_run(loop);
        (void)notify_stopping();
        return r;
}

int main(int argc, char **argv)
{
        struct conf conf = {0};
        int r = parse(argc, argv, &conf);

        if (r > 0)
                return EX_OK;
        if (r < 0) {
                (void)fprintf(stderr, "pannierd: %s\n", error_detail());
                return r == PANNIER_E_INVALID ? EX_USAGE : pannier_error_exit_code(r);
        }
        log_set_up((enum log_level)conf.level, conf.json);
        keep_memory_private();
        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGXFSZ,
                     SIG_IGN); /* a file that may not grow is an error of a write, not our end */
        r = link_library_start();
        if (r == 0)
                r = run(&conf);
        if (r < 0)
                log_failure(LOG_LEVEL_ERROR, r, "pannierd cannot go on");
        link_library_end();
        return pannier_error_exit_code(r);
}
