/**
 * What the page knows: one map of things for each kind, kept equal to the gateway's by a snapshot and deltas.
 * Views read `table.version` to be drawn again; the maps themselves are changed in place, so 20,000 bins cost
 * what has changed, not what there is.
 */

import { batch, type Signal, signal } from "@preact/signals";
import type { Change, ClockReading, Delta, Kind, Kinds, Snapshot } from "../contract.ts";

export class Table<T> {
  readonly items = new Map<string, T>();
  readonly version: Signal<number> = signal(0);
  /** Ids changed since `takeChanged`; null = everything. */
  #changed: Set<string> | null = null;

  get(id: string | null | undefined): T | undefined {
    return id === null || id === undefined ? undefined : this.items.get(id);
  }

  /** All things, and a subscription to their changes. */
  all(): T[] {
    this.version.value;
    return [...this.items.values()];
  }

  replace(entries: Iterable<[string, T]>): void {
    this.items.clear();
    for (const [id, value] of entries) this.items.set(id, value);
    this.#changed = null;
    this.version.value++;
  }

  put(id: string, value: T | null): void {
    if (value === null) this.items.delete(id);
    else this.items.set(id, value);
    this.#changed?.add(id);
    this.version.value++;
  }

  /** What changed since the last call, for the one view that draws differences (the map). */
  takeChanged(): Set<string> | null {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }
}

/** The things of a table by what they are about, made anew when one is asked for after a change. */
export class Grouped<T> {
  readonly #table: Table<T>;
  readonly #of: (value: T) => string;
  #groups = new Map<string, T[]>();
  #made = -1;

  constructor(table: Table<T>, of: (value: T) => string) {
    this.#table = table;
    this.#of = of;
  }

  /** What is about `key`, in the table's order. No subscription: whoever draws it reads the table's version. */
  get(key: string): readonly T[] {
    if (this.#made !== this.#table.version.peek()) {
      this.#groups = Map.groupBy(this.#table.items.values(), this.#of);
      this.#made = this.#table.version.peek();
    }
    return this.#groups.get(key) ?? [];
  }
}

type Tables = { [K in Kind]: Table<Kinds[K]> };

const SNAPSHOT_LISTS: { [K in Kind]: { list: keyof Snapshot; id: (value: Kinds[K]) => string } } = {
  truck: { list: "trucks", id: truck => truck.truck_id },
  bin: { list: "bins", id: bin => bin.bin_id },
  due: { list: "due", id: due => due.place_id },
  plan: { list: "plans", id: plan => plan.truck_id },
  alert: { list: "alerts", id: alert => alert.alert_id },
  run: { list: "runs", id: run => run.material },
  order: { list: "orders", id: order => order.order_id },
  facility: { list: "facilities", id: facility => facility.id },
  depot: { list: "depots", id: depot => depot.id },
  source: { list: "sources", id: source => source.id },
  action: { list: "actions", id: action => action.action_id },
  zone: { list: "zones", id: zone => zone.zone_id },
  permit: { list: "permits", id: permit => permit.permit_id },
};

export class Store {
  readonly tables: Tables = {
    truck: new Table(),
    bin: new Table(),
    due: new Table(),
    plan: new Table(),
    alert: new Table(),
    run: new Table(),
    order: new Table(),
    facility: new Table(),
    depot: new Table(),
    source: new Table(),
    action: new Table(),
    zone: new Table(),
    permit: new Table(),
  };
  /** Drivers' reports by truck: a list of a thousand trucks asks for each one's. */
  readonly reports = new Grouped(this.tables.action, action => action.truck_id);
  /** False until the first snapshot. */
  readonly filled = signal(false);
  /** The gateway's own data are old since then (city time), or null. */
  readonly staleSince = signal<number | null>(null);

  takeSnapshot(snapshot: Snapshot): void {
    batch(() => {
      for (const kind of Object.keys(SNAPSHOT_LISTS) as Kind[]) this.#fill(kind, snapshot);
      this.staleSince.value = snapshot.stale_since_ms ?? null;
      this.filled.value = true;
    });
  }

  #fill<K extends Kind>(kind: K, snapshot: Snapshot): void {
    const { list, id } = SNAPSHOT_LISTS[kind];
    const values = (snapshot[list] ?? []) as unknown as Kinds[K][];
    (this.tables[kind] as Table<Kinds[K]>).replace(values.map(value => [id(value), value]));
  }

  /** All that is known, as the gateway would say it first to a page that comes now. */
  snapshot(clock: ClockReading): Snapshot {
    const lists = Object.entries(SNAPSHOT_LISTS).map(([kind, { list }]) => [
      list,
      [...this.tables[kind as Kind].items.values()],
    ]);
    return { ...clock, ...Object.fromEntries(lists), stale_since_ms: this.staleSince.peek() };
  }

  /** Become what another store is; that one goes on by itself. */
  takeFrom(other: Store): void {
    batch(() => {
      for (const kind of Object.keys(SNAPSHOT_LISTS) as Kind[])
        (this.tables[kind] as Table<unknown>).replace((other.tables[kind] as Table<unknown>).items);
      this.staleSince.value = other.staleSince.peek();
      this.filled.value = other.filled.peek();
    });
  }

  takeDelta(delta: Delta): void {
    batch(() => {
      for (const change of delta.changes) this.#apply(change, delta.now_ms);
      if (delta.stale_since_ms !== undefined) this.staleSince.value = delta.stale_since_ms;
    });
  }

  #apply(change: Change, now_ms: number): void {
    // a newer gateway may speak of kinds this page does not know yet
    const table = this.tables[change.kind] as Table<unknown> | undefined;
    if (change.kind === "due" && change.value === null) this.#noLongerDue(change.id, now_ms);
    else table?.put(change.id, change.value);
  }

  /** A place no longer due is kept as such: a plan made before still names it, and it is done. */
  #noLongerDue(place_id: string, now_ms: number): void {
    const known = this.tables.due.get(place_id);
    if (known) this.tables.due.put(place_id, { ...known, due: false, at_ms: now_ms });
  }
}
