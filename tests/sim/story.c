#include "tests/sim/story.h"

#include <stdarg.h>
#include <string.h>

void story_init(struct story *story, FILE *out, int64_t now_ms)
{
        *story = (struct story){.out = out, .began_ms = now_ms, .now_ms = now_ms};
        story->hash =
                0xcbf29ce484222325U; /* FNV-1a, 64 bits, over words: http://www.isthe.com/chongo/tech/comp/fnv/ */
}

void story_mix_number(struct story *story, uint64_t number)
{
        story->hash = (story->hash ^ number) * 0x100000001b3U;
        story->hash ^= story->hash >> 29;
}

void story_mix(struct story *story, struct bytes data)
{
        size_t i = 0;

        for (; i + 8 <= data.size; i += 8) {
                uint64_t word;

                memcpy(&word, data.data + i, sizeof(word));
                story_mix_number(story, word);
        }
        for (; i < data.size; i++)
                story_mix_number(story, data.data[i]);
        story_mix_number(story, data.size);
}

void story_tell(struct story *story, const char *who, const char *format, ...)
{
        int64_t since = story->now_ms - story->began_ms;
        va_list arguments;

        if (!story->out)
                return;
        (void)fprintf(story->out, "day %lld %02lld:%02lld:%02lld.%03lld  %-9s ",
                      (long long)(since / 86400000 + 1), (long long)(since / 3600000 % 24),
                      (long long)(since / 60000 % 60), (long long)(since / 1000 % 60),
                      (long long)(since % 1000), who ? who : "store");
        va_start(arguments, format);
        (void)vfprintf(story->out, format, arguments);
        va_end(arguments);
        (void)fputc('\n', story->out);
}
