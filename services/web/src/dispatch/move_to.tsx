/** Whom a stop could go to: every truck of its waste, with what that comes to or the first rule in the way. */

import { type Signal, signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { now } from "../clock.ts";
import type { Offer, PriceAnswer } from "../contract.ts";
import { ranked } from "../domain/draft.ts";
import { kilometres, minutes, ruleText } from "../say/prices.ts";
import { mayDispatch } from "../session.ts";
import { Name, Tag } from "../ui/bits.tsx";
import { failureText } from "../ui/command.tsx";
import { nearTime, UNKNOWN } from "../words/format.ts";
import { words } from "../words/index.ts";
import { give, moves, whoCouldTake } from "./draft.ts";
import { truckName } from "./state.ts";
import { WhatChanges } from "./what_changes.tsx";

/** The stop whose table is open; "" = none. One at a time: a table is long. */
export const openFor = signal("");

/** The button at a stop. The table it opens is `MoveTable`, to be put where there is room for it. */
export function MoveButton({ stop_id, name }: { stop_id: string; name: string }) {
  const w = words.value.draft;
  if (!mayDispatch()) return null;
  const open = openFor.value === stop_id;
  const drafted = moves.value.find(one => one.stop_id === stop_id);
  return (
    <button
      type="button"
      class={`button quiet move-button ${drafted ? "drafted" : ""}`}
      aria-expanded={open}
      aria-label={w.moveStop(name)}
      data-testid="move"
      data-stop-id={stop_id}
      onClick={() => {
        openFor.value = open ? "" : stop_id;
      }}
    >
      {drafted ? w.movedTo(truckName(drafted.truck_id)) : w.move}
    </button>
  );
}

interface Stop {
  stop_id: string;
  /** The bin or the order it is of. */
  place_id: string;
  name: string;
  material: string | null | undefined;
}

export function MoveTable(stop: Stop) {
  if (openFor.value !== stop.stop_id || !mayDispatch()) return null;
  return (
    <Offers
      {...stop}
      chosen={() => {
        openFor.value = "";
      }}
    />
  );
}

type Found = { state: "asking" } | { state: "failed"; why: string } | { state: "known"; answer: PriceAnswer };

/** Ask once for a stop; `again` asks once more. */
function useOffers(stop_id: string): [found: Signal<Found>, again: () => void] {
  const found = useSignal<Found>({ state: "asking" });
  const latest = useRef(0);
  const ask = () => {
    const mine = ++latest.current;
    found.value = { state: "asking" };
    whoCouldTake(stop_id).then(
      answer => {
        if (mine === latest.current) found.value = { state: "known", answer };
      },
      problem => {
        if (mine === latest.current) found.value = { state: "failed", why: failureText(problem) };
      },
    );
  };
  useEffect(() => {
    ask();
    return () => {
      latest.current++;
    };
  }, [stop_id]);
  return [found, ask];
}

interface OffersProps extends Stop {
  /** After a truck was chosen. */
  chosen: () => void;
}

export function Offers({ chosen, ...stop }: OffersProps) {
  const w = words.value.draft;
  const [found, again] = useOffers(stop.stop_id);
  const now_ = found.value;
  const choose = (truck_id: string, pressed: HTMLElement) => {
    // the table goes: whoever works with keys goes on at the stop
    pressed.closest("li")?.querySelector("button")?.focus();
    give(stop.stop_id, truck_id);
    chosen();
  };
  return (
    <div class="offers" data-testid="offers" data-state={now_.state} aria-busy={now_.state === "asking"}>
      {now_.state === "asking" && (
        <p class="soft" role="status">
          {w.asking}
        </p>
      )}
      {now_.state === "failed" && (
        <p class="note bad row-of" role="status">
          <span>{now_.why}</span>
          <button type="button" class="button" onClick={again}>
            {w.again}
          </button>
        </p>
      )}
      {now_.state === "known" && (
        <>
          <OfferTable answer={now_.answer} name={stop.name} choose={choose} />
          <WhatChanges answer={now_.answer} stop_id={stop.stop_id} place_id={stop.place_id} material={stop.material} />
        </>
      )}
    </div>
  );
}

function OfferTable({
  answer,
  name,
  choose,
}: {
  answer: PriceAnswer;
  name: string;
  choose: (truck_id: string, pressed: HTMLElement) => void;
}) {
  const w = words.value.draft;
  if (answer.gone.length) return <p class="note">{w.gone}</p>;
  if (!answer.offers.length) return <p class="note">{w.nobody}</p>;
  return (
    <table class="offer-table">
      <caption>
        <Name>{w.caption(name)}</Name> <span class="soft">{w.pricedAt(nearTime(answer.made_ms, now.value))}</span>
      </caption>
      <thead>
        <tr>
          <th scope="col">{w.truck}</th>
          <th scope="col" class="number">
            {w.way}
          </th>
          <th scope="col" class="number">
            {w.time}
          </th>
          <th scope="col" class="number">
            {w.overflowing}
          </th>
        </tr>
      </thead>
      <tbody>
        {ranked(answer.offers).map(offer => (
          <OfferRow key={offer.truck_id} offer={offer} choose={choose} />
        ))}
      </tbody>
    </table>
  );
}

function OfferRow({ offer, choose }: { offer: Offer; choose: (truck_id: string, pressed: HTMLElement) => void }) {
  const w = words.value.draft;
  const { price, rule } = offer;
  const who = truckName(offer.truck_id);
  return (
    <tr data-testid="offer" data-truck-id={offer.truck_id} data-rule={rule?.code ?? ""} class={rule ? "cannot" : ""}>
      <th scope="row">
        {rule ? (
          <Name>{who}</Name>
        ) : (
          <button
            type="button"
            class="button"
            aria-label={w.giveTo(who)}
            data-testid="give"
            onClick={event => choose(offer.truck_id, event.currentTarget)}
          >
            <Name>{who}</Name>
          </button>
        )}
        {!rule && <span class="soft"> {nearTime(offer.at_ms, now.value)}</span>}
        {rule && <RuleLine rule={rule} />}
      </th>
      <td class="number">{price ? kilometres(price) : UNKNOWN}</td>
      <td class="number">
        {price ? minutes(price.duration_s) : UNKNOWN}
        {price !== null && Math.round(price.overtime_s / 60) !== 0 && (
          <span class="soft"> {w.overtime(minutes(price.overtime_s))}</span>
        )}
      </td>
      <td class="number">{price ? minutes(price.overflow_s) : UNKNOWN}</td>
    </tr>
  );
}

export function RuleLine({ rule }: { rule: NonNullable<Offer["rule"]> }) {
  const { name, sentence } = ruleText(rule);
  return (
    <span class="rule-line">
      {name && <Tag kind="medium">{name}</Tag>} <span lang={sentence.lang}>{sentence.text}</span>
    </span>
  );
}
