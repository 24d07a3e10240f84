#include "tests/sim/run.h"

#include "tests/sim/world.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS_MAX = 64 };

struct worker {
        pid_t pid;
        int fd;        /* results come here; -1: it has ended */
        uint64_t seed; /* that it said it begins */
        bool busy;
};

struct note { /* what a worker writes */
        bool begins;
        struct sim_result result; /* only the seed where it begins */
};

static int64_t now_s(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec;
}

static bool write_note(int fd, const struct note *note)
{
        const char *from = (const char *)note;
        size_t left = sizeof(*note);

        while (left > 0) {
                ssize_t written = write(fd, from, left);

                if (written <= 0)
                        return false;
                from += written;
                left -= (size_t)written;
        }
        return true;
}

static void run_seed(const struct run_many *run, uint64_t seed, struct sim_result *ret)
{
        const struct sim_request request = {.seed = seed, .plant = run->plant, .deep = run->deep};
        struct sim_result again;

        run_one(&request, ret);
        if (!run->twice)
                return;
        run_one(&request, &again);
        if (again.hash == ret->hash || ret->violated)
                return;
        ret->violated = true;
        (void)snprintf(ret->violation, sizeof(ret->violation),
                       "the same seed gave two histories: %016llx and %016llx",
                       (unsigned long long)ret->hash, (unsigned long long)again.hash);
}

static void work(const struct run_many *run, uint32_t number, int fd, int64_t until_s)
{
        for (uint64_t i = number; i < run->count; i += run->jobs) {
                struct note note = {.begins = true};

                if (run->seconds && now_s() >= until_s)
                        break;
                note.result.seed = run->seeds ? run->seeds[i] : run->from + i;
                if (!write_note(fd, &note))
                        break;
                run_seed(run, note.result.seed, &note.result);
                note.begins = false;
                if (!write_note(fd, &note))
                        break;
        }
        _exit(0);
}

static int begin_worker(const struct run_many *run, uint32_t number, int64_t until_s,
                        struct worker *ret)
{
        int fds[2];

        if (pipe(fds) < 0)
                return FAIL(PANNIER_E_SYSTEM, "pipe: %s", strerror(errno));
        (void)fflush(NULL);
        ret->pid = fork();
        if (ret->pid < 0)
                return FAIL(PANNIER_E_SYSTEM, "fork: %s", strerror(errno));
        if (ret->pid == 0) {
                (void)close(fds[0]);
                work(run, number, fds[1], until_s);
        }
        (void)close(fds[1]);
        ret->fd = fds[0];
        return 0;
}

static bool read_note(int fd, struct note *ret)
{
        char *to = (char *)ret;
        size_t left = sizeof(*ret);

        while (left > 0) {
                ssize_t got = read(fd, to, left);

                if (got <= 0)
                        return false;
                to += got;
                left -= (size_t)got;
        }
        return true;
}

/* Its end of the pipe is closed: it is done, or it died of a history. */
static bool end_worker(struct worker *worker, struct sim_result *ret_crash)
{
        int status = 0;

        (void)close(worker->fd);
        worker->fd = -1;
        (void)waitpid(worker->pid, &status, 0);
        if (!worker->busy || !WIFSIGNALED(status))
                return false;
        *ret_crash = (struct sim_result){.seed = worker->seed, .violated = true};
        (void)snprintf(ret_crash->violation, sizeof(ret_crash->violation),
                       "the engines end with signal %d", WTERMSIG(status));
        return true;
}

static void stop_workers(struct worker *workers, uint32_t count)
{
        for (uint32_t i = 0; i < count; i++) {
                if (workers[i].fd < 0)
                        continue;
                (void)kill(workers[i].pid, SIGKILL);
                (void)close(workers[i].fd);
                (void)waitpid(workers[i].pid, NULL, 0);
        }
}

/* What one worker says. Return: 1 a history ended, 0 not yet, -1 the worker ended */
static int hear(struct worker *worker, struct sim_result *ret)
{
        struct note note;

        if (!read_note(worker->fd, &note))
                return end_worker(worker, ret) ? 1 : -1;
        worker->busy = note.begins;
        worker->seed = note.result.seed;
        *ret = note.result;
        return note.begins ? 0 : 1;
}

int64_t run_many(const struct run_many *run,
                 bool (*visit)(void *context, const struct sim_result *result), void *context)
{
        struct worker workers[JOBS_MAX];
        struct run_many own = *run;
        int64_t ended = 0, until_s = now_s() + run->seconds;
        bool stop = false;
        uint32_t left;

        if (own.jobs == 0 || own.jobs > JOBS_MAX)
                own.jobs = 1;
        left = own.jobs;
        (void)template_get(); /* once, before the processes part */
        for (uint32_t i = 0; i < own.jobs; i++) {
                int r = begin_worker(&own, i, until_s, &workers[i]);

                if (r < 0) {
                        stop_workers(workers, i);
                        return r;
                }
                workers[i].busy = false;
        }
        while (left > 0 && !stop) {
                struct pollfd fds[JOBS_MAX];

                for (uint32_t i = 0; i < own.jobs; i++)
                        fds[i] = (struct pollfd){.fd = workers[i].fd, .events = POLLIN};
                if (poll(fds, own.jobs, -1) < 0 && errno != EINTR)
                        break;
                for (uint32_t i = 0; i < own.jobs && !stop; i++) {
                        struct sim_result result;
                        int heard;

                        if (workers[i].fd < 0 || !(fds[i].revents & (POLLIN | POLLHUP)))
                                continue;
                        heard = hear(&workers[i], &result);
                        ended += heard > 0;
                        left -= workers[i].fd < 0;
                        stop = heard > 0 && visit(context, &result);
                }
        }
        stop_workers(workers, own.jobs);
        return ended;
}
