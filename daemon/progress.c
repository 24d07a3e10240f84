#include "daemon/progress.h"

#include <string.h>

const char *progress_state_name(enum progress_state state)
{
        switch (state) {
        case PROGRESS_GOOD:
                return "good";
        case PROGRESS_WORK_STUCK:
                return "work is not answered";
        case PROGRESS_NEWS_STUCK:
                return "news does not arrive";
        }
        return "unknown";
}

void progress_begin(struct progress *progress, const uint64_t first[LANE_COUNT])
{
        memcpy(progress->first, first, sizeof(progress->first));
}

void progress_end(struct progress *progress, const uint64_t first[LANE_COUNT], uint8_t lanes,
                  bool fetched, bool differs)
{
        bool stuck = false;

        for (uint8_t lane = 0; lane < lanes; lane++)
                stuck = stuck || (first[lane] && first[lane] == progress->first[lane]);
        progress->work = stuck ? progress->work + 1 : 0;
        if (fetched)
                progress->news = differs ? progress->news + 1 : 0;
}

enum progress_state progress_state(const struct progress *progress)
{
        if (progress->work >= PROGRESS_PATIENCE)
                return PROGRESS_WORK_STUCK;
        return progress->news >= PROGRESS_PATIENCE ? PROGRESS_NEWS_STUCK : PROGRESS_GOOD;
}
