#include "daemon/loop_kind.h"

#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 512, LINE_SIZE = 512, FIELDS_MAX = 16 };
enum { TYPE_PPP = 512, TYPE_RAWIP = 519 };   /* ARPHRD_* of <linux/if_arp.h> */
enum { ROUTE_UP = 1, ROUTE_REJECT = 0x200 }; /* RTF_* */

struct route {
        char interface[IF_NAMESIZE];
        uint32_t metric;
};

static void take(struct route *best, const char *interface, uint32_t metric)
{
        if (*best->interface && best->metric <= metric)
                return;
        (void)snprintf(best->interface, sizeof(best->interface), "%s", interface);
        best->metric = metric;
}

/* Splits a line of the kernel's at its blanks; returns how many fields, at most FIELDS_MAX. */
static size_t split(char *line, const char *fields[FIELDS_MAX])
{
        size_t count = 0;
        char *field;

        while (count < FIELDS_MAX && (field = strsep(&line, " \t\n")))
                if (*field)
                        fields[count++] = field;
        return count;
}

static bool read_number(const char *field, int base, uint32_t *ret)
{
        char *end;
        unsigned long number;

        errno = 0;
        number = strtoul(field, &end, base);
        *ret = (uint32_t)number;
        return errno == 0 && end != field && *end == '\0' && number <= UINT32_MAX;
}

/* proc(5), /proc/net/route: Iface Destination Gateway Flags RefCnt Use Metric Mask … */
static void read_route4(char *line, struct route *best)
{
        const char *fields[FIELDS_MAX];
        uint32_t destination, flags, metric, mask;

        if (split(line, fields) >= 8 && read_number(fields[1], 16, &destination) &&
            read_number(fields[3], 16, &flags) && read_number(fields[6], 10, &metric) &&
            read_number(fields[7], 16, &mask) && destination == 0 && mask == 0 &&
            (flags & ROUTE_UP))
                take(best, fields[0], metric);
}

/* /proc/net/ipv6_route: destination, its prefix, source, its prefix, next hop, metric, count, use, flags, interface */
static void read_route6(char *line, struct route *best)
{
        const char *fields[FIELDS_MAX];
        uint32_t prefix, metric, flags;

        if (split(line, fields) >= 10 && read_number(fields[1], 16, &prefix) &&
            read_number(fields[5], 16, &metric) && read_number(fields[8], 16, &flags) &&
            prefix == 0 && strspn(fields[0], "0") == 32 && (flags & ROUTE_UP) &&
            !(flags & ROUTE_REJECT) && strcmp(fields[9], "lo") != 0)
                take(best, fields[9], metric);
}

static void read_routes(const char *root, const char *table,
                        void (*read)(char *line, struct route *best), struct route *best)
{
        char path[PATH_SIZE], line[LINE_SIZE];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/proc/net/%s", root, table);
        file = fopen(path, "re");
        if (!file)
                return;
        while (fgets(line, sizeof(line), file))
                read(line, best);
        (void)fclose(file);
}

/* Does sysfs have this file of the interface, and a line that begins with @words? NULL: it is there, that is all. */
static bool says(const char *root, const char *interface, const char *name, const char *words)
{
        char path[PATH_SIZE], line[LINE_SIZE];
        bool found = false;
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/sys/class/net/%s/%s", root, interface, name);
        if (!words)
                return access(path, F_OK) == 0;
        file = fopen(path, "re");
        if (!file)
                return false;
        while (!found && fgets(line, sizeof(line), file)) {
                line[strcspn(line, "\n")] = 0;
                found = strcmp(line, words) == 0;
        }
        (void)fclose(file);
        return found;
}

static bool is_mobile(const char *root, const char *interface)
{
        static const char *const names[] = {"wwan", "rmnet", "ppp", "bnep"};
        char type[16];

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (strncmp(interface, names[i], strlen(names[i])) == 0)
                        return true;
        if (says(root, interface, "uevent", "DEVTYPE=wwan") ||
            says(root, interface, "uevent", "DEVTYPE=bluetooth"))
                return true;
        (void)snprintf(type, sizeof(type), "%d", TYPE_PPP);
        if (says(root, interface, "type", type))
                return true;
        (void)snprintf(type, sizeof(type), "%d", TYPE_RAWIP);
        return says(root, interface, "type", type);
}

enum link_kind loop_kind(const char *root)
{
        struct route best = {0};

        read_routes(root, "route", read_route4, &best);
        read_routes(root, "ipv6_route", read_route6, &best);
        if (!*best.interface)
                return LINK_WIRED;
        if (says(root, best.interface, "phy80211", NULL) ||
            says(root, best.interface, "wireless", NULL) ||
            says(root, best.interface, "uevent", "DEVTYPE=wlan"))
                return LINK_WIFI;
        return is_mobile(root, best.interface) ? LINK_MOBILE : LINK_WIRED;
}
