/* What the files of store/service share. Nobody else includes it. */
#ifndef STORE_SERVICE_INTERNAL_H
#define STORE_SERVICE_INTERNAL_H

#include "store/courier.h"
#include "store/enrolment.h"
#include "store/feed.h"
#include "store/grants.h"
#include "store/limiter.h"
#include "store/patience.h"
#include "store/service.h"
#include "store/waiters.h"
#include "store/watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

enum {
        SERVICE_BATCH_MAX = 128,    /* jobs of one group commit */
        SERVICE_TICK_MS = 1000,     /* the writer's housekeeping */
        SERVICE_REPORT_MS = 10000,  /* how long "last seen" may be kept in memory */
        SERVICE_EXPIRE_MS = 300000, /* between two looks at what is parked too long */
        SERVICE_STALLED_MS = 60000, /* a writer that did nothing for so long is not healthy */
        SERVICE_REPORTS_MAX =
                100000, /* reports kept in memory; more are dropped, the next one tells the same */
};

#define SERVICE_SYNC_TYPE "application/cbor-seq"

enum job_kind {
        JOB_COMMIT,  /* writer: entries of a request; then JOB_ANSWER */
        JOB_ANSWER,  /* worker: make the answer; then send it, or JOB_CUSTODY */
        JOB_CUSTODY, /* writer: who is sent whom; then send the answer, if it was not sent before */
        JOB_WAIT,    /* worker: is there news? else wait for it */
        JOB_RECHECK, /* worker: somebody else wrote: is there news for anybody who waits? */
        JOB_ENROL,   /* writer: a certificate for a code */
        JOB_RENEW,   /* writer: a certificate for a certificate */
        JOB_ATTACHMENT, /* attachments' thread: bytes (service_attachments.c) */
};

struct service_attachments;
struct service_attachment_job;

struct job {
        STAILQ_ENTRY(job) link;
        enum job_kind kind;
        struct http_call *call; /* NULL: nobody is to be answered any more */
        struct uuid device;
        struct exchange_request *request;
        struct exchange_answer answer;
        struct courier *courier; /* the request came in a bundle; NULL: from its device */
        struct waiter *waiter;
        struct service_attachment_job *attachment;
        struct tls_peer peer;                /* JOB_RENEW */
        char code[ENROLMENT_CODE_TEXT_MAX];  /* JOB_ENROL */
        char address[HTTP_ADDRESS_SIZE];     /* JOB_ENROL */
        uint8_t public_key[PUBLIC_KEY_SIZE]; /* JOB_ENROL, JOB_RENEW */
};

STAILQ_HEAD(job_list, job);

struct queue {
        pthread_mutex_t lock;
        pthread_cond_t filled;
        struct job_list jobs;
        size_t count;
        bool closed;
};

struct report {
        struct uuid device;
        int64_t seen_ms;
        bool first; /* since its enrolment: its codes are used up */
        struct device_report report;
};

struct place { /* one thread's own connection */
        struct storage *storage;
        struct exchange *exchange;
};

struct worker {
        struct service *service;
        pthread_t thread;
        bool started;
        struct place place;
        struct grants *grants;
        struct feed_list feeds;
};

struct service {
        const struct store_settings *settings;
        const struct store_identity *identity;
        struct exchange_settings exchange_settings;
        struct buffer cacerts; /* base64 */
        struct limiter *limiter;
        struct patience patience;
        struct waiters *waiters;

        unsigned loop_count, worker_count;
        struct place loops[HTTP_LOOPS_MAX];
        struct worker workers[HTTP_LOOPS_MAX];
        struct place writing;
        struct watch *watch;
        struct service_attachments *attachments;
        pthread_t writer;
        bool writer_started;
        struct queue to_writer, to_workers;

        pthread_mutex_t lock; /* of what follows up to the blank line */
        pthread_cond_t idle;
        size_t job_count;
        struct report *reports;
        size_t report_count, report_capacity;

