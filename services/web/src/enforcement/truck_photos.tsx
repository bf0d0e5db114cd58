/** Photos the truck's driver took around an alert, with when, where and how they are known to be what came. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Alert, PhotoFacts } from "../contract.ts";
import { ask } from "../http.ts";
import { Photos } from "../ui/photos.tsx";
import { hourMinuteSecond } from "../words/format.ts";
import { words } from "../words/index.ts";

/** Before its start and after its end: a stop's photo is taken minutes before the drive that follows. */
const AROUND_MS = 30 * 60_000;
const LONGEST_MS = 24 * 3_600_000;

export function TruckPhotos({ alert }: { alert: Alert }) {
  const photos = useSignal<PhotoFacts[]>([]);
  const { truck_id, start_ms } = alert;
  const end_ms = Math.min(alert.end_ms ?? alert.raised_ms, start_ms + LONGEST_MS);
  useEffect(() => {
    photos.value = [];
    if (!truck_id) return;
    const span = `from_ms=${start_ms - AROUND_MS}&to_ms=${end_ms + AROUND_MS}`;
    ask<{ photos: PhotoFacts[] }>("GET", `/api/v1/trucks/${encodeURIComponent(truck_id)}/photos?${span}`).then(
      found => {
        photos.value = found.photos;
      },
      () => undefined, // the alert stands without them; the next revision asks again
    );
  }, [truck_id, start_ms, end_ms]);
  if (!photos.value.length) return null;
  return (
    <section data-testid="truck-photos">
      <h3>{words.value.drive.photo}</h3>
      <ul>
        {photos.value.map(photo => (
          <li key={photo.photo_id}>
            <time>{hourMinuteSecond(photo.taken_ms)}</time> <bdi>{photo.stop_id ?? photo.facility_id ?? ""}</bdi>{" "}
            <span class="soft" title={photo.sha256}>
              SHA-256 {photo.sha256.slice(0, 12)}…
            </span>
            <Photos photo_ids={[photo.photo_id]} />
          </li>
        ))}
      </ul>
    </section>
  );
}
