#include "tests/unit/unit.h"

#include "daemon/loop_kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ROUTES4                                                                                    \
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
#define ROUTE4(interface, metric)                                                                  \
        interface "\t00000000\t0100A8C0\t0003\t0\t0\t" metric "\t00000000\t0\t0\t0\n"
#define NEAR4(interface) interface "\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
#define ZERO32           "00000000000000000000000000000000"
#define ROUTE6(interface, metric, flags)                                                           \
        ZERO32 " 00 " ZERO32 " 00 fe800000000000000000000000000001 " metric                        \
               " 00000001 00000000 " flags " " interface "\n"

static char root[256];

/* A file below the test's own root, with the folders that lead to it. */
static void put(void **state, const char *path, const char *text)
{
        char full[512];
        FILE *file;

        (void)snprintf(root, sizeof(root), "%s", unit_path(state, "root"));
        (void)snprintf(full, sizeof(full), "%s/%s", root, path);
        for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                (void)mkdir(full, 0755);
                *slash = '/';
        }
        file = fopen(full, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static void a_machine_without_a_default_route_counts_as_wired(void **state)
{
        put(state, "proc/net/route", ROUTES4 NEAR4("wlan0"));
        put(state, "sys/class/net/wlan0/wireless/x", "");
        assert_int_equal(loop_kind(root), LINK_WIRED);
        assert_int_equal(loop_kind("/nowhere/at/all"), LINK_WIRED);
}

static void the_smallest_metric_decides_of_both_address_families(void **state)
{
        put(state, "proc/net/route", ROUTES4 ROUTE4("eth0", "700") ROUTE4("wlan0", "600"));
        put(state, "sys/class/net/wlan0/phy80211/x", "");
        put(state, "sys/class/net/eth0/type", "1\n");
        assert_int_equal(loop_kind(root), LINK_WIFI);
        put(state, "proc/net/ipv6_route", ROUTE6("eth0", "00000064", "00000003"));
        assert_int_equal(loop_kind(root), LINK_WIRED);
        /* the kernel's own "unreachable" routes lead nowhere */
        put(state, "proc/net/ipv6_route",
            ROUTE6("lo", "00000001", "00200200") ROUTE6("eth0", "00000001", "00000200"));
        assert_int_equal(loop_kind(root), LINK_WIFI);
}

static void modems_ppp_and_bluetooth_are_mobile(void **state)
{
        put(state, "proc/net/route", ROUTES4 ROUTE4("wwp0s20u4", "700"));
        put(state, "sys/class/net/wwp0s20u4/type", "1\n");
        assert_int_equal(loop_kind(root), LINK_WIRED);
        put(state, "sys/class/net/wwp0s20u4/uevent",
            "DEVTYPE=wwan\nINTERFACE=wwp0s20u4\nIFINDEX=4\n");
        assert_int_equal(loop_kind(root), LINK_MOBILE);
        put(state, "proc/net/route", ROUTES4 ROUTE4("cell", "0"));
        put(state, "sys/class/net/cell/type", "519\n");
        assert_int_equal(loop_kind(root), LINK_MOBILE);
        put(state, "proc/net/route", ROUTES4 ROUTE4("ppp0", "0"));
        assert_int_equal(loop_kind(root), LINK_MOBILE);
        put(state, "proc/net/route", ROUTES4 ROUTE4("bnep0", "0"));
        assert_int_equal(loop_kind(root), LINK_MOBILE);
}

static void lines_that_are_not_routes_are_passed_over(void **state)
{
        put(state, "proc/net/route",
            "\n\ngarbage\nwlan0\tzz\n" ROUTE4("wlan0", "-") ROUTE4("eth0", "1"));
        put(state, "sys/class/net/wlan0/wireless/x", "");
        assert_int_equal(loop_kind(root), LINK_WIRED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_machine_without_a_default_route_counts_as_wired,
                                                unit_folder_make, unit_folder_remove),
                cmocka_unit_test_setup_teardown(
                        the_smallest_metric_decides_of_both_address_families, unit_folder_make,
                        unit_folder_remove),
                cmocka_unit_test_setup_teardown(modems_ppp_and_bluetooth_are_mobile,
                                                unit_folder_make, unit_folder_remove),
                cmocka_unit_test_setup_teardown(lines_that_are_not_routes_are_passed_over,
                                                unit_folder_make, unit_folder_remove),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
