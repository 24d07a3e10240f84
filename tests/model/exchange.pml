/*
 * The exchange: entries go up, receipts and news come down, while machines restart, media are put back or copied, and the store
 * loses commits. One lane, one locality, at most two machines with one identity; everything is explored, nothing is sampled.
 *
 * An entry is its number, 1 to ENTRIES. A hash is what it is made from: the chains of a lane and of the log are lists of
 * entries, so two of them are equal where the lists are. (The log's real hash covers times as well; to cover less is the
 * harder case.) Random ids are numbers that nobody had before. Signatures are left out: nobody lies here.
 *
 * Each step is what one transaction of the programs makes durable; between two steps anything may happen to anybody. The store
 * takes a request when it is sent, or never, or at any later time as a late copy; the answer arrives or does not. Names in
 * [brackets] are those of the code that a step stands for. docs/model.md says what is checked and what each removal shows.
 */
#ifndef ENTRIES
#define ENTRIES 3
#endif
#ifndef FAULTS
#define FAULTS 4 /* of all kinds together */
#endif
#ifndef ROUNDS
#define ROUNDS 10 /* round trips of one machine, within which all is done after the last event */
#endif

/* Room. Running out of it is an assertion of its own, so the bounds hide nothing. */
#define LIVES    7 /* incarnations */
#define EPOCHS   6 /* histories of the store, numbered from 1 */
#define OPENINGS 6 /* times that the store's database was opened */

/* Lists in one number, the first in the lowest bits: of entries in a lane, of (history, entry) in the log. */
#define AT(lane, i)        (((lane) >> (3 * ((i) - 1))) & 7)
#define FIRST(lane, n)     ((lane) & ((1 << (3 * (n))) - 1))
#define ADD(lane, n, e)    ((lane) | ((e) << (3 * (n)))) /* behind n others */
#define ENTRY(log, i)      (((log) >> (6 * ((i) - 1))) & 7)
#define EPOCH(log, i)      (((log) >> (6 * ((i) - 1) + 3)) & 7)
#define ROWS(log, n)       ((log) & ((1 << (6 * (n))) - 1))
#define ROW(log, n, ep, e) ((log) | (((ep) << 3 | (e)) << (6 * (n))))
#define BIT(e)             (1 << (e))

/* outbox.db and replica.db of one machine: all of it durable. */
typedef medium {
        byte life;                  /* incarnation */
        byte seq;                   /* newest number of the lane … */
        short chain;                /* … and the entries under the numbers up to it */
        byte next;                  /* what the store expects, as it last said */
        byte waiting, settled;      /* sets of entries; of a pruned one nothing is left */
        byte in_epoch[ENTRIES + 1], at[ENTRIES + 1]; /* receipts */
        byte epoch, count;          /* newest head of the store's log that was shown … */
        int log;
        byte told;                  /* … and when */
        byte left[EPOCHS];          /* 1 + the position at which a history was left */
        byte gone;                  /* set of the histories that were left with something beyond */
        byte here_epoch, here;      /* replica: history and cursor */
        byte records, doubted;      /* replica: what it has, and what is unconfirmed of it */
}

/* store.db */
typedef database {
        byte epoch;
        byte count;                 /* rows of the log; each is a commit, so it is the position as well */
        int log;
        byte life[ENTRIES + 1], seq[ENTRIES + 1]; /* by entry: envelope, as it was taken */
        byte next[LIVES];           /* lanes: number expected, 0: never heard of */
        short chain[LIVES];
        byte forked;                /* set of lives */
        byte known, ended;          /* sets of histories … */
        byte left[EPOCHS];          /* … and the position at which one of those that ended was left */
        byte opened[OPENINGS];      /* 1 + the position at which an opening went on; 0: not in this history */
        byte backup_epoch, backup;  /* newest verified backup; none: epoch 0 */
}

/* What the store says to one request. News are the rows of the log behind the cursor of the request. */
typedef answer {
        bool here;
        byte next;
        bool forked;
        byte epoch, count;
        int log;
        byte common, told;
        byte receipts;              /* set; what they say is in the log */
        byte cursor;
        byte backup_epoch, backup;
}

