#include "common/clock.h"

#include "common/crypto.h"

#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

static int64_t read_ms(clockid_t clock)
{
        struct timespec time = {0};

        (void)clock_gettime(clock, &time); /* fails for unknown clocks only */
        return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
        return read_ms(CLOCK_REALTIME);
}

int64_t clock_boot_ms(void)
{
        return read_ms(CLOCK_BOOTTIME);
}

uint64_t clock_boot_id(void)
{
        static const char path[] = "/proc/sys/kernel/random/boot_id";
        uint8_t seed[64], hash[HASH_SIZE];
        size_t size = 0;
        uint64_t id = 0;
        FILE *file = fopen(path, "re");

        if (file) {
                size = fread(seed, 1, sizeof(seed), file);
                (void)fclose(file);
        }
        if (size == 0) { /* no /proc here: what an engine measures then ends with this process */
                size = sizeof(seed);
                crypto_random(seed, size);
        }
        crypto_sha256(BYTES(seed, size), hash);
        for (int i = 0; i < 4;
             i++) /* tells boots of one device apart, and lies in every entry: 32 bits */
                id = id << 8 | hash[i];
        return id ? id : 1;
}

bool clock_synchronised(void)
{
        struct timex state = {0};
        int code = adjtimex(&state); /* no mode: only reads */

        return code >= 0 && code != TIME_ERROR && !(state.status & STA_UNSYNC) &&
               state.maxerror < 1000000; /* µs */
}

struct clock_reading clock_read(uint64_t boot_id)
{
        return (struct clock_reading){
                .now_ms = clock_now_ms(),
                .boot_ms = clock_boot_ms(),
                .boot_id = boot_id,
                .synchronised = clock_synchronised(),
        };
}
