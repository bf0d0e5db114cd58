/** What is in the draft and what it comes to; nothing of it leaves before it is sent. And what was just sent, to take back. */

import type { DraftedMove } from "../contract.ts";
import { isAbout, type Move } from "../domain/draft.ts";
import { priceText } from "../say/prices.ts";
import { mayDispatch } from "../session.ts";
import { Name } from "../ui/bits.tsx";
import { usePassing } from "../ui/passing.ts";
import { hourMinute } from "../words/format.ts";
import { words } from "../words/index.ts";
import {
  type Done,
  discard,
  done,
  leave,
  moves,
  priced,
  ready,
  retry,
  send,
  sending,
  takeBack,
  trouble,
  waiting,
} from "./draft.ts";
import { RuleLine } from "./move_to.tsx";
import { placeName, truckName } from "./state.ts";

export function DraftTray() {
  return (
    <>
      <div role="status" class="done-area">
        {done.value && <DoneToast what={done.value} />}
      </div>
      {moves.value.length > 0 && <Tray />}
    </>
  );
}

function Tray() {
  const w = words.value.draft;
  const answer = priced.value;
  const current = isAbout(answer, moves.value) ? answer : null;
  const told = new Map(current?.moves.map(one => [one.stop_id, one]));
  return (
    <section class="draft-tray" aria-label={w.title} data-testid="draft" data-waits-for={waiting.value ?? ""}>
      <details open={moves.value.length <= 3}>
        <summary>
          <strong>{w.moves(moves.value.length)}</strong>{" "}
          <span data-testid="draft-price" role="status">
            {current ? priceText(current.price) : <span class="soft">{w.asking}</span>}
          </span>
        </summary>
        <ul>
          {moves.value.map(move => (
            <MoveLine key={move.stop_id} move={move} told={told.get(move.stop_id)} />
          ))}
        </ul>
      </details>
      {trouble.value && (
        <p class="note bad row-of" role="alert">
          <span>{trouble.value}</span>
          {waiting.value && (
            <button type="button" class="button" onClick={retry}>
              {w.again}
            </button>
          )}
        </p>
      )}
      <div class="row-of">
        <button
          type="button"
          class="button main"
          data-testid="draft-send"
          disabled={!ready.value || sending.value}
          onClick={() => void send()}
        >
          {sending.value ? w.sending : w.send}
        </button>
        <button type="button" class="button" data-testid="draft-discard" onClick={discard}>
          {w.discard}
        </button>
        <span class="soft">{waiting.value ? w.waits[waiting.value] : w.nothingLeft}</span>
      </div>
    </section>
  );
}

function MoveLine({ move, told }: { move: Move; told: DraftedMove | undefined }) {
  const w = words.value.draft;
  const name = placeName(move.stop_id);
  return (
    <li data-testid="draft-move" data-stop-id={move.stop_id} data-truck-id={move.truck_id}>
      <span>
        <Name>{name}</Name> → <Name>{truckName(move.truck_id)}</Name>
        {told?.at_ms && <span class="soft"> {hourMinute(told.at_ms)}</span>}
        {told?.from_truck_id && <span class="soft"> {w.from(truckName(told.from_truck_id))}</span>}
        {told?.rule && <RuleLine rule={told.rule} />}
      </span>
      <button
        type="button"
        class="button quiet"
        aria-label={w.leave(name)}
        title={w.leave(name)}
        onClick={event => {
          event.currentTarget.closest("section")?.querySelector("summary")?.focus();
          leave(move.stop_id);
        }}
      >
        ✕
      </button>
    </li>
  );
}

/** It goes by itself, but not under somebody's pointer or focus. */
function DoneToast({ what }: { what: Done }) {
  const w = words.value.draft;
  const close = () => {
    done.value = null;
  };
  const hears = usePassing(what, close);
  return (
    <p class={`note ${what.failed ? "bad" : "fine"} row-of`} data-testid="done" {...hears}>
      <span>{what.text}</span>
      {what.undo && mayDispatch() && (
        <button type="button" class="button" data-testid="undo" onClick={() => void takeBack()}>
          {w.undo}
        </button>
      )}
      <button type="button" class="button quiet" aria-label={w.close} onClick={close}>
        ✕
      </button>
    </p>
  );
}
