/** The phone's own storage (IndexedDB): reports, photos, and what was known last. */

import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { StoredReport } from "./outbox.ts";
import type { StoredPhoto } from "./photos.ts";
import type { Shelf } from "./queue.ts";

interface Tables extends DBSchema {
  reports: { key: number; value: StoredReport; indexes: { action_id: string } };
  photos: { key: number; value: StoredPhoto; indexes: { photo_id: string } };
  kept: { key: string; value: unknown };
}

export type Phone = IDBPDatabase<Tables>;

/** Another tab holds an older form of the storage open, and does not let go of it. */
export class HeldElsewhere extends Error {}

/**
 * Open it. Throws where the browser forbids it (some private modes), and while it is held elsewhere. When a newer page needs
 * a newer form, this one lets go: what it reports from then on is sent from memory.
 */
export async function openPhone(name = "qingyun-driver"): Promise<Phone> {
  const held = Promise.withResolvers<never>();
  const opened = openDB<Tables>(name, 2, {
    blocked: () => held.reject(new HeldElsewhere("another tab holds the storage")),
    blocking: (_has, _wanted, event) => (event.target as IDBDatabase).close(),
    upgrade(db, from) {
      if (from < 1) {
        const reports = db.createObjectStore("reports", { keyPath: "seq", autoIncrement: true });
        reports.createIndex("action_id", "action_id", { unique: true });
        db.createObjectStore("kept");
      }
      if (from < 2) {
        const photos = db.createObjectStore("photos", { keyPath: "seq", autoIncrement: true });
        photos.createIndex("photo_id", "photo_id", { unique: true });
      }
    },
  });
  try {
    return await Promise.race([opened, held.promise]);
  } catch (problem) {
    // nobody waits for it any more: it must not hold up others in turn
    void opened.then(
      phone => phone.close(),
      () => undefined,
    );
    throw problem;
  }
}

/** What a driver is told is saved stays so when the phone's power ends at that moment; browsers promise that only if asked. */
const ON_DISK = { durability: "strict" } as const;

const shelf = <Row extends StoredReport | StoredPhoto>(phone: Phone, name: "reports" | "photos"): Shelf<Row> => ({
  all: () => phone.getAll(name) as Promise<Row[]>,
  add: async row => {
    const kept = phone.transaction(name, "readwrite", ON_DISK);
    const [seq] = await Promise.all([kept.store.add(row), kept.done]);
    return seq;
  },
  put: row => phone.put(name, row),
  remove: seq => phone.delete(name, seq),
});

export const reportShelf = (phone: Phone): Shelf<StoredReport> => shelf(phone, "reports");
export const photoShelf = (phone: Phone): Shelf<StoredPhoto> => shelf(phone, "photos");

/** Where nothing can be kept: what is put there is sent from memory. */
export const NO_SHELF = {
  all: async () => [],
  add: (): Promise<number> => Promise.reject(new Error("no storage")),
  put: async () => undefined,
  remove: async () => undefined,
};