typedef request {
        bool here;
        byte life, seq;
        short chain;
        byte first, last;           /* the run; first 0: none */
        byte epoch, count;
        int log;
        byte told;
}

medium device[2];
medium image;                       /* a copy of a medium, put back or brought to life as a second machine */
database store;
database copy;                      /* a copy of store.db: backup or snapshot */
answer said[2];
request late;

bool cloned, imaged, copied;
byte entries;                       /* recorded so far: their callers were told so */
byte destroyed;                     /* set: no medium has it any more, only the store's can */
byte lives = 1, epochs = 2, openings = 1; /* next that nobody had */
byte faults;
byte rounds[2];

/* Scratch of one step; not part of a state. */
hidden request asked;
hidden byte i, k, n, e, place, bound, common, first_waiting, seen, sum;
hidden byte on_chain, behind, split, away, lost, found; /* truth values */

#define EVENT()        rounds[0] = 0; rounds[1] = 0
#define FAULT()        faults++; EVENT()
#define MAY_FAIL       (faults < FAULTS)

/* @place: where it stands, 0: nowhere */
inline find_in_lane(lane_, count_, entry_)
{
        place = 0;
        i = 1;
        do
        :: i > count_ || place != 0 -> break
        :: else ->
                if
                :: AT(lane_, i) == entry_ -> place = i
                :: else
                fi;
                i++
        od
}

inline find_in_log(log_, count_, entry_)
{
        place = 0;
        i = 1;
        do
        :: i > count_ || place != 0 -> break
        :: else ->
                if
                :: ENTRY(log_, i) == entry_ -> place = i
                :: else
                fi;
                i++
        od
}

inline set_of(log_, from, count_)
{
        sum = 0;
        i = from + 1;
        do
        :: i > count_ -> break
        :: else -> sum = sum | BIT(ENTRY(log_, i)); i++
        od
}

/* ---- the store ---- */

/* [lies_on_chain] */
inline look_at_chain()
{
        on_chain = asked.count <= store.count && ROWS(store.log, asked.count) == asked.log
}

/* Lowest position at which a history or a later one was left: [epoch_floor]. */
inline floor_of(epoch_)
{
        bound = 255;
        k = epoch_;
        do
        :: k >= EPOCHS -> break
        :: else ->
                if
                :: (store.ended & BIT(k)) && store.left[k] < bound -> bound = store.left[k]
                :: else
                fi;
                k++
        od
}

/* [epoch_look]: @lost, and else @common */
inline look_at_head()
{
        look_at_chain();
        lost = false;
        common = asked.count;
        if
        :: on_chain && asked.epoch == store.epoch
        :: else ->
                if
                :: !(store.known & BIT(asked.epoch)) -> lost = true
                :: else ->
                        if
                        :: !(store.ended & BIT(asked.epoch)) && !on_chain -> lost = true
                        :: (store.ended & BIT(asked.epoch)) && !on_chain ->
                                floor_of(asked.epoch);
                                if
                                :: bound < common -> common = bound
                                :: else
                                fi
                        :: else
                        fi
                fi;
                if
                :: asked.epoch > store.epoch -> lost = true
                :: else
                fi
        fi
}

/* [op_opened_since]: where the database went on after the device was told; @bound */
inline opened_since()
{
        bound = store.count;
        found = false;
        k = asked.told;
        do
        :: k >= OPENINGS || found -> break
        :: else ->
                if
                :: store.opened[k] != 0 -> bound = store.opened[k] - 1; found = true
                :: else
                fi;
                k++
        od;
        k = OPENINGS;
        do /* none since: the newest */
        :: k == 0 || found -> break
        :: else ->
                k--;
                if
                :: store.opened[k] != 0 -> bound = store.opened[k] - 1; found = true
                :: else
                fi
        od
}

/* [epoch_begin] */
inline begin_epoch(left_)
{
        assert(epochs < EPOCHS);
        store.ended = store.ended | BIT(store.epoch);
        store.left[store.epoch] = left_;
        store.epoch = epochs;
        store.known = store.known | BIT(epochs);
        epochs++
}

