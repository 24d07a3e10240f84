#include "store/patience.h"

void patience_init(struct patience *patience)
{
        *patience = (struct patience){0};
        (void)pthread_mutex_init(&patience->lock, NULL);
}

void patience_deinit(struct patience *patience)
{
        (void)pthread_mutex_destroy(&patience->lock);
}

static uint32_t count_one(struct patience *patience, int64_t window)
{
        uint32_t count;

        (void)pthread_mutex_lock(&patience->lock);
        if (window != patience->window) {
                patience->before_count = window == patience->window + 1 ? patience->now_count : 0;
                patience->now_count = 0;
                patience->window = window;
        }
        if (patience->now_count < UINT32_MAX / 2)
                patience->now_count++;
        count = patience->now_count + patience->before_count;
        (void)pthread_mutex_unlock(&patience->lock);
        return count;
}

unsigned patience_next_s(struct patience *patience, int64_t now_ms, uint32_t random)
{
        uint32_t spread_s =
                PATIENCE_MIN_S + count_one(patience, now_ms / PATIENCE_WINDOW_MS) / PATIENCE_PER_S;

        if (spread_s > PATIENCE_MAX_S - PATIENCE_MIN_S)
                spread_s = PATIENCE_MAX_S - PATIENCE_MIN_S;
        return PATIENCE_MIN_S + (unsigned)((uint64_t)(spread_s + 1) * random >> 32);
}
