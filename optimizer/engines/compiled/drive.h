/* When a route is where, and what it costs then.
 *
 * The earliest moment is always the best to go on from, so a route is driven once from its begin. Breaks that are owed are
 * put where the route is over first, by a programme over the set of breaks taken. A begin that can be later makes the day
 * shorter. */
#pragma once

#include <math.h>
#include <stddef.h>
#include "tables.h"

enum { SETS = 16 }; /* of at most four breaks */

typedef struct {
    const Window *from, *until; /* none: any time */
} Hours;

/* What decides when a truck is where. */
typedef struct {
    const Tables *t;
    const Truck *truck;
    const Hours *hours; /* of stops, facilities, breaks: when a visit or break may begin, for this truck beside the others */
} Day;

typedef struct {
    int64_t facility;
    double begin, leave;
} Tip;

/* The first moment from `time` on at which a visit or break may begin; NEVER if none is left. */
static double opens(const Day *day, int64_t what, double time)
{
    const Hours *hours = &day->hours[what];
    if (hours->from == hours->until) {
        return time;
    }
    for (const Window *one = hours->from; one < hours->until; one++) {
        if (time <= one->latest) {
            return fmax(time, one->earliest);
        }
    }
    return NEVER;
}

/* The last moment until `time` at which a visit or break may begin; -NEVER if there was none. */
static double closes(const Day *day, int64_t what, double time)
{
    const Hours *hours = &day->hours[what];
    if (hours->from == hours->until) {
        return time;
    }
    for (const Window *one = hours->until; one > hours->from;) {
        one--;
        if (time >= one->earliest) {
            return fmin(time, one->latest);
        }
    }
    return -NEVER;
}

/* How long a break is, by its number among the truck's. */
static inline double pause(const Day *day, int64_t bit)
{
    return day->t->break_s[day->truck->breaks_from + bit];
}

/* Number of a break's hours. */
static inline int64_t hours_of_break(const Day *day, int64_t bit)
{
    return day->t->stops + day->t->facilities + day->truck->breaks_from + bit;
}

static double last_begin(const Day *day, int64_t bit)
{
    const Hours *hours = &day->hours[hours_of_break(day, bit)];
    return hours->from == hours->until ? NEVER : hours->until[-1].latest;
}

static inline double leg_s(const Day *day, int64_t a, int64_t b)
{
    return seconds(day->t, day->truck->kind, a, b);
}

/* Write a facility for each -1 in `visits`: the cheapest on the way that is open and has room. `given_kg`: tipped at each
 * facility by the other trucks; this one's is added. `hurry`: not the cheapest but the one from which it goes on first, where
 * the cheapest may make it wait for too long. Returns whether each tip has one. */
static bool place_tips(const Day *day, int64_t *visits, int64_t count, double *given_kg, bool hurry)
{
    const Tables *t = day->t;
    const Truck *truck = day->truck;
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
                double at = now + leg_s(day, here, site), from = opens(day, site, at);
                double way = cost(t, truck->kind, here, site) + (from - at) * truck->per_s;
                if (next >= 0) {
                    way += cost(t, truck->kind, site, next);
                }
                if (hurry) {
                    way = from + t->stop[site].service_s + (next >= 0 ? leg_s(day, site, next) : 0.0);
                }
                if (from < NEVER && way < best) {
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
        now = opens(day, node, now + leg_s(day, here, node));
        if (now >= NEVER) {
            return false;
        }
        now += t->stop[node].service_s;
        here = node;
    }
    return true;
}

/* The latest begin from which a route without breaks is still over at `end`. */
static double latest_begin(const Day *day, const int64_t *visits, int64_t count, double end)
{
    double leave = end;
    for (int64_t place = day->truck->tail < 0 ? count - 1 : count; place >= 0; place--) {
        int64_t node = place < count ? visits[place] : day->truck->tail;
        if (place < count) {
            leave = closes(day, node, leave - day->t->stop[node].service_s);
        }
        leave -= leg_s(day, place > 0 ? visits[place - 1] : day->truck->head, node);
    }
    return leave;
}

typedef struct {
    double leave[SETS];  /* earliest, by the set of breaks taken so far */
    int8_t taken[SETS];  /* the break taken last here, -1: it was driven to */
    int64_t pauses;      /* breaks of the best way before going on from here: four bits each, number + 1, the first lowest */
} Rest;

/* Fill `leave` and `taken` of all places. */
static void rests(const Day *day, const int64_t *visits, int64_t count, Rest *rest)
{
    const int64_t breaks = day->truck->breaks_until - day->truck->breaks_from, sets = 1 << breaks;
    const int64_t steps = count + (day->truck->tail >= 0);
    int64_t here = day->truck->head;
    for (int64_t set = 0; set < sets; set++) {
        rest[0].leave[set] = set ? NEVER : day->truck->ready_s;
        rest[0].taken[set] = -1;
    }
    for (int64_t place = 0; place < steps; place++) {
        for (int64_t set = 0; set < sets; set++) { /* a set comes after all it grew from */
            for (int64_t bit = 0; bit < breaks; bit++) {
                int64_t more = set | (int64_t)1 << bit;
                if (more != set && rest[place].leave[set] < NEVER) {
                    double over_s = opens(day, hours_of_break(day, bit), rest[place].leave[set]) + pause(day, bit);
                    if (over_s < rest[place].leave[more]) {
                        rest[place].leave[more] = over_s;
                        rest[place].taken[more] = (int8_t)bit;
                    }
                }
            }
        }
        int64_t node = place < count ? visits[place] : day->truck->tail;
        for (int64_t set = 0; set < sets; set++) {
            double at = rest[place].leave[set];
            if (at < NEVER) {
                at += leg_s(day, here, node);
                if (place < count) {
                    at = opens(day, node, at) + day->t->stop[node].service_s;
                }
            }
            rest[place + 1].leave[set] = fmin(at, NEVER);
            rest[place + 1].taken[set] = -1;
        }
        here = node;
    }
}