/* [epoch_lost] */
inline lose_epoch()
{
        if
        :: on_chain -> bound = asked.count
        :: else -> opened_since()
        fi;
        if
        :: asked.count < bound -> bound = asked.count
        :: else
        fi;
        if
        :: asked.epoch == store.epoch -> begin_epoch(bound)
        :: else ->
                store.known = store.known | BIT(asked.epoch);
                store.ended = store.ended | BIT(asked.epoch);
                store.left[asked.epoch] = bound;
                if
                :: asked.epoch > store.epoch -> begin_epoch(store.count)
                :: else
                fi
        fi
}

/* [exchange_take_heads], before anything else of the request is taken */
inline take_head()
{
        common = 0;
#ifndef NO_EPOCH
        if
        :: asked.epoch == 0 /* none was shown to it yet */
        :: else ->
                look_at_head();
                if
                :: lost -> lose_epoch(); look_at_head()
                :: else
                fi;
                if
                :: asked.epoch == store.epoch -> common = 0 /* [exchange_common] */
                :: else
                fi
        fi
#endif
}

/* [judge_take] and the log's row. Nothing takes effect twice, and no number stands for two entries. */
inline take_entry(entry_, number_)
{
        find_in_log(store.log, store.count, entry_);
#ifdef NO_REPEAT_RULE
        place = (number_ < store.next[asked.life] -> place : 0);
#endif
        if
        :: place != 0 /* a repeat [exchange_known]: it gets the receipt that it has */
        :: else ->
                find_in_log(store.log, store.count, entry_);
                assert(place == 0); /* nothing twice */
                k = 1;
                do
                :: k > store.count -> break
                :: else ->
                        assert(store.life[ENTRY(store.log, k)] != asked.life ||
                               store.seq[ENTRY(store.log, k)] != number_); /* one entry under one number */
                        k++
                od;
                store.log = ROW(store.log, store.count, store.epoch, entry_);
                store.count++;
                store.life[entry_] = asked.life;
                store.seq[entry_] = number_
        fi
}

/* [check_overlap]: is what the store has of this run what the run says? @split */
inline check_overlap()
{
        split = false;
#ifndef NO_CHAIN
        n = asked.first;
        do
        :: n > asked.last || n >= store.next[asked.life] || split -> break
        :: else ->
                find_in_log(store.log, store.count, AT(asked.chain, n));
                split = place == 0; /* [recognise] */
                n++
        od;
        if
        :: !split && asked.last + 1 >= store.next[asked.life] ->
                split = FIRST(asked.chain, store.next[asked.life] - 1) != store.chain[asked.life]
        :: else
        fi
#endif
}

/* [take_run] */
inline take_run()
{
        if
        :: store.next[asked.life] == 0 -> store.next[asked.life] = 1
        :: else
        fi;
        if
        :: (store.forked & BIT(asked.life)) || asked.first > store.next[asked.life]
        :: else ->
                check_overlap();
                if
                :: split -> store.forked = store.forked | BIT(asked.life)
                :: else ->
                        n = asked.first;
                        do
                        :: n > asked.last -> break
                        :: else ->
#ifdef NO_CHAIN
                                if /* known by its number */
                                :: n >= store.next[asked.life] -> take_entry(AT(asked.chain, n), n)
                                :: else
                                fi;
#else
                                take_entry(AT(asked.chain, n), n);
#endif
                                if
                                :: n >= store.next[asked.life] ->
                                        store.next[asked.life] = n + 1;
                                        store.chain[asked.life] = FIRST(asked.chain, n)
                                :: else
                                fi;
                                n++
                        od
                fi
        fi
}

/* One request, one transaction: [exchange_commit]. */
inline take_request()
{
        take_head();
        if
        :: asked.first != 0 -> take_run()
        :: else
        fi
}

