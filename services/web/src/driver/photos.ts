/**
 * Photos as proof: made smaller on the phone, bound to time, place and stop when they are taken, kept here until the office
 * has them. Reports go first: no photo holds up a call for help.
 */

import type { LonLat } from "../contract.ts";
import { Queue, type Queued, type Shelf } from "./queue.ts";

/** What is known the moment a photo is taken. */
export interface Taken {
  taken_ms: number;
  clock_ahead_ms?: number;
  /** Of the bytes that are sent; missing where the browser cannot make one (no https). */
  sha256?: string;
  place?: LonLat;
  accuracy_m?: number;
  stop_id?: string;
  order_id?: string;
  facility_id?: string;
  plan_version?: number;
}

export interface StoredPhoto extends Queued {
  photo_id: string;
  taken: Taken;
  /** What it was about, in words of the moment. */
  about: string;
  /** JPEG; empty once the office has it. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The report it goes with; missing until there is one. */
  action_id?: string;
  /** As a report's. */
  guessed?: boolean;
}

const RECEIVED_KEPT = 50;

export type SendPhoto = (address: string, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal) => Promise<unknown>;

export class PhotoBox extends Queue<StoredPhoto> {
  readonly #user_id: string;
  readonly #send: SendPhoto;
  #onWay: AbortController | null = null;

  /** `mayGo`: no report waits. */
  constructor(shelf: Shelf<StoredPhoto>, user_id: string, send: SendPhoto, mayGo: () => boolean) {
    super(shelf, user_id, { kept: RECEIVED_KEPT, mayGo });
    this.#user_id = user_id;
    this.#send = send;
  }

  protected override async send({ photo_id, taken, bytes }: StoredPhoto): Promise<void> {
    const onWay = new AbortController();
    this.#onWay = onWay;
    try {
      await this.#send(photoAddress(photo_id, taken), bytes, onWay.signal);
    } finally {
      this.#onWay = null;
    }
  }

  protected override received(row: StoredPhoto): StoredPhoto {
    return { ...row, bytes: new Uint8Array() };
  }

  /** Let reports pass: what is on its way is stopped, and sent again after them under the same id. */
  giveWay(): void {
    this.#onWay?.abort();
  }

  /** Keep a photo. It is on the phone when this returns. */
  put(photo_id: string, taken: Taken, about: string, bytes: Uint8Array<ArrayBuffer>, guessed = false): Promise<void> {
    const mark = guessed ? { guessed } : {};
    return this.keep({ photo_id, user_id: this.#user_id, taken, about, bytes, state: "saved", ...mark });
  }

  /** The photos taken at a visit that no report has yet. */
  loose(of: Pick<Taken, "stop_id" | "facility_id">): StoredPhoto[] {
    const here = (taken: Taken) => (of.stop_id ? taken.stop_id === of.stop_id : taken.facility_id === of.facility_id);
    return this.rows.value.filter(one => !one.action_id && one.state !== "refused" && here(one.taken));
  }

  /** These go with a report. */
  async attach(photo_ids: readonly string[], action_id: string): Promise<void> {
    await this.change(row => (photo_ids.includes(row.photo_id) ? { ...row, action_id } : row));
  }

  /** As `Outbox.correct`. */
  async correct(ahead_ms: number): Promise<void> {
    await this.change(row => {
      if (!row.guessed || row.state !== "saved") return row;
      const { guessed: _, ...known } = row;
      if (ahead_ms === 0) return known;
      const taken = { ...row.taken, taken_ms: row.taken.taken_ms - ahead_ms, clock_ahead_ms: ahead_ms };
      return { ...known, taken };
    });
  }
}

/** Where a photo is put; what is known of it stands in the address, its bytes are the body. */
export function photoAddress(photo_id: string, { place, ...taken }: Taken): string {
  const said = { ...taken, ...(place ? { lon: place[0], lat: place[1] } : {}) };
  const query = new URLSearchParams(Object.entries(said).map(([name, value]) => [name, String(value)]));
  return `/api/v1/photos/${encodeURIComponent(photo_id)}?${query}`;
}

/** SHA-256 as hex, where the browser makes one. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  const digest = await globalThis.crypto?.subtle?.digest("SHA-256", bytes);
  return digest && Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, "0")).join("");
}
