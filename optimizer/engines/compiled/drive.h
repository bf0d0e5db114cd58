/* When a route is where, and what it costs then.
 *
 * The earliest moment is always the best to go on from, so a route is driven once from its begin. Breaks that are owed are
 * put where the route is over first, by a programme over the set of breaks taken. A begin that can be later makes the day
 * shorter. */
#pragma once

#include <math.h>
#include "tables.h"

enum { SETS = 16 }; /* of at most four breaks */

/* The first moment from `time` on at which a visit or break may begin; NEVER if none is left. */
static double opens(const Tables *t, int64_t hours, double time)
{
    int64_t begin = t->window_from[hours], end = t->window_from[hours + 1];
    if (begin == end) {
        return time;
    }
    for (; begin < end; begin++) {
        if (time <= t->window[begin].latest) {
            return fmax(time, t->window[begin].earliest);
        }
    }
    return NEVER;
}

/* The last moment until `time` at which a visit or break may begin; -NEVER if there was none. */
static double closes(const Tables *t, int64_t hours, double time)
{
    int64_t begin = t->window_from[hours], end = t->window_from[hours + 1];
    if (begin == end) {
        return time;
    }
    while (--end >= begin) {
        if (time >= t->window[end].earliest) {
            return fmin(time, t->window[end].latest);
        }
    }
    return -NEVER;
}

static inline int64_t hours_of_break(const Tables *t, const Truck *truck, int64_t bit)
{
    return t->stops + t->facilities + truck->breaks_from + bit;
}

static double last_begin(const Tables *t, const Truck *truck, int64_t bit)
{
    int64_t hours = hours_of_break(t, truck, bit);
    int64_t begin = t->window_from[hours], end = t->window_from[hours + 1];
    return begin == end ? NEVER : t->window[end - 1].latest;
}

/* Write a facility for each -1 in `visits`: the cheapest on the way that is open and has room. `given_kg`: tipped at each
 * facility by the other trucks; this one's is added. Returns whether each tip has one. */
static bool place_tips(const Tables *t, const Truck *truck, int64_t *visits, int64_t count, double *given_kg)
{
    int64_t here = truck->head, class = truck->loaded;
    double now = truck->ready_s, kg = truck->loaded_kg;
    for (int64_t place = 0; place < count; place++) {
        int64_t node = visits[place];
        if (node >= 0) {
            kg += t->stop[node].kg;
            class = t->stop[node].class;
        } else {
            int64_t next = place + 1 < count ? visits[place + 1] : truck->tail, found = -1;
            double best = NEVER;
            for (int64_t facility = 0; class >= 0 && facility < t->facilities; facility++) {
                int64_t site = t->stops + facility;
                if (!(t->class[class].mask >> facility & 1) ||
                    (t->limited && given_kg[facility] + kg > t->remaining_kg[facility])) {
                    continue;
                }
                double at = now + seconds(t, truck->kind, here, site), wait = opens(t, site, at) - at;
                double way = cost(t, truck->kind, here, site) + wait * truck->per_s;
                if (next >= 0) {
                    way += cost(t, truck->kind, site, next);
                }
                if (wait < NEVER / 2 && way < best) {
                    best = way;
                    found = facility;
                }
            }
            if (found < 0) {
                return false;
            }
            node = visits[place] = t->stops + found;
            given_kg[found] += kg;
            kg = 0.0;
            class = -1;
        }
        now = opens(t, node, now + seconds(t, truck->kind, here, node));
        if (now >= NEVER) {
            return false;
        }
        now += t->stop[node].service_s;
        here = node;
    }
    return true;
}

/* The latest begin from which a route without breaks is still over at `end`. */
static double latest_begin(const Tables *t, const Truck *truck, const int64_t *visits, int64_t count, double end)
{
    double leave = end;
    for (int64_t place = truck->tail < 0 ? count - 1 : count; place >= 0; place--) {
        int64_t node = place < count ? visits[place] : truck->tail;
        if (place < count) {
            leave = closes(t, node, leave - t->stop[node].service_s);
        }
        leave -= seconds(t, truck->kind, place > 0 ? visits[place - 1] : truck->head, node);
    }
    return leave;
}

typedef struct {
    double leave[SETS];  /* earliest, by the set of breaks taken so far */
    int8_t taken[SETS];  /* the break taken last here, -1: it was driven to */
} Rest;