/* [exchange_answer], of the snapshot behind that transaction, to machine m */
inline answer_to(m)
{
        said[m].here = true;
        said[m].next = (store.next[asked.life] == 0 -> 1 : store.next[asked.life]);
        said[m].forked = (store.forked & BIT(asked.life)) != 0;
#ifndef NO_CHAIN
        if
        :: store.next[asked.life] > 1 && asked.seq + 1 == store.next[asked.life] &&
           asked.chain != store.chain[asked.life] -> said[m].forked = true /* [exchange_has_double] */
        :: else
        fi;
#endif
        said[m].epoch = store.epoch;
        said[m].count = store.count;
        said[m].log = store.log;
        said[m].common = common;
        said[m].told = openings;
        said[m].backup_epoch = store.backup_epoch;
        said[m].backup = store.backup;
        said[m].receipts = 0;
        n = 1;
        do
        :: n > ENTRIES -> break
        :: else ->
                find_in_lane(asked.chain, asked.last, n);
                if
                :: asked.first != 0 && place >= asked.first ->
                        find_in_log(store.log, store.count, n);
                        if
                        :: place != 0 -> said[m].receipts = said[m].receipts | BIT(n)
                        :: else
                        fi
                :: else
                fi;
                n++
        od;
#ifdef NO_CHAIN
        /* an acknowledgement is a number then, and settles whatever has it */
        n = 1;
        do
        :: n >= said[m].next || n > asked.seq -> break
        :: else ->
                said[m].receipts = said[m].receipts | BIT(AT(asked.chain, n));
                n++
        od;
#endif
        /* a cursor of another history begins anew */
        said[m].cursor = (device[m].here_epoch == store.epoch && device[m].here <= store.count ->
                                  device[m].here : 0)
#ifdef NO_EPOCH
        ;
        said[m].cursor = device[m].here
#endif
}

/* ---- the device ---- */

/* [outbox_append]: the caller is told behind this */
inline record_on(m)
{
        entries++;
        device[m].chain = ADD(device[m].chain, device[m].seq, entries);
        device[m].seq++;
        device[m].waiting = device[m].waiting | BIT(entries)
}

inline find_first_waiting(m)
{
        first_waiting = 0;
        n = 1;
        do
        :: n > device[m].seq || first_waiting != 0 -> break
        :: else ->
                if
                :: device[m].waiting & BIT(AT(device[m].chain, n)) -> first_waiting = n
                :: else
                fi;
                n++
        od
}

/* [outbox_draw]: what waits is chained anew under a name that nobody had */
inline draw(m)
{
#ifndef NO_INCARNATION
        assert(lives < LIVES);
        asked.chain = 0;
        asked.seq = 0;
        n = 1;
        do
        :: n > device[m].seq -> break
        :: else ->
                if
                :: device[m].waiting & BIT(AT(device[m].chain, n)) ->
                        asked.chain = ADD(asked.chain, asked.seq, AT(device[m].chain, n));
                        asked.seq++
                :: else
                fi;
                n++
        od;
        device[m].life = lives;
        device[m].chain = asked.chain;
        device[m].seq = asked.seq;
        device[m].next = 1;
        lives++
#else
        skip
#endif
}

/* [session_mend]: rows that the store expects and that are gone are declared, and the rest goes on under another name. */
inline mend(m)
{
        found = false;
        n = device[m].next;
        do
        :: n > device[m].seq || found -> break
        :: else ->
                found = !((device[m].waiting | device[m].settled) & BIT(AT(device[m].chain, n)));
                n++
        od;
        if
        :: found -> draw(m)
        :: else
        fi
}

/* [engine_exchange_request]: hello, and the first run of what waits */
inline ask(m)
{
        mend(m);
        asked.life = device[m].life;
        asked.seq = device[m].seq;
        asked.chain = device[m].chain;
        asked.epoch = device[m].epoch;
        asked.count = device[m].count;
        asked.log = device[m].log;
        asked.told = device[m].told;
        find_first_waiting(m);
        asked.first = first_waiting;
        asked.last = first_waiting;
        do
        :: asked.first == 0 || asked.last == asked.seq ||
           !(device[m].waiting & BIT(AT(asked.chain, asked.last + 1))) -> break
        :: else -> asked.last++
        od;
        rounds[m]++;
        assert(rounds[m] <= ROUNDS) /* done in time, once nothing more happens */
}

/* [outbox_left_get]: lowest position at which the history or a later one was left, as far as this machine knows; 255: not */
inline left_of(m, epoch_)
{
        bound = 255;
        k = epoch_;
        do
        :: k >= EPOCHS -> break
        :: else ->
                if
                :: device[m].left[k] != 0 && device[m].left[k] - 1 < bound ->
                        bound = device[m].left[k] - 1
                :: else
                fi;
                k++
        od
}

