/*
 * Somebody with an identity of their own, whom the store knows as a device, sends what no device would: what others sent, as
 * if it were theirs; the same with bytes changed, cut or put together. Nothing of it may hurt anybody else; the answers, which
 * nobody waits for, are held against what this identity may hold.
 */
#include "common/compress.h"
#include "tests/sim/forge.h"
#include "tests/sim/network.h"
#include "tests/sim/work.h"

enum { CLEAR_MAX = 1 << 20, CHANGES_MAX = 8 };

enum attack {
        ATTACK_STOLEN,
        ATTACK_DAMAGED,
        ATTACK_CUT,
        ATTACK_CHANGED,
        ATTACK_JOINED,
        ATTACK_FORGED,
        ATTACK_COUNT
};

static const char *const names[ATTACK_COUNT] = {
        [ATTACK_STOLEN] = "what another device had sent",
        [ATTACK_DAMAGED] = "a request with damaged bytes",
        [ATTACK_CUT] = "half of a request",
        [ATTACK_CHANGED] = "a request with other words in it",
        [ATTACK_JOINED] = "two requests in one",
        [ATTACK_FORGED] = "entries that it made up and signed",
};

/* A request that some device sent; empty: nobody did yet. */
static struct bytes overhear(const struct world *world, struct random *random)
{
        const struct device *device = &world->devices[random_below(random, world->machines)];
        size_t count = device->replay_count < REPLAY_MAX ? device->replay_count : REPLAY_MAX;

        return count ? buffer_view(&device->replay[random_below(random, count)]) : BYTES_NONE;
}

static void change_bytes(struct buffer *buffer, struct random *random)
{
        for (uint64_t i = 1 + random_below(random, CHANGES_MAX); i > 0 && buffer->size > 0; i--)
                buffer->data[random_below(random, buffer->size)] = (uint8_t)random_next(random);
}

static void change_words(struct world *world, enum attack attack, struct random *random,
                         struct buffer *body)
{
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;

        if (decompress_message(world->compressor, buffer_view(body), CLEAR_MAX, &clear) < 0)
                return;
        if (attack == ATTACK_JOINED)
                (void)decompress_message(world->compressor, overhear(world, random), CLEAR_MAX,
                                         &clear);
        else
                change_bytes(&clear, random);
        buffer_reset(body);
        (void)compress_message(world->compressor, buffer_view(&clear), body);
}

void hostile_step(struct world *world, const struct step *step)
{
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        struct random random;
        enum attack attack;

        random_init(&random, step->draw, 0);
        attack = (enum attack)random_below(&random, ATTACK_COUNT);
        buffer_append(&body, overhear(world, &random));
        if (body.size == 0)
                return;
        story_tell(&world->story, "somebody", "sends %s", names[attack]);
        if (attack == ATTACK_DAMAGED)
                change_bytes(&body, &random);
        else if (attack == ATTACK_CUT)
                body.size = random_below(&random, body.size);
        else if (attack == ATTACK_FORGED)
                forge_request(world, &random, &body);
        else if (attack == ATTACK_CHANGED || attack == ATTACK_JOINED)
                change_words(world, attack, &random, &body);
        network_strange(world, &world->devices[HOSTILE], buffer_view(&body));
}
