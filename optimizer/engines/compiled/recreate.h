/* Each stop back in where it costs least. */
#pragma once

#include "state.h"

enum { MOST_TRIES = 12 }; /* routes judged with a stop before it is left out: it will be its turn again */
enum { MOST_OF_TRUCK = 3 }; /* of one truck's, which may have no time left; an unused truck is tried in any case */
enum { MOST_TODO = 40 };  /* stops put in at most in one step: where much has to stay out, some of it is tried each time */
#define OVERLOOKED 0.01   /* of the places for a stop, so many are overlooked by chance */

/* Whether an unused truck before this one differs in nothing but its name. */
static bool has_idle_twin(const Tables *t, const State *s, int64_t k)
{
    for (int64_t other = t->truck[k].alike; other < k; other++) {
        if (t->truck[other].alike == t->truck[k].alike && route_of(s, other)->length == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a truck could take a stop, as far as no other stop's place matters. */
static bool may_take(const Tables *t, const State *s, int64_t k, int64_t stop)
{
    const Truck *truck = &t->truck[k];
    int64_t length = route_of(s, k)->length;
    return truck->usable && t->serve[k * t->stops + stop] < NEVER && length < truck->room_stops &&
           row_of(t, s, k)[length].kg - truck->loaded_kg + t->stop[stop].kg <= truck->room_kg;
}

/* What a stop between two others adds at least, tips between them or not, where ways round are no shorter. */
static double least(const Tables *t, const Truck *truck, const Place *row, int64_t length, int64_t place, int64_t new)
{
    const Beside *before = beside(t, truck->kind, new, row[place].node);
    int64_t class_before = class_at(t, truck, row, place);
    if (place == length) {
        double end = to_end(t, truck, t->stop[new].class, new);
        if (length == 0 && !truck->obliged) {
            return before->from + end + truck->fixed;
        }
        double early = over_to_stop(t, truck->kind, class_before, row[place].node, new);
        return fmin(before->from, early) + end - row[place].after;
    }
    const Beside *behind = beside(t, truck->kind, new, row[place + 1].node);
    double direct = before->from + behind->to - row[place + 1].leg;
    if (class_before < 0) {
        return direct;
    }
    double early = over_to_stop(t, truck->kind, class_before, row[place].node, new);
    double late = fmin(before->from + behind->to_over, early + behind->to) - row[place + 1].tipped;
    return fmin(direct, late);
}

static int64_t add_way(const Tables *t, State *s, int64_t k, int64_t place, int64_t stop, int64_t count)
{
    if (s->looked[k * t->width + place] == s->looks) {
        return count;
    }
    s->looked[k * t->width + place] = s->looks;
    double bound = least(t, &t->truck[k], row_of(t, s, k), route_of(s, k)->length, place, stop);
    s->way[count] = (Way){k, place, bound + t->serve[k * t->stops + stop], false};
    return count + 1;
}

/* Find all places worth a look, each once: beside neighbours, behind heads, before ends. */
static int64_t find_ways(const Tables *t, State *s, int64_t stop)
{
    int64_t count = 0;
    s->looks++;
    for (int64_t number = 0; number < s->beside && number < t->near; number++) {
        int64_t other = t->neighbour[stop * t->near + number];
        if (other < 0) {
            break;
        }
        Where at = s->where[other];
        if (at.truck >= 0 && may_take(t, s, at.truck, stop)) {
            count = add_way(t, s, at.truck, at.place, stop, count);
            count = add_way(t, s, at.truck, at.place - 1, stop, count);
        }
    }
    for (int64_t k = 0; k < t->trucks; k++) {
        int64_t length = route_of(s, k)->length;
        if (may_take(t, s, k, stop) && !(length == 0 && has_idle_twin(t, s, k))) {
            count = add_way(t, s, k, 0, stop, count);
            count = add_way(t, s, k, length, stop, count);
        }
    }
    return count;
}

/* Write truck k's row with a stop behind a place into `trial`. */
static void put(const Tables *t, State *s, int64_t k, int64_t place, int64_t stop)
{
    const Place *row = row_of(t, s, k);
    int64_t length = route_of(s, k)->length;
    memcpy(s->trial, row, (size_t)(place + 1) * sizeof *row);
    memcpy(s->trial + place + 2, row + place + 1, (size_t)(length - place) * sizeof *row);
    s->trial[place + 1].node = stop;
    s->trial_from = s->trial_until = place + 1;
}

/* Let the way at `place` sink in a heap with the lowest bound on top. */
static void sink(Way *heap, int64_t count, int64_t place)
{
    Way way = heap[place];
    for (int64_t child = 2 * place + 1; child < count; child = 2 * place + 1) {
        if (child + 1 < count && heap[child + 1].bound < heap[child].bound) {
            child++;
        }
        if (heap[child].bound >= way.bound) {
            break;
        }
        heap[place] = heap[child];
        place = child;
    }
    heap[place] = way;
}

typedef struct {
    Way way;      /* truck -1: none */
    double total; /* cost of the route */
    double adds;  /* what putting the stop there costs; others are of interest below that */
} Found;

/* Judge the route with the stop there; keep it if it is the best so far. Returns whether it holds. */
static bool try_way(const Tables *t, State *s, int64_t stop, Way way, Found *best)
{
    const Route *route = route_of(s, way.truck);
    put(t, s, way.truck, way.place, stop);
    double total = judge_trial(t, s, way.truck, route->length + 1);
    double adds = total + t->serve[way.truck * t->stops + stop] - route->cost;
    if (total < NEVER && adds < best->adds) {
        *best = (Found){way, total, adds};
    }
    return total < NEVER;
}

/* How many tries of a truck in this look around did not hold. */
static int64_t *failures(State *s, int64_t k)
{
    Failed *failed = &s->failed[k];
    if (failed->look != s->looks) {
        *failed = (Failed){s->looks, 0};
    }
    return &failed->count;
}

/* Put a stop where it costs least, if it is worth that. The place with the lowest bound is looked at first and gets a
 * better one, until the lowest is a cost that holds. */
static void insert(const Tables *t, State *s, int64_t stop)
{
    Found best = {{-1, 0, NEVER, false}, 0.0, t->stop[stop].price};
    int64_t count = find_ways(t, s, stop);
    Way tried = best.way, *heap = s->way;
    for (int64_t place = count / 2 - 1; place >= 0; place--) {
        sink(heap, count, place);
    }
    for (int tries = 0; count > 0 && tries < MOST_TRIES && heap[0].bound < best.adds;) {
        Way way = heap[0];
        if (!way.known && chance(s) >= OVERLOOKED) {
            const Route *route = route_of(s, way.truck);
            heap[0].known = true;
            heap[0].bound = with_one_more(t, way.truck, row_of(t, s, way.truck), route->length, way.place, stop) +
                            t->truck[way.truck].fixed + t->serve[way.truck * t->stops + stop] - route->cost;
            sink(heap, count, 0);
            continue;
        }
        heap[0] = heap[--count];
        sink(heap, count, 0);
        if (way.known && *failures(s, way.truck) < MOST_OF_TRUCK) {
            *failures(s, way.truck) += !try_way(t, s, stop, way, &best);
            tried = way;
            tries++;
        }
    }
    for (int64_t number = 0; best.way.truck < 0 && number < count; number++) {
        if (route_of(s, heap[number].truck)->length == 0 && heap[number].bound < best.adds) {
            tried = heap[number];
            try_way(t, s, stop, tried, &best);
        }
    }
    int64_t k = best.way.truck;
    if (k >= 0) {
        touch(t, s, k);
        if (tried.truck != k || tried.place != best.way.place) {
            try_way(t, s, stop, best.way, &(Found){best.way, 0.0, NEVER});
        }
        take_trial(t, s, k, route_of(s, k)->length + 1, best.total);
    }
}

/* Orders in which stops are put back, with the chances of the source: any, heavy first, far first, near first. */
static void put_in_order(const Tables *t, State *s, int64_t count, double dice)
{
    int64_t depot = t->truck[0].head;
    for (int64_t i = 0; i < count; i++) {
        int64_t stop = s->todo[i];
        if (dice < 4.0 / 11.0) {
            s->order[i] = chance(s);
        } else if (dice < 8.0 / 11.0) {
            s->order[i] = -t->stop[stop].kg;
        } else if (dice < 10.0 / 11.0) {
            s->order[i] = -cost(t, 0, depot, stop);
        } else {
            s->order[i] = cost(t, 0, depot, stop);
        }
    }
    for (int64_t i = 1; i < count; i++) { /* few: insertion sort */
        double key = s->order[i];
        int64_t stop = s->todo[i], j = i;
        for (; j > 0 && s->order[j - 1] > key; j--) {
            s->order[j] = s->order[j - 1];
            s->todo[j] = s->todo[j - 1];
        }
        s->order[j] = key;
        s->todo[j] = stop;
    }
}

/* Put stops that are left out back in, at most so many. */
static void recreate(const Tables *t, State *s, int64_t most, double dice)
{
    int64_t count = 0;
    for (int64_t stop = 0; stop < t->stops; stop++) {
        if (s->where[stop].truck == LEFT_OUT) {
            s->todo[count++] = stop;
        }
    }
    if (count > most) {
        for (int64_t i = 0; i < most; i++) {
            int64_t j = i + below(s, count - i), stop = s->todo[i];
            s->todo[i] = s->todo[j];
            s->todo[j] = stop;
        }
        count = most;
    }
    put_in_order(t, s, count, dice);
    for (int64_t i = 0; i < count; i++) {
        insert(t, s, s->todo[i]);
    }
}