/* The earliest end with every owed break taken (NEVER if there is none); `begun_s`: the latest begin for it. */
static double with_breaks(const Tables *t, const Truck *truck, const int64_t *visits, int64_t count, bool begin_later,
                          Rest *rest, double *begun_s)
{
    const int64_t breaks = truck->breaks_until - truck->breaks_from, sets = 1 << breaks;
    const int64_t steps = count + (truck->tail >= 0);
    int64_t here = truck->head, taken = 0;
    for (int64_t set = 0; set < sets; set++) {
        rest[0].leave[set] = set ? NEVER : truck->ready_s;
        rest[0].taken[set] = -1;
    }
    for (int64_t place = 0; place < steps; place++) {
        for (int64_t set = 0; set < sets; set++) { /* a set comes after all it grew from */
            for (int64_t bit = 0; bit < breaks; bit++) {
                int64_t more = set | (int64_t)1 << bit;
                if (more != set && rest[place].leave[set] < NEVER) {
                    double over_s = opens(t, hours_of_break(t, truck, bit), rest[place].leave[set]) +
                                    t->break_s[truck->breaks_from + bit];
                    if (over_s < rest[place].leave[more]) {
                        rest[place].leave[more] = over_s;
                        rest[place].taken[more] = (int8_t)bit;
                    }
                }
            }
        }
        int64_t node = place < count ? visits[place] : truck->tail;
        for (int64_t set = 0; set < sets; set++) {
            double at = rest[place].leave[set];
            if (at < NEVER) {
                at += seconds(t, truck->kind, here, node);
                if (place < count) {
                    at = opens(t, node, at) + t->stop[node].service_s;
                }
            }
            rest[place + 1].leave[set] = fmin(at, NEVER);
            rest[place + 1].taken[set] = -1;
        }
        here = node;
    }
    double end = NEVER;
    for (int64_t set = 0; set < sets; set++) {
        bool lawful = rest[steps].leave[set] < end;
        for (int64_t bit = 0; bit < breaks; bit++) {
            double last = last_begin(t, truck, bit);
            if (!(set >> bit & 1) && truck->begun_s <= last && last < rest[steps].leave[set]) {
                lawful = false;
            }
        }
        if (lawful) {
            end = rest[steps].leave[set];
            taken = set;
        }
    }
    *begun_s = truck->begun_s;
    if (end >= NEVER || !begin_later || truck->ready_s != truck->begun_s) {
        return end;
    }
    double at = end;
    for (int64_t place = steps; place > 0 || taken;) {
        int8_t bit = rest[place].taken[taken];
        if (bit >= 0) {
            at = closes(t, hours_of_break(t, truck, bit), at - t->break_s[truck->breaks_from + bit]);
            taken ^= (int64_t)1 << bit;
            continue;
        }
        int64_t node = place <= count ? visits[place - 1] : truck->tail;
        if (place <= count) {
            at = closes(t, node, at - t->stop[node].service_s);
        }
        at -= seconds(t, truck->kind, place > 1 ? visits[place - 2] : truck->head, node);
        place--;
    }
    *begun_s = fmax(truck->begun_s, at);
    return end;
}

/* Cost of a route with its facilities written in; NEVER if some window, break or limit cannot be kept.
 * rest: room for count + 2 places. */
static double driven(const Tables *t, const Truck *truck, const int64_t *visits, int64_t count, Rest *rest)
{
    int64_t here = truck->head;
    double now = truck->ready_s, chain = 0.0, work = 0.0, begun_s = truck->begun_s;
    for (int64_t place = 0; place < count; place++) {
        int64_t node = visits[place];
        double leg_s = seconds(t, truck->kind, here, node);
        chain += cost(t, truck->kind, here, node);
        now = opens(t, node, now + leg_s);
        if (now >= NEVER) {
            return NEVER;
        }
        now += t->stop[node].service_s;
        work += leg_s + t->stop[node].service_s;
        here = node;
    }
    if (truck->tail >= 0) {
        double leg_s = seconds(t, truck->kind, here, truck->tail);
        chain += cost(t, truck->kind, here, truck->tail);
        now += leg_s;
        work += leg_s;
    }
    if (now > truck->latest_s + truck->overtime_s) {
        return NEVER;
    }
    bool owed = false, day_counts = truck->per_s > 0 || truck->longest_s < NEVER;
    for (int64_t bit = 0; bit < truck->breaks_until - truck->breaks_from; bit++) {
        double last = last_begin(t, truck, bit);
        owed = owed || (begun_s <= last && last < now);
    }
    if (owed) {
        now = with_breaks(t, truck, visits, count, day_counts, rest, &begun_s);
        if (now > truck->latest_s + truck->overtime_s) {
            return NEVER;
        }
    } else if (day_counts && now - begun_s - work > 1e-6 && truck->ready_s == begun_s) {
        begun_s = fmax(begun_s, latest_begin(t, truck, visits, count, now));
    }
    double overtime_s = fmax(0.0, fmax(now - truck->latest_s, now - begun_s - truck->longest_s));
    if (overtime_s > truck->overtime_s) {
        return NEVER;
    }
    return chain + (now - begun_s - work) * truck->per_s + overtime_s * truck->per_overtime_s;
}
