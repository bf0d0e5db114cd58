/** The sheet of a page's single keys, which also switches them off. */

import { useEffect, useRef } from "preact/hooks";
import { words } from "../words/index.ts";
import { keysOn, keysShown, switchKeys } from "./keys.ts";

/** `lines`: each key, and what it does. */
export function KeySheet({ lines }: { lines: readonly (readonly [key: string, what: string])[] }) {
  const w = words.value.keys;
  const sheet = useRef<HTMLDialogElement>(null);
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
      data-testid="key-sheet"
      onClose={() => {
        keysShown.value = false;
      }}
    >
      <h2 id="keys-title">{w.title}</h2>
      <dl>
        {lines.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label class="row-of tight">
        <input
          type="checkbox"
          checked={keysOn.value}
          data-testid="keys-on"
          onChange={event => switchKeys(event.currentTarget.checked)}
        />
        {w.on}
      </label>
      <form method="dialog">
        <button type="submit" class="button main">
          {w.close}
        </button>
      </form>
    </dialog>
  );
}