inline wait_again(m, entry_)
{
        device[m].settled = device[m].settled & ~BIT(entry_);
        device[m].waiting = device[m].waiting | BIT(entry_);
        device[m].in_epoch[entry_] = 0;
        device[m].at[entry_] = 0
}

/* [take_receipts] */
inline settle(m)
{
        e = 1;
        do
        :: e > ENTRIES -> break
        :: else ->
                if
                :: (said[m].receipts & device[m].waiting) & BIT(e) ->
                        device[m].waiting = device[m].waiting & ~BIT(e);
                        device[m].settled = device[m].settled | BIT(e);
                        find_in_log(said[m].log, said[m].count, e);
                        device[m].in_epoch[e] = (place == 0 -> 0 : EPOCH(said[m].log, place));
                        device[m].at[e] = place
                :: else
                fi;
                e++
        od
}

/* [outbox_offer_gone]: what was settled in the history that ended, and lies beyond; what an older life wrote moves */
inline offer_gone(m)
{
        e = 1;
        do
        :: e > ENTRIES -> break
        :: else ->
                if
                :: device[m].settled & BIT(e) ->
                        left_of(m, device[m].in_epoch[e]);
                        if
                        :: bound < 255 && device[m].at[e] > bound ->
                                wait_again(m, e);
                                find_in_lane(device[m].chain, device[m].seq, e);
                                if
                                :: place == 0 ->
                                        device[m].chain = ADD(device[m].chain, device[m].seq, e);
                                        device[m].seq++
                                :: else
                                fi
                        :: else
                        fi
                :: else
                fi;
                e++
        od
}

/* [take_heads]: @behind the store lacks what it has signed for and does not say so; @away it says so */
inline take_store_head(m)
{
        behind = false;
        away = false;
#ifndef NO_EPOCH
        if
        :: device[m].epoch != 0 && said[m].epoch > device[m].epoch ->
                away = true;
                bound = (said[m].common < device[m].count -> said[m].common : device[m].count);
                k = device[m].epoch;
                if
                :: device[m].left[k] == 0 || device[m].left[k] > bound + 1 ->
                        device[m].left[k] = bound + 1
                :: else
                fi;
                if
                :: said[m].common < device[m].count -> device[m].gone = device[m].gone | BIT(k)
                :: else
                fi
        :: device[m].epoch != 0 && said[m].epoch <= device[m].epoch ->
                behind = said[m].epoch < device[m].epoch || said[m].count < device[m].count ||
                         (said[m].count == device[m].count && said[m].log != device[m].log)
        :: else
        fi;
#endif
        if
        :: !behind ->
                device[m].epoch = said[m].epoch;
                device[m].count = said[m].count;
                device[m].log = said[m].log;
                device[m].told = said[m].told
        :: else
        fi;
        if
        :: away -> offer_gone(m)
        :: else
        fi
}

/* [take_lane]: @split. A settled row that the store expects is known to it under another name of this outbox. */
inline take_lane_word(m)
{
        find_first_waiting(m);
        n = (first_waiting != 0 -> first_waiting - 1 : device[m].seq);
        split = false;
#ifndef NO_CHAIN
        split = said[m].forked || said[m].next > device[m].seq + 1;
#endif
        if
        :: split
        :: else ->
                e = said[m].next;
                do /* [outbox_offer_again] */
                :: e > n || split -> break
                :: else ->
                        if
                        :: device[m].settled & BIT(AT(device[m].chain, e)) ->
#ifdef NO_EPOCH
                                wait_again(m, AT(device[m].chain, e))
#else
                                left_of(m, device[m].in_epoch[AT(device[m].chain, e)]);
                                if
                                :: bound < 255 -> wait_again(m, AT(device[m].chain, e))
                                :: else -> split = true
                                fi
#endif
                        :: else
                        fi;
                        e++
                od;
                if
                :: !split -> device[m].next = said[m].next
                :: else
                fi
        fi
}

/* The transaction over the outbox: [settle_outbox]. */
inline take_answer(m)
{
        settle(m);
        take_store_head(m);
        split = false;
        if
        :: !behind -> take_lane_word(m)
        :: else
        fi
}

