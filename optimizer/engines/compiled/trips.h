/* Trips of one route: where its tips cost least, and what one more stop costs then, each in linear time.
 *
 * A route is a row of nodes: place 0 is behind the truck's head, then come its stops. A *trip* is a run of stops between
 * two tips; place 0, with what is on board, belongs to the first one. */
#pragma once

#include <math.h>
#include "tables.h"

typedef struct {
    int64_t node;
    int64_t first;  /* the place a where the trip of `going` begins */
    double chain;   /* cost of the legs from place 0 to here without any tip */
    double leg;     /* cost of the leg to here */
    double tipped;  /* the same over the best facility */
    double fresh;   /* least cost of being here right after a tip */
    double going;   /* least of fresh[a] - chain[a] over all trips a … here that fit: + chain is the cost of being here */
    double after;   /* least cost of all that follows when a trip ends here */
    double rest;    /* least cost of all that follows a tip right before here */
    double kg, litres; /* collected from 0 to here, what was on board included */
} Place;

static inline int64_t class_at(const Tables *t, const Truck *truck, const Place *row, int64_t place)
{
    return place == 0 ? truck->loaded : t->stop[row[place].node].class;
}

/* Whether a load of a class may lie beside what was collected at a place. */
static inline bool joins(const Tables *t, const Truck *truck, const Place *row, int64_t place, int64_t class)
{
    if (place > 0) {
        return t->stop[row[place].node].class == class;
    }
    if (truck->loaded < 0 || truck->loaded == class) {
        return true;
    }
    const Class *on_board = &t->class[truck->loaded], *new = &t->class[class];
    return on_board->material == new->material && (on_board->mask & new->mask) == new->mask;
}

/* Cost from a node to the route's end, with a tip before it where there must be one. */
static double to_end(const Tables *t, const Truck *truck, int64_t class, int64_t node)
{
    if (class < 0 || !truck->empties) {
        return truck->tail < 0 ? 0.0 : cost(t, truck->kind, node, truck->tail);
    }
    if (truck->tail >= 0) {
        return over(t, truck->kind, class, node, truck->tail);
    }
    double best = NEVER;
    for (int64_t facility = 0; facility < t->facilities; facility++) {
        if (t->class[class].mask >> facility & 1) {
            best = fmin(best, cost(t, truck->kind, node, t->stops + facility));
        }
    }
    return best;
}

static inline bool fits(const Truck *truck, const Place *row, int64_t a, int64_t b)
{
    double kg = a > 0 ? row[a - 1].kg : 0.0, litres = a > 0 ? row[a - 1].litres : 0.0;
    return row[b].kg - kg <= truck->most_kg && row[b].litres - litres <= truck->most_l;
}

/* The least of a window that moves on is kept in a queue, cheapest first, in which each later place is dearer but stays in
 * longer: linear time. Values forwards: a trip's begin, less the legs before it; backwards: its end, with the legs to it. */
typedef struct {
    int64_t *place, head, tail;
} Queue;

static inline double begun(const Place *place)
{
    return place->fresh - place->chain;
}

static inline double ended(const Place *place)
{
    return place->chain + place->after;
}

static inline void push(Queue *queue, const Place *row, int64_t place, double (*value)(const Place *))
{
    double own = value(&row[place]);
    while (queue->head < queue->tail && value(&row[queue->place[queue->tail - 1]]) >= own) {
        queue->tail--;
    }
    queue->place[queue->tail++] = place;
}

/* Fill everything but after and rest, from a place (not 0) on: those before it are filled. Return the cost of the whole
 * route, NEVER or more if it cannot be. room: for length + 1 places. */
API double forwards(const Tables *t, int64_t k, Place *row, int64_t length, int64_t *room, int64_t from)
{
    const Truck *truck = &t->truck[k];
    if (from == 1) {
        row[0].first = 0;
        row[0].leg = row[0].tipped = row[0].chain = row[0].fresh = row[0].going = 0.0;
        row[0].kg = truck->loaded_kg;
        row[0].litres = truck->loaded_l;
    }
    int64_t begin = from - 1, class = class_at(t, truck, row, begin);
    while (begin > 0 && joins(t, truck, row, begin - 1, class_at(t, truck, row, begin)) &&
           fits(truck, row, begin - 1, from - 1)) {
        begin--;
    }
    Queue queue = {room, 0, 0};
    for (int64_t place = begin; place < from; place++) {
        push(&queue, row, place, begun);
    }
    for (int64_t i = from; i <= length; i++) {
        const Place *before = &row[i - 1];
        Place *here = &row[i];
        const Stop *stop = &t->stop[here->node];
        here->leg = cost(t, truck->kind, before->node, here->node);
        here->tipped = over(t, truck->kind, class, before->node, here->node);
        here->chain = before->chain + here->leg;
        here->fresh = before->going + before->chain + here->tipped;
        here->kg = before->kg + stop->kg;
        here->litres = before->litres + stop->litres;
        class = stop->class;
        if (!joins(t, truck, row, i - 1, class)) {
            begin = i;
        }
        while (begin < i && !fits(truck, row, begin, i)) {
            begin++;
        }
        while (queue.head < queue.tail && queue.place[queue.head] < begin) {
            queue.head++;
        }
        push(&queue, row, i, begun);
        here->first = queue.place[queue.head];
        here->going = begun(&row[here->first]);
    }
    const Place *last = &row[length];
    return last->going + last->chain + to_end(t, truck, class, last->node);
}

