/*
 * store.conf: what an operator may set. Declared once; the parser and the sample come from the same table.
 */
#ifndef STORE_SETTINGS_H
#define STORE_SETTINGS_H

#include "common/nhs_number.h"
#include "store/ca.h"

#include <stdio.h>

enum { SETTINGS_HOST_SIZE = 256, SETTINGS_HOSTS_SIZE = 2048 };

struct store_settings {
        /* [store] */
        char name[CA_NAME_MAX + 1];
        int environment; /* enum nhs_environment */
        char hosts
                [SETTINGS_HOSTS_SIZE]; /* separated by commas; the first one stands in enrolment links */
        /* [listen] */
        char address[SETTINGS_HOST_SIZE]; /* "": all */
        int64_t port;                     /* 0: the system chooses */
        int64_t public_port;              /* in enrolment links; 0: `port` */
        int64_t health_port;              /* 0: the system chooses */
        /* [limits] */
        int64_t loops;                /* threads that serve connections; 0: one a processor */
        int64_t workers;              /* threads that make answers; 0: one a processor */
        int64_t connections;          /* open at once */
        int64_t device_connections;   /* of one device */
        int64_t stranger_connections; /* of one address, without a device's certificate */
        int64_t exchanges;          /* waiting or in work at once; more are sent away for a while */
        int64_t answer_mib;         /* memory of answers that are being sent */
        int64_t wait_s;             /* longest long poll */
        int64_t attachment_gib;     /* all attachments together */
        int64_t attachment_day_mib; /* of one device in a day */
        int64_t attachment_reserve_mib; /* of the disk that attachments leave free */
        int64_t request_s;              /* for a request, plus what its bytes take */
        int64_t stop_s;                 /* to finish what is in flight */
        /* [policy]: what devices are told */
        int64_t version, poll_s, poll_max_s, day_kib;
        /* [log] */
        int level; /* enum log_level */
        bool json;
};

void settings_defaults(struct store_settings *settings);

/* settings_load() - DATA/store.conf over the defaults; PANNIER_E_NOT_FOUND where DATA is no store */
int settings_load(const char *data, struct store_settings *ret);

/* settings_write() - DATA/store.conf, durable; what differs from the defaults is set, everything else is a comment */
int settings_write(const char *data, const struct store_settings *settings);

/* settings_hosts() - the names of [store] hosts; they borrow from @copy */
size_t settings_hosts(const struct store_settings *settings, char copy[SETTINGS_HOSTS_SIZE],
                      const char *ret[CA_HOST_MAX + 1]);

/* settings_print_sample() - every option with its help, range and default */
void settings_print_sample(FILE *out);

#endif