/* [follow_history]: the replica learns of another history when it next takes something */
inline follow_history(m)
{
        if
        :: device[m].here_epoch == 0 -> device[m].here_epoch = device[m].epoch
        :: device[m].here_epoch != 0 && device[m].here_epoch != device[m].epoch ->
                left_of(m, device[m].here_epoch);
                found = false; /* anything seen beyond? [min(whole)] */
                k = device[m].here_epoch;
                do
                :: k >= EPOCHS -> break
                :: else -> found = found || (device[m].gone & BIT(k)) != 0; k++
                od;
#ifndef NO_EPOCH
                if
                :: found || bound == 255 ->
                        device[m].here = 0;
                        device[m].doubted = device[m].records
                :: else
                fi;
#endif
                device[m].here_epoch = device[m].epoch
        :: else
        fi
}

/* [apply_records], [apply_feeds], and at the end of all [replica_sweep] */
inline take_news(m)
{
        set_of(said[m].log, said[m].cursor, said[m].count);
        device[m].records = device[m].records | sum;
        device[m].doubted = device[m].doubted & ~sum;
        device[m].here = said[m].count;
        if
        :: device[m].waiting == 0 ->
                device[m].records = device[m].records & ~device[m].doubted;
                device[m].doubted = 0
        :: else
        fi
}

/* The transactions over the replica. A store that lost commits is not believed before it was offered them. */
inline apply(m)
{
        follow_history(m);
        if
        :: !behind && !away -> take_news(m)
        :: else
        fi
}

/* [outbox_prune]: settled, in a verified backup, and not needed for the chain */
inline prune(m)
{
        e = 1;
        do
        :: e > ENTRIES -> break
        :: else ->
                find_in_lane(device[m].chain, device[m].seq, e);
                found = device[m].in_epoch[e] < said[m].backup_epoch ||
                        (device[m].in_epoch[e] == said[m].backup_epoch &&
                         device[m].at[e] <= said[m].backup);
#ifdef PRUNE_ON_RECEIPT
                found = true;
#endif
                if
                :: (device[m].settled & BIT(e)) && found &&
                   (place == 0 || (place != device[m].seq && place + 1 < device[m].next)) ->
                        device[m].settled = device[m].settled & ~BIT(e);
                        device[m].in_epoch[e] = 0;
                        device[m].at[e] = 0
                :: else
                fi;
                e++
        od
}

/* A schedule that polls for ever is left out: a machine asks while it has something to send, or the store has news for it. */
#define WANTS(m)                                                                                   \
        (device[m].waiting != 0 || device[m].epoch != store.epoch ||                               \
         device[m].count != store.count || device[m].log != store.log ||                           \
         device[m].here_epoch != device[m].epoch || device[m].here != device[m].count ||           \
         device[m].doubted != 0)
#define ASKS(m)  (!said[m].here && WANTS(m))
#define QUIET(m) (!said[m].here && !WANTS(m))

/* ---- what must hold whenever nobody has anything left to do ---- */

inline check_machine(m)
{
        e = 1;
        do
        :: e > ENTRIES -> break
        :: else ->
                if /* what the device shows as settled is what the store did */
                :: device[m].settled & BIT(e) ->
                        find_in_log(store.log, store.count, e);
                        assert(place != 0);
                        assert(device[m].in_epoch[e] == EPOCH(store.log, place) && device[m].at[e] == place)
                :: else
                fi;
                e++
        od
#ifndef NO_REPLICA
        ;
        set_of(store.log, 0, store.count);
        assert(device[m].records == sum) /* the replica is the store's */
#endif
}

inline check_ledger()
{
        set_of(store.log, 0, store.count);
        e = 1;
        do
        :: e > entries -> break
        :: else -> assert((sum | destroyed) & BIT(e)); e++
        od;
        check_machine(0);
        if
        :: cloned -> check_machine(1)
        :: else
        fi
}

inline forget_answer(m)
{
        said[m].here = false;
        said[m].next = 0;
        said[m].forked = false;
        said[m].epoch = 0;
        said[m].count = 0;
        said[m].log = 0;
        said[m].common = 0;
        said[m].told = 0;
        said[m].receipts = 0;
        said[m].cursor = 0;
        said[m].backup_epoch = 0;
        said[m].backup = 0
}