/* The earliest end with every owed break taken (NEVER if there is none); `begun_s`: the latest begin for it. Fills `rest`. */
static double with_breaks(const Day *day, const int64_t *visits, int64_t count, Rest *rest, double *begun_s)
{
    const Truck *truck = day->truck;
    const int64_t breaks = truck->breaks_until - truck->breaks_from, sets = 1 << breaks;
    const int64_t steps = count + (truck->tail >= 0);
    double end = NEVER;
    int64_t taken = 0;
    rests(day, visits, count, rest);
    for (int64_t set = 0; set < sets; set++) {
        bool lawful = rest[steps].leave[set] < end;
        for (int64_t bit = 0; bit < breaks; bit++) {
            double last = last_begin(day, bit);
            if (!(set >> bit & 1) && truck->begun_s <= last && last < rest[steps].leave[set]) {
                lawful = false;
            }
        }
        if (lawful) {
            end = rest[steps].leave[set];
            taken = set;
        }
    }
    if (end >= NEVER) {
        return end;
    }
    double at = end;
    rest[steps].pauses = 0;
    for (int64_t place = steps; place > 0 || taken;) {
        int8_t bit = rest[place].taken[taken];
        if (bit >= 0) {
            at = closes(day, hours_of_break(day, bit), at - pause(day, bit));
            rest[place].pauses = rest[place].pauses << 4 | (bit + 1);
            taken ^= (int64_t)1 << bit;
            continue;
        }
        int64_t node = place <= count ? visits[place - 1] : truck->tail;
        if (place <= count) {
            at = closes(day, node, at - day->t->stop[node].service_s);
        }
        at -= leg_s(day, place > 1 ? visits[place - 2] : truck->head, node);
        rest[--place].pauses = 0;
    }
    if (truck->ready_s == truck->begun_s) {
        *begun_s = fmax(truck->begun_s, at);
    }
    return end;
}

/* Write when a route that begins at `now` is at the facilities whose docks are counted; return how often. `rest`: NULL
 * if it owes no break. */
static int64_t dock_times(const Day *day, const int64_t *visits, int64_t count, double now, const Rest *rest, Tip *tips)
{
    const Tables *t = day->t;
    int64_t here = day->truck->head, found = 0;
    for (int64_t place = 0; place < count; place++) {
        for (int64_t pauses = rest ? rest[place].pauses : 0; pauses; pauses >>= 4) {
            now = opens(day, hours_of_break(day, (pauses & 15) - 1), now) + pause(day, (pauses & 15) - 1);
        }
        int64_t node = visits[place], facility = node - t->stops;
        now = opens(day, node, now + leg_s(day, here, node));
        double leave = now + t->stop[node].service_s;
        if (facility >= 0 && t->docks[facility] >= 0) {
            tips[found++] = (Tip){facility, now, leave};
        }
        now = leave;
        here = node;
    }
    return found;
}

/* Cost of a route with its facilities written in; NEVER if some window, break or limit cannot be kept.
 * rest: room for count + 2 places. tips: what `dock_times` writes, and how many in found; not looked at if no docks count. */
static double driven(const Day *day, const int64_t *visits, int64_t count, Rest *rest, Tip *tips, int64_t *found)
{
    const Tables *t = day->t;
    const Truck *truck = day->truck;
    int64_t here = truck->head;
    double now = truck->ready_s, chain = 0.0, work = 0.0, begun_s = truck->begun_s;
    for (int64_t place = 0; place < count; place++) {
        int64_t node = visits[place];
        double way_s = leg_s(day, here, node);
        chain += cost(t, truck->kind, here, node);
        now = opens(day, node, now + way_s);
        if (now >= NEVER) {
            return NEVER;
        }
        now += t->stop[node].service_s;
        work += way_s + t->stop[node].service_s;
        here = node;
    }
    if (truck->tail >= 0) {
        double way_s = leg_s(day, here, truck->tail);
        chain += cost(t, truck->kind, here, truck->tail);
        now += way_s;
        work += way_s;
    }
    if (now > truck->latest_s + truck->overtime_s) {
        return NEVER;
    }
    bool owed = false, day_counts = truck->per_s > 0 || truck->longest_s < NEVER || t->docked;
    for (int64_t bit = 0; bit < truck->breaks_until - truck->breaks_from; bit++) {
        double last = last_begin(day, bit);
        owed = owed || (begun_s <= last && last < now);
    }
    if (owed) {
        now = with_breaks(day, visits, count, rest, &begun_s);
        if (now > truck->latest_s + truck->overtime_s) {
            return NEVER;
        }
    } else if (day_counts && now - begun_s - work > 1e-6 && truck->ready_s == begun_s) {
        begun_s = fmax(begun_s, latest_begin(day, visits, count, now));
    }
    double overtime_s = fmax(0.0, fmax(now - truck->latest_s, now - begun_s - truck->longest_s));
    if (overtime_s > truck->overtime_s) {
        return NEVER;
    }
    if (t->docked) {
        double from_s = truck->ready_s == truck->begun_s ? begun_s : truck->ready_s;
        *found = dock_times(day, visits, count, from_s, owed ? rest : NULL, tips);
    }
    return chain + (now - begun_s - work) * truck->per_s + overtime_s * truck->per_overtime_s;
}
