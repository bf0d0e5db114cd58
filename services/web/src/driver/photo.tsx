/** Take a photo of what is there: one press, the phone's camera, and it waits for the report it goes with. */

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { cityNow } from "../clock.ts";
import type { PlanVisit } from "../contract.ts";
import { words } from "../words/index.ts";
import { here } from "./driving.ts";
import type { StoredPhoto } from "./photos.ts";
import { sha256 } from "./photos.ts";
import { NoPicture, shrunk } from "./picture.ts";
import { about, keepPhoto, loosePhotos, noStorage } from "./state.ts";

const state = signal<"ready" | "working" | "broken" | "huge">("ready");

async function take(file: File | undefined, visit: PlanVisit): Promise<void> {
  if (!file) return;
  const fix = here.peek();
  const [taken_ms, place] = [cityNow(), fix ? { place: fix.place } : {}];
  state.value = "working";
  try {
    const bytes = await shrunk(file);
    const hash = await sha256(bytes);
    await keepPhoto(visit, bytes, {
      taken_ms,
      ...(hash ? { sha256: hash } : {}),
      ...place,
      ...(fix?.accuracy_m == null ? {} : { accuracy_m: fix.accuracy_m }),
    });
    state.value = "ready";
  } catch (problem) {
    state.value = problem instanceof NoPicture ? problem.why : "broken";
  }
}

export function PhotoButton({ visit }: { visit: PlanVisit }) {
  const w = words.value.drive;
  if (noStorage.value) return null;
  const photos = loosePhotos(about(visit));
  const working = state.value === "working";
  return (
    <div class="photo" data-testid="photo" data-count={photos.length} data-state={state.value}>
      <label class="big photo-button">
        <span>{photos.length ? w.photo : w.photoTake}</span>
        <input
          type="file"
          accept="image/*"
          capture="environment"
          class="hidden-text"
          data-testid="photo-file"
          disabled={working}
          onChange={event => {
            const input = event.currentTarget;
            void take(input.files?.[0], visit).finally(() => {
              input.value = "";
            });
          }}
        />
      </label>
      <div class="photo-said" role="status">
        {working && <p class="soft">{w.photoWorking}</p>}
        {state.value === "broken" && <p class="note bad">{w.photoBroken}</p>}
        {state.value === "huge" && <p class="note bad">{w.photoHuge}</p>}
        {photos.length > 0 && <p>✓ {w.photoReady(photos.length)}</p>}
      </div>
      {photos.map(photo => (
        <Small key={photo.photo_id} photo={photo} />
      ))}
    </div>
  );
}

/** The photo as the phone has it; nothing once the office has taken it over. */
function Small({ photo }: { photo: StoredPhoto }) {
  const [address, setAddress] = useState("");
  useEffect(() => {
    const made = photo.bytes.length ? URL.createObjectURL(new Blob([photo.bytes], { type: "image/jpeg" })) : "";
    setAddress(made);
    return () => made && URL.revokeObjectURL(made);
  }, [photo.bytes]);
  const shown = address || `/api/v1/photos/${encodeURIComponent(photo.photo_id)}`;
  return <img class="small-photo" src={shown} alt={words.value.drive.photo} />;
}