/* ---- copies ---- */

inline copy_medium(to, from)
{
        to.life = from.life;
        to.seq = from.seq;
        to.chain = from.chain;
        to.next = from.next;
        to.waiting = from.waiting;
        to.settled = from.settled;
        to.epoch = from.epoch;
        to.count = from.count;
        to.log = from.log;
        to.told = from.told;
        to.gone = from.gone;
        to.here_epoch = from.here_epoch;
        to.here = from.here;
        to.records = from.records;
        to.doubted = from.doubted;
        n = 1;
        do
        :: n > ENTRIES -> break
        :: else -> to.in_epoch[n] = from.in_epoch[n]; to.at[n] = from.at[n]; n++
        od;
        n = 0;
        do
        :: n == EPOCHS -> break
        :: else -> to.left[n] = from.left[n]; n++
        od
}

inline copy_database(to, from)
{
        to.epoch = from.epoch;
        to.count = from.count;
        to.log = from.log;
        to.forked = from.forked;
        to.known = from.known;
        to.ended = from.ended;
        to.backup_epoch = from.backup_epoch;
        to.backup = from.backup;
        n = 1;
        do
        :: n > ENTRIES -> break
        :: else ->
                to.life[n] = from.life[n];
                to.seq[n] = from.seq[n];
                n++
        od;
        n = 0;
        do
        :: n == LIVES -> break
        :: else -> to.next[n] = from.next[n]; to.chain[n] = from.chain[n]; n++
        od;
        n = 0;
        do
        :: n == EPOCHS -> break
        :: else -> to.left[n] = from.left[n]; n++
        od;
        n = 0;
        do
        :: n == OPENINGS -> break
        :: else -> to.opened[n] = from.opened[n]; n++
        od
}

inline keep_late()
{
        late.here = true;
        late.life = asked.life;
        late.seq = asked.seq;
        late.chain = asked.chain;
        late.first = asked.first;
        late.last = asked.last;
        late.epoch = asked.epoch;
        late.count = asked.count;
        late.log = asked.log;
        late.told = asked.told
}

inline bring_late()
{
        asked.life = late.life;
        asked.seq = late.seq;
        asked.chain = late.chain;
        asked.first = late.first;
        asked.last = late.last;
        asked.epoch = late.epoch;
        asked.count = late.count;
        asked.log = late.log;
        asked.told = late.told;
        late.here = false;
        late.life = 0;
        late.seq = 0;
        late.chain = 0;
        late.first = 0;
        late.last = 0;
        late.epoch = 0;
        late.count = 0;
        late.log = 0;
        late.told = 0
}

inline open_store()
{
        assert(openings < OPENINGS);
        store.opened[openings] = store.count + 1; /* [sqlite_mark_opening] */
        openings++
}

/* Which entries are on no medium any more, because a medium was put back? What was pruned is not among them: that is a promise. */
inline note_destroyed(before)
{
        destroyed = destroyed | (before & ~(device[0].waiting | device[0].settled));
        if
        :: cloned -> destroyed = destroyed & ~(device[1].waiting | device[1].settled)
        :: else
        fi
}

inline one_exchange(m)
{
        ask(m);
        take_request();
        answer_to(m)
}

inline one_answer(m)
{
        take_answer(m);
        if
        :: split -> draw(m) /* [begin_new_life] */
        :: else
        fi;
        apply(m)
}

/* Counting ends where nobody has anything to do. */
inline rest()
{
        if
        :: QUIET(0) && (!cloned || QUIET(1)) -> EVENT()
        :: else
        fi
}

#ifdef PRUNE_ON_RECEIPT
#define MAY_PRUNE(m) true
#else
#define MAY_PRUNE(m) (said[m].backup_epoch != 0)
#endif

/* Told when a counterexample is played again: spin -t -T. A list of entries reads from the right, in octal. */
inline tell(m)
{
        printf("; machine %d: life %d, lane %o, waiting %o, settled %o", m, device[m].life,
               device[m].chain, device[m].waiting, device[m].settled);
        printf(", shown (%d: %o); store (%d: %o)\n", device[m].epoch, device[m].log, store.epoch,
               store.log)
}

