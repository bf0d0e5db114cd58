/** Several stops of one truck at once: picked by their boxes, moved together. */

import { signal, useSignal } from "@preact/signals";
import { mayDispatch } from "../session.ts";
import { words } from "../words/index.ts";
import { Offers } from "./move_to.tsx";

/** The stops that are picked. */
const picked = signal<ReadonlySet<string>>(new Set());

export function PickBox({ stop_id, name }: { stop_id: string; name: string }) {
  if (!mayDispatch()) return null;
  return (
    <input
      type="checkbox"
      class="pick"
      aria-label={words.value.draft.pick(name)}
      data-testid="pick"
      checked={picked.value.has(stop_id)}
      onChange={event => {
        const now = new Set(picked.value);
        if (event.currentTarget.checked) now.add(stop_id);
        else now.delete(stop_id);
        picked.value = now;
      }}
    />
  );
}

/** What is picked of these stops: those of a truck that is not shown any more do not count. */
export function PickBar({ stop_ids }: { stop_ids: string[] }) {
  const w = words.value.draft;
  const open = useSignal(false);
  const mine = stop_ids.filter(stop_id => picked.value.has(stop_id));
  if (mine.length < 2 || !mayDispatch()) return null;
  return (
    <div class="pick-bar">
      <button
        type="button"
        class="button"
        aria-expanded={open.value}
        data-testid="move-picked"
        onClick={() => {
          open.value = !open.value;
        }}
      >
        {w.movePicked(mine.length)}
      </button>
      {open.value && (
        <Offers
          stop_ids={mine}
          name={w.picked(mine.length)}
          chosen={() => {
            open.value = false;
            picked.value = new Set();
          }}
        />
      )}
    </div>
  );
}