        atomic_bool stopping, recheck_waits, report_urgent;
        atomic_size_t
                in_flight; /* exchanges and enrolments that were let in and not answered completely */
        atomic_size_t answer_bytes; /* of answers that are being sent */
        _Atomic int64_t writer_ms;  /* boot time of the writer's newest turn */
        _Atomic uint64_t exchanges, refused, malformed, sent_away, unavailable, commits,
                commit_requests, commit_us, commit_us_max, rows, enrolled, renewed,
                enrolment_refused, waits, wakes, attachment_bytes, attachments_refused;
};

/* ---- jobs and queues (service.c) ---- */

/* job_new() - NULL: no memory, and the call was answered */
struct job *job_new(struct service *service, enum job_kind kind, struct http_call *call);
void job_free(struct service *service, struct job *job);

void queue_push(struct queue *queue, struct job *job);
/* queue_take() - up to @max jobs, waiting @patience_ms for the first (-1: for ever); false: closed and empty */
bool queue_take(struct queue *queue, size_t max, int64_t patience_ms, struct job_list *out);
size_t queue_count(struct queue *queue);

/* service_send() - answer a job's call, counting its bytes until they are sent; frees the job */
void service_send(struct service *service, struct job *job, struct http_answer *answer);
/* service_answer() - send the body of job->answer, sealed where a courier carries it; frees the job */
void service_answer(struct service *service, struct job *job);
/* service_fail() - the same for an error: 503 for what is not the client's fault; frees the job */
void service_fail(struct service *service, struct job *job, int error);
/* service_unavailable() - 503 with Retry-After */
void service_unavailable(struct service *service, struct http_call *call);
/* service_answer_waiters() - @status to all of them; frees them */
void service_answer_waiters(struct service *service, struct waiter_list *list, int status);

/* service_place_open() - a connection and an exchange of one thread's own */
int service_place_open(struct service *service, const char *path, bool read_only,
                       struct place *place);

/* ---- threads ---- */

void *writer_run(void *context);
void *worker_run(void *context);

/* service_note() - what a hello told, for the operators' list; written down later */
void service_note(struct service *service, const struct device_row *device,
                  const struct exchange_request *request, int64_t received_ms);

void queue_init(struct queue *queue);
void queue_deinit(struct queue *queue);
/* queue_close() - what is in it is still taken; then queue_take() says so */
void queue_close(struct queue *queue);

/* ---- attachments (service_attachments.c) ---- */

/* service_attachments_new() - open the folder below @data, start the thread */
int service_attachments_new(struct service *service, const char *data,
                            struct service_attachments **ret);
/* service_attachments_finish() - end the thread; every job is done */
void service_attachments_finish(struct service_attachments *work);
struct service_attachments *service_attachments_free(struct service_attachments *work);
DEFINE_FREEP(service_attachments)
struct service_attachment_job *service_attachment_job_free(struct service_attachment_job *job);

/* service_find_device() - who asks, by the certificate and the row that it leads to; an error was answered */
int service_find_device(struct service *service, struct http_call *call, struct device_row *ret);
/* service_let_in() - is there room for another exchange? else it was answered */
bool service_let_in(struct service *service, struct http_call *call);
/* service_refuse() - answer a request that cannot be read */
void service_refuse(struct service *service, struct http_call *call, int error);
/* service_begin() - keep the call and work on its request */
void service_begin(struct service *service, struct job *job, struct http_call *call);

/* ---- handlers (service_sync.c, service_bundle.c, service_est.c) ---- */

void service_on_attachment_get(void *context, struct http_call *call);
void service_on_attachment_put(void *context, struct http_call *call);

void service_on_sync(void *context, struct http_call *call);
void service_on_bundle(void *context, struct http_call *call);
void service_on_check(void *context, struct http_call *call);
void service_on_wait(void *context, struct http_call *call);
void service_on_cacerts(void *context, struct http_call *call);
void service_on_enrol(void *context, struct http_call *call);
void service_on_renew(void *context, struct http_call *call);

/* service_certificate() - answer with a certificate as EST wants it */
int service_certificate(struct bytes der, struct http_answer *ret);

#endif