#define MACHINE(m, lives_here)                                                                     \
        :: d_step { lives_here && ASKS(m) -> one_exchange(m); printf("asks"); tell(m) }                    \
        :: d_step { lives_here && ASKS(m) && MAY_FAIL -> FAULT(); one_exchange(m);                 \
                    forget_answer(m); printf("asks, and does not get the answer"); tell(m) }               \
        :: d_step { lives_here && ASKS(m) && MAY_FAIL && !late.here -> FAULT(); ask(m);            \
                    keep_late(); printf("asks, which may arrive later"); tell(m) }                         \
        :: d_step { lives_here && ASKS(m) && MAY_FAIL && !late.here -> FAULT(); ask(m);            \
                    keep_late(); take_request(); answer_to(m);                                     \
                    printf("asks, which may arrive again"); tell(m) }                                      \
        :: d_step { lives_here && said[m].here -> one_answer(m); forget_answer(m); rest();               \
                    printf("takes the answer"); tell(m) }                                                  \
        :: d_step { lives_here && said[m].here && MAY_PRUNE(m) -> one_answer(m);                   \
                    if :: !behind && !away -> prune(m) :: else fi;                                 \
                    forget_answer(m); rest(); printf("takes the answer and prunes"); tell(m) }                     \
        :: d_step { lives_here && said[m].here && MAY_FAIL -> FAULT(); take_answer(m);             \
                    forget_answer(m); printf("restarts between outbox and replica"); tell(m) }             \
        :: d_step { lives_here && entries < ENTRIES -> EVENT(); record_on(m); printf("records"); tell(m) }

active proctype world()
{
        d_step {
                store.epoch = 1;
                store.known = BIT(1);
                store.opened[0] = 1;
                device[0].next = 1
        }
end:    do
        MACHINE(0, true)
        MACHINE(1, cloned)

        /* the network, later */
        :: d_step { late.here -> EVENT(); bring_late(); take_request(); printf("a late request: store (%d: %o)\n", store.epoch, store.log) }

        /* the store restarts; it is copied, by a snapshot of its disk or by a backup, which devices are told of */
        :: d_step { MAY_FAIL -> FAULT(); open_store(); printf("the store restarts: store (%d: %o)\n", store.epoch, store.log) }
        :: d_step { !copied && MAY_FAIL -> copied = true; copy_database(copy, store); printf("a snapshot: store (%d: %o)\n", store.epoch, store.log) }
        :: d_step { !copied && MAY_FAIL -> EVENT(); copied = true; copy_database(copy, store);
                    store.backup_epoch = store.epoch; store.backup = store.count; printf("a backup: store (%d: %o)\n", store.epoch, store.log) }
        /* the copy is put back and nobody tells the store; or by pannier-store restore [backup_restore] */
        :: d_step { copied && MAY_FAIL -> FAULT(); copy_database(store, copy); open_store();
                    printf("put back by hand: store (%d: %o)\n", store.epoch, store.log) }
        :: d_step { copied && MAY_FAIL -> FAULT(); copy_database(store, copy); open_store();
#ifndef NO_EPOCH
                    begin_epoch(store.count);
#endif
                    printf("restored: store (%d: %o)\n", store.epoch, store.log) }

        /* the first machine's medium is copied; the copy is put back, or brought to life as a second machine */
        :: d_step { !imaged && MAY_FAIL -> imaged = true; copy_medium(image, device[0]); printf("a medium copied: store (%d: %o)\n", store.epoch, store.log) }
        :: d_step { imaged && MAY_FAIL -> FAULT();
                    seen = device[0].waiting | device[0].settled;
                    copy_medium(device[0], image); forget_answer(0); note_destroyed(seen);
                    printf("is put back"); tell(0) }
        :: d_step { imaged && !cloned && MAY_FAIL -> FAULT(); cloned = true;
                    copy_medium(device[1], image); printf("is a clone"); tell(1) }

        :: d_step { QUIET(0) && (!cloned || QUIET(1)) -> check_ledger(); skip }
        od
}
