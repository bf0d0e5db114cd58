/** The desk's single keys: what each does, and the sheet that says so and switches them off. */

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { DEEDS, type Deed, hearKeys, KEYS, keysOn, switchKeys } from "../ui/keys.ts";
import { focusedKey, rowsOnPage } from "../ui/rows.tsx";
import { store } from "../ui/start.tsx";
import { words } from "../words/index.ts";
import { chosenTruck, following, map } from "./state.ts";

export const keysShown = signal(false);

function act(deed: Deed): boolean {
  switch (deed) {
    case "search": {
      const field = document.querySelector<HTMLInputElement>('.list-tools input[type="search"]');
      field?.focus();
      field?.select();
      return field !== null;
    }
    case "next":
    case "previous":
      rowsOnPage.peek()?.go(deed === "next" ? 1 : -1);
      return rowsOnPage.peek() !== null;
    case "follow":
      return follow();
    case "help":
      keysShown.value = true;
      return true;
  }
}

/** Follow the chosen truck, or the one of the row with the focus; again: follow it no more. */
function follow(): boolean {
  const truck_id = chosenTruck.peek() || focusedKey();
  if (!truck_id || !store.tables.truck.get(truck_id)) return false;
  map.peek()?.follow(following.peek() === truck_id ? null : truck_id);
  return true;
}

/** Hears the keys, and is the sheet of them. */
export function Keys() {
  const w = words.value.list.keys;
  const sheet = useRef<HTMLDialogElement>(null);
  useEffect(() => hearKeys(act), []);
  const open = keysShown.value;
  useEffect(() => {
    if (open && !sheet.current?.open) sheet.current?.showModal();
  }, [open]);
  if (!open) return null;
  return (
    <dialog
      ref={sheet}
      class="keys"
      aria-labelledby="keys-title"
      data-testid="keys"
      onClose={() => {
        keysShown.value = false;
      }}
    >
      <h2 id="keys-title">{w.title}</h2>
      <dl>
        {DEEDS.map(deed => (
          <div key={deed}>
            <dt>
              <kbd>{KEYS[deed]}</kbd>
            </dt>
            <dd>{w[deed]}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>{w.enterKey}</kbd>
          </dt>
          <dd>{w.enter}</dd>
        </div>
      </dl>
      <label class="row-of">
        <input
          type="checkbox"
          checked={keysOn.value}
          data-testid="keys-on"
          onChange={event => switchKeys(event.currentTarget.checked)}
        />
        {w.on}
      </label>
      <button type="button" class="button main" onClick={() => sheet.current?.close()}>
        {w.close}
      </button>
    </dialog>
  );
}