/* Fill after and rest, behind `forwards`, from a place back: those behind it are filled. */
API void backwards(const Tables *t, int64_t k, Place *row, int64_t length, int64_t *room, int64_t from)
{
    const Truck *truck = &t->truck[k];
    if (from >= length) {
        row[length].after = row[length].rest = to_end(t, truck, class_at(t, truck, row, length), row[length].node);
        from = length - 1;
    }
    int64_t until = from + 1, class = class_at(t, truck, row, until);
    while (until < length && joins(t, truck, row, until, class_at(t, truck, row, until + 1)) &&
           fits(truck, row, from + 1, until + 1)) {
        until++;
    }
    Queue queue = {room, 0, 0};
    for (int64_t place = until; place > from; place--) {
        push(&queue, row, place, ended);
    }
    for (int64_t i = from; i >= 0; i--) {
        const Place *behind = &row[i + 1];
        Place *here = &row[i];
        here->after = behind->tipped + behind->rest;
        if (!joins(t, truck, row, i, class)) {
            until = i;
        }
        class = class_at(t, truck, row, i);
        while (until > i && !fits(truck, row, i, until)) {
            until--;
        }
        while (queue.head < queue.tail && queue.place[queue.head] > until) {
            queue.head++;
        }
        push(&queue, row, i, ended);
        here->rest = ended(&row[queue.place[queue.head]]) - here->chain;
    }
}

/* Least cost of the route with one more stop behind a place, its tips placed anew. */
API double with_one_more(const Tables *t, int64_t k, const Place *row, int64_t length, int64_t place, int64_t new)
{
    const Truck *truck = &t->truck[k];
    const Stop *stop = &t->stop[new];
    const int64_t kind = truck->kind, class = stop->class;
    const Place *before = &row[place];
    double into = beside(t, kind, new, before->node)->from, out = 0.0;
    double right; /* what follows if a tip, or the end, is next */
    if (place == length) {
        right = to_end(t, truck, class, new);
    } else {
        const Place *behind = &row[place + 1];
        const Beside *onward = beside(t, kind, new, behind->node);
        out = onward->to - behind->chain;
        right = onward->to_over + behind->rest;
    }
    double alone =
        before->going + before->chain + over_to_stop(t, kind, class_at(t, truck, row, place), before->node, new);
    /* The trip a … place, new, place+1 … b: the longer it is on the left, the shorter on the right. */
    int64_t a = place + 1, b = place;
    double kg = stop->kg, litres = stop->litres;
    while (a > 0 && joins(t, truck, row, a - 1, class)) {
        double more_kg = a > 1 ? t->stop[row[a - 1].node].kg : truck->loaded_kg;
        double more_l = a > 1 ? t->stop[row[a - 1].node].litres : truck->loaded_l;
        if (kg + more_kg > truck->most_kg || litres + more_l > truck->most_l) {
            break;
        }
        kg += more_kg;
        litres += more_l;
        a--;
    }
    double best = NEVER;
    for (;; a++) {
        while (b < length && t->stop[row[b + 1].node].class == class &&
               kg + row[b + 1].kg - before->kg <= truck->most_kg &&
               litres + row[b + 1].litres - before->litres <= truck->most_l) {
            b++;
            right = fmin(right, out + row[b].chain + row[b].after);
        }
        if (a > place) {
            return fmin(best, alone + right);
        }
        best = fmin(best, row[a].fresh - row[a].chain + before->chain + into + right);
        kg -= a > 0 ? t->stop[row[a].node].kg : truck->loaded_kg;
        litres -= a > 0 ? t->stop[row[a].node].litres : truck->loaded_l;
    }
}

/* Write the route's nodes behind `forwards`, -1 for each tip; return how many. */
static int64_t written(const Tables *t, int64_t k, const Place *row, int64_t length, int64_t *visits)
{
    const Truck *truck = &t->truck[k];
    int64_t count = 0, end = length;
    if (class_at(t, truck, row, length) >= 0 && truck->empties) {
        visits[count++] = -1;
    }
    for (;;) {
        int64_t begin = row[end].first;
        for (int64_t place = end; place >= begin && place > 0; place--) {
            visits[count++] = row[place].node;
        }
        if (begin == 0) {
            break;
        }
        visits[count++] = -1;
        end = begin - 1;
    }
    for (int64_t i = 0; i < count / 2; i++) {
        int64_t other = visits[i];
        visits[i] = visits[count - 1 - i];
        visits[count - 1 - i] = other;
    }
    return count;
}
