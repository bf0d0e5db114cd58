/** The facilities: what they take, how much came today, who is inside; and closing one until a time. */

import { useSignal } from "@preact/signals";
import { cityNow, now } from "../clock.ts";
import type { Facility } from "../contract.ts";
import { isClosed } from "../domain/places.ts";
import { ask } from "../http.ts";
import { mayDispatch } from "../session.ts";
import { Bar, MaterialMark, Name, Tag } from "../ui/bits.tsx";
import { carryOut, OutcomeText, useOutcome } from "../ui/command.tsx";
import { store } from "../ui/start.tsx";
import { fromField, nearTime, toField, weight } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { Choice, Until } from "./fields.tsx";
import { chosenPlace } from "./state.ts";

export function Sites() {
  return (
    <ul class="rows" data-testid="sites">
      {store.tables.facility
        .all()
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map(site => (
          <SiteRow key={site.id} site={site} />
        ))}
    </ul>
  );
}

function SiteRow({ site }: { site: Facility }) {
  const w = words.value;
  const open = chosenPlace.value === site.id;
  const closed = isClosed(site, now.value);
  const share = site.daily_kg && typeof site.today_kg === "number" ? site.today_kg / site.daily_kg : null;
  return (
    <li class={open ? "open" : ""}>
      <button
        type="button"
        class="row"
        aria-expanded={open}
        data-testid="site-row"
        data-facility-id={site.id}
        data-closed={closed}
        onClick={() => {
          chosenPlace.value = open ? "" : site.id;
        }}
      >
        <span class={`site-mark ${closed ? "closed" : ""}`}>{wordFor(w.facilityLetter, site.facility_type)}</span>
        <span class="row-main">
          <span class="row-title">
            <Name>{site.name ?? site.id}</Name>
            {closed && <Tag kind="critical">{w.desk.sites.closedUntil(nearTime(site.closed_until_ms, now.value))}</Tag>}
          </span>
          <span class="row-sub">
            {wordFor(w.facilityType, site.facility_type)} · {w.desk.sites.takes}{" "}
            {(site.accepts ?? []).map(one => (
              <MaterialMark key={one} of={one} />
            ))}
          </span>
        </span>
        <span class="row-end">
          <span class="nowrap">
            <Bar value={share} label={w.desk.sites.today} /> {weight(site.today_kg)}
            {site.daily_kg ? <span class="soft"> / {weight(site.daily_kg)}</span> : null}
          </span>
          <span class="soft">{w.desk.sites.queue(site.queue ?? 0)}</span>
        </span>
      </button>
      {open && mayDispatch() && <Closing site={site} closed={closed} />}
    </li>
  );
}

function Closing({ site, closed }: { site: Facility; closed: boolean }) {
  const w = words.value.desk.sites;
  const outcome = useOutcome();
  const until = useSignal(toField(cityNow() + 2 * 3_600_000));
  const reason = useSignal<keyof typeof w.reasons>("full");
  const until_ms = fromField(until.value);
  const path = `/api/v1/facilities/${encodeURIComponent(site.id)}/closure`;
  const send = (closed_until_ms: number | null) =>
    void carryOut(outcome, () => ask("PUT", path, { closed_until_ms, reason: reason.value }), w.done);
  return (
    <div class="row-details" data-testid="closing">
      <div class="row-of">
        <Until label={w.close} moment={until} />
        <Choice
          label={w.reason}
          chosen={reason}
          options={Object.entries(w.reasons) as [keyof typeof w.reasons, string][]}
        />
        <button
          type="button"
          class="button danger"
          data-testid="close-site"
          disabled={until_ms === null || until_ms <= now.value}
          onClick={() => until_ms !== null && send(until_ms)}
        >
          {w.close}
        </button>
        {closed && (
          <button type="button" class="button" data-testid="reopen-site" onClick={() => send(null)}>
            {w.reopen}
          </button>
        )}
      </div>
      <OutcomeText of={outcome} />
    </div>
  );
}
