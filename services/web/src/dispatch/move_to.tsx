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
      data-testid="move"
      data-stop-id={stop_id}
      onClick={() => {
        openFor.value = open ? "" : stop_id;
      }}
    >
      <span>
        {drafted ? w.movedTo(truckName(drafted.truck_id)) : w.move}
        <span class="hidden-text"> {name}</span>
      </span>
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
      stop_ids={[stop.stop_id]}
      name={stop.name}
      alone={stop}
      chosen={() => {
        openFor.value = "";
      }}
    />
  );
}

type Found = { state: "asking" } | { state: "failed"; why: string } | { state: "known"; answer: PriceAnswer };

/** Ask once for these stops; `again` asks once more. */
function useOffers(stop_ids: string[]): [found: Signal<Found>, again: () => void] {
  const found = useSignal<Found>({ state: "asking" });
  const latest = useRef(0);
  const ask = () => {
    const mine = ++latest.current;
    found.value = { state: "asking" };
    whoCouldTake(stop_ids).then(
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
  }, [stop_ids.join(" ")]);
  return [found, ask];
}

interface OffersProps {
  /** All of them go to the one truck that is chosen. */
  stop_ids: string[];
  name: string;
  /** The stop, where it is only one: what could be changed about it is said, too. */
  alone?: Stop;
  /** After a truck was chosen. */
  chosen: () => void;
}

export function Offers({ stop_ids, name, alone, chosen }: OffersProps) {
  const w = words.value.draft;
  const [found, again] = useOffers(stop_ids);
  const now_ = found.value;
  const choose = (truck_id: string, pressed: HTMLElement) => {
    // the table goes: whoever works with keys goes on at the stop
    pressed.closest("li")?.querySelector("button")?.focus();
    give(stop_ids, truck_id);
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
          <OfferTable answer={now_.answer} name={name} choose={choose} />
          {alone && <WhatChanges answer={now_.answer} {...alone} />}
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
